"""A colour for each model, the same in all figures."""

from __future__ import annotations

from collections.abc import Mapping

from musictx.render.figures import COLOURS, OTHERS

_MORE = "#777777"  # for whoever comes after that


def model_colours(positions: Mapping[str, str]) -> dict[str, str]:
    """A colour for each model, by its position scheme; a second model of a scheme gets another one."""
    chosen: dict[str, str] = {}
    spare = [*(c for c in OTHERS if c not in COLOURS.values()), *OTHERS]
    for name, position in positions.items():
        colour = COLOURS.get(position)
        if colour is None or colour in chosen.values():
            colour = spare.pop(0) if spare else _MORE
        chosen[name] = colour
    return chosen
