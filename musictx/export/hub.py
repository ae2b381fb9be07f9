"""Models from the Hugging Face Hub and to it, by huggingface_hub's mixin: methods of `MusicTransformer`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

from musictx.checkpoint import CARD, CONFIG, WEIGHTS, list_models, load_model, save_model
from musictx.errors import MusictxError, reason
from musictx.export.repository import hub, model_readme
from musictx.files import real_path
from musictx.model import MusicTransformer


def from_pretrained(
    name: str | os.PathLike[str], *, device: str | torch.device, hub_options: dict[str, Any], **overrides: Any
) -> MusicTransformer:
    """As `MusicTransformer.from_pretrained`."""
    if os.path.exists(name) or str(name) in list_models():
        return load_model(name, device=device, **overrides)
    with _said_plainly(f"no folder {str(name)!r} is here, and no such model can be had from the Hub"):
        folder = hub().snapshot_download(str(name), allow_patterns=[CONFIG, CARD, WEIGHTS], **hub_options)
    return load_model(folder, device=device, **overrides)


def save_pretrained(model: MusicTransformer, folder: str | os.PathLike[str]) -> None:
    """As `MusicTransformer.save_pretrained`."""
    _mixed()(model, name=real_path(folder).name).save_pretrained(folder)


def push_to_hub(model: MusicTransformer, repository: str, **options: Any) -> str:
    """As `MusicTransformer.push_to_hub`."""
    with _said_plainly(f"the model cannot be uploaded to {repository!r}"):
        found = _mixed()(model, name=repository.rsplit("/", 1)[-1]).push_to_hub(repository, **options)
    return str(found)


@cache
def _mixed() -> Any:
    """A model with what huggingface_hub mixes in, which is imported here, when it is first used."""

    class HubModel(hub().ModelHubMixin, library_name="musictx"):  # type: ignore[misc, call-arg]
        def __init__(self, model: MusicTransformer, name: str = ""):
            self.model, self.name = model, name

        def _save_pretrained(self, save_directory: Path) -> None:
            save_model(self.model, save_directory, self.model.card)

        def generate_model_card(self, *_: Any, **__: Any) -> Any:
            card = self.model.card
            return hub().ModelCard(model_readme(str(card.get("name") or self.name), card, self.model.config))

    return HubModel


@contextmanager
def _said_plainly(what: str) -> Iterator[None]:
    """Faults of the network and of the Hub in one sentence."""
    errors = hub().errors
    network = errors.HfHubHTTPError.__mro__[1]  # what all errors of its HTTP library are
    try:
        yield
    except (OSError, network, errors.HFValidationError, errors.EntryNotFoundError) as error:
        raise MusictxError(f"{what}: {reason(error)}") from error
