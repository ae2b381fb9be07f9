"""Checkpoints: a folder with ``model.safetensors``, ``config.json`` and a card, ``card.json``.

They hold numbers and text; no code is loaded from them.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from reprlib import repr as shown
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from musictx.errors import MusictxError, reason
from musictx.events import VOCABULARY_SIZE
from musictx.files import make_folder, read_json, writing
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.positions import SCHEMES, find_scheme
from musictx.model.sizes import parameter_count
from musictx.model.unfilled import unfilled
from musictx.settings import SETTINGS, SamplingSettings
from musictx.shipped import DEFAULT_MODEL, SHIPPED_MODELS, shipped_folder

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "card.json"
# Settings of earlier versions, which no shipped model and no command ever set to anything else.
RETIRED: dict[str, Any] = {"kv_heads": None, "norm_placement": "pre"}


def save_model(
    model: MusicTransformer,
    folder: str | os.PathLike[str],
    card: dict[str, Any] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a model as a checkpoint folder.

    Parameters
    ----------
    model : MusicTransformer
    folder : path
    card : dict, optional
        What the model is and where it comes from: data, licence, steps, NLL; any JSON values.
    dtype : torch.dtype
        Stored precision; ``torch.float16`` or ``torch.bfloat16`` halve the file.

    Raises
    ------
    MusictxError
        If the folder cannot be written; files that were there before stay.

    Examples
    --------
    >>> from musictx import ModelConfig, MusicTransformer, load_model, save_model
    >>> save_model(MusicTransformer(ModelConfig(layers=1, width=32)), "my-model", {"licence": "CC0"})
    >>> load_model("my-model").config.width
    32
    """
    folder = Path(folder)
    weights = {name: w.detach().to("cpu", dtype).contiguous() for name, w in model.state_dict().items()}
    make_folder(folder)
    texts = {CONFIG: model.config.to_dict(), CARD: card or {}}
    contents = {name: (json.dumps(text, indent=2) + "\n").encode() for name, text in texts.items()}
    with ExitStack() as files:  # all are on the disk before the first takes the place of an older one
        for name, content in {WEIGHTS: save(weights, {"format": "musictx"}), **contents}.items():
            stream = files.enter_context(writing(folder / name))
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())


def find_model(name: str | os.PathLike[str]) -> Path:
    """Folder of a shipped model (by name), of a checkpoint, or of a training run's best model.

    Examples
    --------
    >>> from musictx.checkpoint import find_model
    >>> sorted(file.name for file in find_model("rope").iterdir())
    ['card.json', 'config.json', 'model.safetensors']
    """
    if str(name) in SHIPPED_MODELS and (shipped_folder("checkpoints") / str(name) / CONFIG).is_file():
        return shipped_folder("checkpoints") / str(name)
    folder = Path(name)
    for candidate in (folder, folder / "model") if str(name).strip() else ():
        if os.path.isfile(candidate / CONFIG):
            return candidate
    if os.path.isfile(folder / "run.json"):
        raise MusictxError(f"the run in {name} has no model yet; continue it with --resume")
    raise MusictxError(
        f"no model at {str(name)!r}: it must be one of {', '.join(SHIPPED_MODELS)}, a checkpoint folder with "
        f"{CONFIG} and {WEIGHTS}, or the folder of a training run"
    )


def read_config(folder: Path) -> ModelConfig:
    """Configuration of a checkpoint folder.

    Examples
    --------
    >>> from musictx.checkpoint import find_model, read_config
    >>> read_config(find_model("rope")).window
    1024
    """
    path = folder / CONFIG
    values = read_json(path)
    if not isinstance(values, dict):
        raise MusictxError(f"{path} cannot be read as a model's configuration: it holds no settings")
    for name, only in RETIRED.items():
        if (found := values.pop(name, only)) != only:
            raise MusictxError(f"{path}: {name} is {shown(found)}; this version plays {shown(only)} only")
    unknown = set(values) - {f.name for f in fields(ModelConfig)}
    if unknown:
        names = ", ".join(map(repr, sorted(unknown)))  # whatever the file holds, in one line
        raise MusictxError(f"{path} has settings that this version does not know: {names[:300]}")
    try:
        config = ModelConfig(**values)
        find_scheme(config.position)
        return config
    except MusictxError as error:
        raise MusictxError(f"{path}: {error}") from error


def read_card(folder: Path) -> dict[str, Any]:
    """Card of a checkpoint folder; empty if it has none.

    Examples
    --------
    >>> from musictx.checkpoint import find_model, read_card
    >>> read_card(find_model("relative"))["licence"]
    'CC BY-NC-SA 4.0'
    """
    path = folder / CARD
    card = read_json(path) if path.is_file() else {}
    if not isinstance(card, dict):
        raise MusictxError(f"{path} cannot be read: it holds no card")
    return card


def licence_of(card: dict[str, Any]) -> str:
    """The licence of a model's weights: its card's, or that of the model that it began with; may be empty."""
    return str(card.get("licence") or card_part(card, "started_from").get("licence") or "")


