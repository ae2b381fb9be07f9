"""The models of the lanes: loaded, named, and described for the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from musictx import __version__
from musictx.checkpoint import find_model, licence_of, load_model, usual_settings, weights_hash
from musictx.compiled import announce_compilation
from musictx.errors import MusictxError
from musictx.events import START
from musictx.export.repository import card_to_write
from musictx.lab.votes.book import REAL
from musictx.model.positions import SCHEMES
from musictx.render.figures import COLOURS
from musictx.sampling import generate
from musictx.shipped import COMPARED_MODELS, DEFAULT_MODEL, SHIPPED_MODELS

from .presets import presets
from .web_model import model_facts, web_model

MAX_MODELS = 4
# The page's colours (static/view/base.css): a scheme's own one, by its name, then those that no scheme has.
SCHEME_COLOURS = tuple(name for name in COLOURS if name in SCHEMES)
OTHER_COLOURS = ("rose", "ochre", "olive", "slate")


@dataclass(frozen=True)
class LaneModel:
    """One lane's model.

    Attributes
    ----------
    key : str
        The lane's name in addresses, files and votes: small letters, digits, hyphens.
    name : str
        Its name in the page.
    colour : str
        A name of the page's palette.
    model : MusicTransformer
        Shared by all visitors; nothing in it changes while it plays.
    card : dict
    compared : bool
        Whether it has a lane of its own beside the others; else it plays where music is made.
    """

    key: str
    name: str
    colour: str
    model: Any
    card: dict[str, Any]
    compared: bool = True

    @cached_property
    def settings(self) -> dict[str, Any]:
        """How it plays for programs that do not ask otherwise."""
        return usual_settings(self.card)

    @cached_property
    def weights(self) -> str:
        """Hash of the model's weights, which is kept with each vote."""
        return weights_hash(self.model)

    def facts(self) -> dict[str, Any]:
        """What the page says of the model, ready for JSON; lengths in tokens."""
        config = self.model.config
        return {
            "key": self.key,
            "name": self.name,
            "colour": self.colour,
            "position": config.position,
            "training_length": config.context_length,
            "window": config.window,
            "parameters": self.model.parameter_count(),
            "tokens_seen": self.card.get("tokens_seen"),
            "weights": self.weights,
            "licence": licence_of(self.card),
            "version": __version__,
            "shipped": self.key in SHIPPED_MODELS,
            "compared": self.compared,
        }


def load_models(models: Sequence[str | Path] | None = None) -> list[LaneModel]:
    """Load the models of the page.

    Parameters
    ----------
    models : sequence of str or path, optional
        One to four for the lanes: names of shipped models, checkpoint folders, or folders of training runs.
        One that is given several times has as many lanes, and is in memory once. Without them, the three
        that are compared, and beside them the one to make music with.

    Raises
    ------
    MusictxError
        If there are none or too many, or one that cannot be loaded.
    """
    if models is None:
        shipped = load_models((*COMPARED_MODELS, DEFAULT_MODEL))
        return [replace(lane, compared=lane.key in COMPARED_MODELS) for lane in shipped]
    if not 1 <= len(models) <= MAX_MODELS:
        raise MusictxError(f"{len(models)} models are given; the page has one to {MAX_MODELS} lanes")
    places = [find_model(model).resolve() for model in models]
    loaded: list[LaneModel] = []
    for k, (given, folder) in enumerate(zip(models, places, strict=True)):
        first = places.index(folder)
        model = loaded[first].model if first < k else load_model(given)
        card = card_to_write(folder)
        name = _name(Path(given), card)
        loaded.append(
            LaneModel(
                key=_unused(_slug(Path(given).name), [REAL, *(lane.key for lane in loaded)], "-"),
                name=_unused(name, [lane.name for lane in loaded], " "),
                colour=_colour(model.config.position, [lane.colour for lane in loaded]),
                model=model,
                card=card,
            )
        )
    return loaded


def web_file(lane: LaneModel) -> tuple[dict[str, Any], bytes]:
    """The file with which a lane plays in a browser, and what the page must know of it.

    Raises
    ------
    MusictxError
        If the browser's engine does not play such models.
    """
    content = web_model(lane.model)
    facts = model_facts(lane.key, lane.model, content)
    return {**facts, "address": f"musictx/models/{lane.key}-{facts['sha256'][:12]}.bin"}, content


def warm_up(models: Sequence[LaneModel]) -> None:
    """Compile what reads the primers and decodes the models, so that the first click does not wait."""
    with announce_compilation(lambda text: print(text, flush=True)):
        presets()
        for lane in models:
            list(generate(lane.model, np.array([START]), max_tokens=2))


def differ_in_positions_only(models: Sequence[LaneModel]) -> bool:
    """Whether nothing that was learned sets the compared models apart but how they know the order of events.

    They have another position scheme each, as many parameters (within 2 %), and their cards say that they
    were trained on as many tokens of the same music.
    """
    models = [lane for lane in models if lane.compared]
    if len(models) < 2:
        return False
    sizes = [lane.model.parameter_count() for lane in models]
    learned = [(lane.card.get("tokens_seen"), lane.card.get("data")) for lane in models]
    schemes = {lane.model.config.position for lane in models}
    return (
        len(schemes) == len(models)
        and max(sizes) <= 1.02 * min(sizes)
        and None not in learned[0]
        and all(each == learned[0] for each in learned)
    )


def _name(given: Path, card: dict[str, Any]) -> str:
    """A scheme's proper name, what the card calls the model, or the folder's name."""
    named = str(card.get("name", "")).strip()
    proper = "Grand" if given.name == DEFAULT_MODEL else ""
    if given.name in SCHEMES:
        proper = SCHEMES[given.name].title
    return proper or (named if not named.startswith("musictx ") else "") or given.name


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:24] or "model"


def _unused(name: str, taken: Sequence[str], between: str) -> str:
    """The name, with a number behind it if it is taken."""
    candidates = [name, *(f"{name}{between}{number}" for number in range(2, MAX_MODELS + 1))]
    return next(each for each in candidates if each not in taken)


def _colour(position: str, taken: Sequence[str]) -> str:
    own = (position,) if position in SCHEME_COLOURS else ()
    return next(each for each in (*own, *OTHER_COLOURS) if each not in taken)
