"""Named model sizes, matched in parameters across position schemes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from musictx.errors import require
from musictx.model.config import ModelConfig
from musictx.model.positions import SCHEMES, find_scheme
from musictx.model.transformer import MusicTransformer
from musictx.model.unfilled import unfilled

# layers, width, heads
SIZES = {"tiny": (2, 64, 2), "small": (6, 256, 4), "medium": (8, 512, 8), "large": (12, 768, 12)}


def parameter_count(config: ModelConfig) -> int:
    """Number of trainable parameters of a model that need not be made for it."""
    with unfilled("meta"):
        return MusicTransformer(config).parameter_count()


def sized_config(
    size: str = "small",
    position: str = ModelConfig.position,
    context_length: int = ModelConfig.context_length,
    **settings: Any,
) -> ModelConfig:
    """Configuration of a named size.

    What one scheme spends on tables of positions, the others get as a wider feed-forward, so that models
    of one size have the same number of parameters.

    Parameters
    ----------
    size : {"tiny", "small", "medium", "large"}
        About 0.2, 6, 28 and 90 million parameters, with a context of 1,024.
    position : str
        Unless a window is given, the model has its scheme's (rope: the context length).
    context_length : int
    **settings
        Any other field of `ModelConfig`, less those that the size fixes.

    Examples
    --------
    >>> from musictx import MusicTransformer
    >>> from musictx.model import sized_config
    >>> schemes = ("vanilla", "relative", "rope")
    >>> {MusicTransformer(sized_config("small", name, 1024)).parameter_count() for name in schemes}
    {5711872}
    """
    require(size in SIZES, "size", size, f"be one of {', '.join(SIZES)}")
    layers, width, heads = SIZES[size]
    config = ModelConfig(
        position=position,
        layers=layers,
        width=width,
        heads=heads,
        feed_forward=4 * width,
        context_length=context_length,
        **{"window": find_scheme(position).default_window(context_length), **settings},
    )
    return with_table_budget(config, max(scheme.extra_parameters(config) for scheme in SCHEMES.values()))


def with_table_budget(config: ModelConfig, numbers: int) -> ModelConfig:
    """The same model with a feed-forward so wide that it and the scheme's tables share a budget.

    Parameters
    ----------
    config : ModelConfig
        Its feed-forward is what a scheme has that spends the whole budget on tables.
    numbers : int
        Trainable parameters of all its tables. A scheme that spends more gets a narrower feed-forward.
    """
    left = numbers - find_scheme(config.position).extra_parameters(config)
    wider = round(left / (2 * config.width * config.layers))
    return replace(config, feed_forward=config.feed_forward + wider)
