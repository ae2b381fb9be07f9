"""The page as Gradio sees it: one studio component, and an event for each lane that lets it play."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from .api import add_endpoints
from .faults import plainly
from .head import STATIC, STYLES, TITLE
from .models import MAX_MODELS, LaneModel
from .shelf import Shelf
from .stage import Stage
from .streaming import lane_player

MAX_LANES = 96  # generators open at once; `Stage` decides which of them play

# Each event's name must stand quoted in this text for Gradio to accept it.
_EVENTS = " ".join(f"'play_{number}'" for number in range(MAX_MODELS))
_MOUNT = f"""
/* events: {_EVENTS} */
import(new URL("musictx/static/studio.js", document.baseURI))
  .then((studio) => studio.mount({{ element, props, trigger, watch }}));
"""


def build(models: Sequence[LaneModel], stage: Stage, shelf: Shelf) -> gr.Blocks:
    """Lay out the page.

    Parameters
    ----------
    models : sequence of LaneModel
        One for each lane, in the order of the page.
    stage : Stage
        Decides who may play now.
    shelf : Shelf
        For the files that programs get.

    Returns
    -------
    gr.Blocks
        To be launched by `app.launch`, which adds the routes that the page needs.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        studio = gr.HTML(
            html_template=(STATIC / "studio.html").read_text(encoding="utf-8"),
            head="".join(STYLES),
            js_on_load=_MOUNT,
            apply_default_css=False,
        )
        queue: dict[str, Any] = {"concurrency_id": "lanes", "concurrency_limit": MAX_LANES}
        for number, lane in enumerate(models):
            getattr(studio, f"play_{number}")(
                lane_player(lane.key, lane.model, stage),
                None,
                studio,
                show_progress="hidden",
                trigger_mode="multiple",
                api_visibility="private",
                **queue,
            )
        add_endpoints(models, stage, shelf)
    return plainly(page)
