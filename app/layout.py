"""The page as Gradio sees it: one studio component, and an event for each lane that lets it play."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from musictx.checkpoint import load_model
from musictx.events import START
from musictx.sampling import generate

from .payloads import MODELS
from .stage import Stage
from .streaming import lane_player

MOST_LANES = 96  # generators open at once; `Stage` decides which of them play

_STATIC = Path(__file__).parent / "static"
_STYLES = ("base", "primers", "lanes", "compare", "narrow")  # later ones count more
_STYLE = '<link rel="stylesheet" href="musictx/static/view/{}.css">'
# Each event's name must stand quoted in this text for Gradio to accept it.
_EVENTS = " ".join(f"'play_{name}'" for name in MODELS)
_MOUNT = f"""
/* events: {_EVENTS} */
import(new URL("musictx/static/studio.js", document.baseURI))
  .then((studio) => studio.mount({{ element, props, trigger, watch }}));
"""


def build(models: Mapping[str, str | Path] | None = None, *, stage: Stage | None = None) -> gr.Blocks:
    """Load the models and lay out the page.

    Parameters
    ----------
    models : mapping, optional
        For ``"vanilla"``, ``"relative"`` and ``"rope"`` the folder of a checkpoint; the shipped one
        where it says nothing.
    stage : Stage, optional
        Decides who may play now.

    Returns
    -------
    gr.Blocks
        To be launched by `app.launch`, which adds the routes that the page needs.

    Raises
    ------
    MusictxError
        If a model cannot be loaded.
    """
    folders = dict(models or {})
    loaded: dict[str, Any] = {name: load_model(folders.get(name, name)) for name in MODELS}
    for model in loaded.values():  # so that the first click does not wait for decoding to be compiled
        list(generate(model, np.array([START]), max_tokens=2))
    stage = stage or Stage()
    with gr.Blocks(title="musictx", analytics_enabled=False, fill_width=True) as page:
        studio = gr.HTML(
            html_template=(_STATIC / "studio.html").read_text(encoding="utf-8"),
            head="".join(_STYLE.format(name) for name in _STYLES),
            js_on_load=_MOUNT,
            apply_default_css=False,
        )
        for name in MODELS:
            getattr(studio, f"play_{name}")(
                lane_player(name, loaded[name], stage),
                None,
                studio,
                show_progress="hidden",
                trigger_mode="multiple",
                concurrency_id="lanes",
                concurrency_limit=MOST_LANES,
                api_visibility="private",
            )
    return page