def card_part(card: dict[str, Any], name: str) -> dict[str, Any]:
    """A table in a card, which anybody may have written: empty if it is none."""
    value = card.get(name)
    return value if isinstance(value, dict) else {}


def usual_settings(card: dict[str, Any]) -> dict[str, Any]:
    """How a model plays unless it is asked otherwise: ``sampling`` of its card, what people may set of it.

    Examples
    --------
    >>> from musictx.checkpoint import find_model, read_card, usual_settings
    >>> usual_settings(read_card(find_model("grand")))
    {'theme': 0.3, 'form': 0.35, 'shape': 'steady'}
    """
    settings = card.get("sampling", {})
    try:
        SamplingSettings(**settings)
    except (TypeError, MusictxError) as error:
        raise MusictxError(f"the model's card has sampling {shown(settings)}, which is no setting") from error
    return {name: settings[name] for name in settings if name in {*SETTINGS, "shape"}}


def load_model(
    name: str | os.PathLike[str] = DEFAULT_MODEL, *, device: str | torch.device = "cpu", **overrides: Any
) -> MusicTransformer:
    """Load a model, ready to play.

    Parameters
    ----------
    name : str or path
        ``"grand"``, ``"vanilla"``, ``"relative"`` or ``"rope"`` (shipped), or a checkpoint folder.
    device : str or torch.device
    **overrides
        Settings of `ModelConfig` that may change after training: ``rope_base``, ``rope_scaling``,
        ``rope_factor``, ``window``. A base or a scaling for longer contexts takes the place of the window
        that a rope model has, unless a window is given as well.

    Returns
    -------
    MusicTransformer
        In float32 and evaluation mode.

    Raises
    ------
    MusictxError
        If there is no such model, or its files are cut, foreign, or of another vocabulary.

    Examples
    --------
    >>> from musictx import load_model
    >>> load_model("vanilla").parameter_count() == load_model("relative").parameter_count()
    True
    """
    folder = find_model(name)
    config = read_config(folder)
    changeable = set().union(*(scheme.changeable for scheme in SCHEMES.values()), {"window"})
    if set(overrides) - changeable:
        wrong = ", ".join(sorted(set(overrides) - changeable))
        raise MusictxError(f"{wrong} cannot change after training; only {', '.join(sorted(changeable))} can")
    own = sorted(set(overrides) - {"window"})
    if set(own) - find_scheme(config.position).changeable:
        able = " and ".join(name for name, scheme in SCHEMES.items() if set(own) <= scheme.changeable)
        raise MusictxError(
            f"{', '.join(own).replace('_', ' ')} can change in {able} models only; "
            f"{name} has {config.position} positions"
        )
    if config.vocabulary != VOCABULARY_SIZE:
        raise MusictxError(
            f"{folder} has a vocabulary of {config.vocabulary} events; this version plays {VOCABULARY_SIZE}"
        )
    if own:
        overrides = {"window": None, **overrides}
    config = ModelConfig(**{**config.to_dict(), **overrides})
    if "rope_factor" in overrides and config.rope_scaling == "none":
        raise MusictxError("rope_factor does nothing without rope_scaling; choose ntk or yarn")
    if overrides.get("rope_scaling", "none") != "none" and config.rope_factor == 1:
        raise MusictxError(f"rope_scaling {config.rope_scaling} needs a rope_factor, such as 4")
    weights = read_weights(folder)
    held, needed = sum(w.numel() for w in weights.values()), parameter_count(config)
    if needed > held:  # said before the memory is taken
        raise MusictxError(f"{folder / WEIGHTS} does not fit its {CONFIG}: {held:,} numbers for {needed:,}")
    with unfilled():
        model = MusicTransformer(config)
    give_weights(model, weights, folder)
    model.card = read_card(folder)
    try:
        return model.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise MusictxError(f"device {device} cannot be used: {reason(error)}") from error


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Weights of a checkpoint folder, by name.

    Raises
    ------
    MusictxError
        If the file is missing or cut.
    """
    path = folder / WEIGHTS
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise MusictxError(f"{path} is missing, cut or not a safetensors file ({reason(error)})") from error


def give_weights(model: MusicTransformer, weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Give a model the weights of a checkpoint folder, in float32.

    Raises
    ------
    MusictxError
        If they are those of another model.
    """
    try:
        model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=True)
    except RuntimeError as error:
        raise MusictxError(f"{folder / WEIGHTS} does not fit its {CONFIG}: {reason(error)}") from error


def weights_hash(model: MusicTransformer) -> str:
    """SHA-256 of a model's configuration and weights: the same for the same model, wherever it lies."""
    digest = hashlib.sha256(json.dumps(model.config.to_dict()).encode())
    for name, weight in sorted(model.state_dict().items()):
        digest.update(name.encode() + weight.cpu().numpy().tobytes())
    return digest.hexdigest()


def list_models() -> list[str]:
    """Names of the shipped models that are present.

    Examples
    --------
    >>> from musictx import list_models
    >>> "relative" in list_models()
    True
    """
    return [m for m in SHIPPED_MODELS if (shipped_folder("checkpoints") / m / CONFIG).is_file()]
