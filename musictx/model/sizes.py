"""Named model sizes, matched in parameters across position schemes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from musictx.errors import MusictxError
from musictx.model.transformer import ModelConfig, MusicTransformer

# layers, width, heads
SIZES = {"tiny": (2, 64, 2), "small": (6, 256, 4), "medium": (8, 512, 8), "large": (12, 768, 12)}


def parameter_count(config: ModelConfig) -> int:
    """Number of trained numbers of a model that need not be made for it."""
    with torch.device("meta"):
        return MusicTransformer(config).parameter_count()


def sized_config(
    size: str = "small",
    position: str = ModelConfig.position,
    context_length: int = ModelConfig.context_length,
    **settings: Any,
) -> ModelConfig:
    """Configuration of a named size.

    What the relative and the learned schemes spend on tables of positions, the others get as a wider
    feed-forward, so that models of one size have the same number of parameters.
    Rope hears a sliding window of the context length, which changes nothing in training and past it
    predicts best (see `musictx.evaluation.extrapolation`).

    Parameters
    ----------
    size : {"tiny", "small", "medium", "large"}
        About 0.3, 6, 27 and 90 million parameters.
    position : str
    context_length : int
    **settings
        Any other field of `ModelConfig`.

    Examples
    --------
    >>> from musictx import MusicTransformer
    >>> from musictx.model import sized_config
    >>> schemes = ("vanilla", "relative", "rope")
    >>> {MusicTransformer(sized_config("small", name, 1024)).parameter_count() for name in schemes}
    {5711872}
    """
    if size not in SIZES:
        raise MusictxError(f"size is {size!r}; it must be one of {', '.join(SIZES)}")
    layers, width, heads = SIZES[size]
    if position == "rope":
        settings = {"window": context_length, **settings}
    config = ModelConfig(
        position=position,
        layers=layers,
        width=width,
        heads=heads,
        feed_forward=4 * width,
        context_length=context_length,
        **settings,
    )
    table = layers * width * config.largest_distance  # numbers in all relative tables
    spent = {"relative": table, "learned": context_length * width}.get(position, 0)
    extra = round((table - spent) / (2 * width * layers))
    return ModelConfig(**{**config.to_dict(), "feed_forward": 4 * width + max(0, extra)})


def with_context(config: ModelConfig, length: int) -> ModelConfig:
    """The shape of a model, for training the same weights on contexts of another length.

    The relative table and the window stay as they are.

    Parameters
    ----------
    config : ModelConfig
    length : int
        Tokens in a context.

    Raises
    ------
    MusictxError
        If its positions end with the context that it has.
    """
    if config.position == "learned" and length != config.context_length:
        raise MusictxError(
            f"--context {length} does not fit a model with learned positions: it has them for "
            f"{config.context_length} tokens; models with other positions can change"
        )
    rows = config.largest_distance if config.position == "relative" else config.max_distance
    return replace(config, context_length=length, max_distance=rows)
