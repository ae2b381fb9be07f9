"""``python -m docs.figures [NAME …]``: draw figures into SVG files beside this one."""

from __future__ import annotations

import sys

from docs.figures import beyond, caching, contrasting, music, rotary, sinusoids, skew
from docs.figures.drawing import save

FIGURES = {
    **music.FIGURES,
    **sinusoids.FIGURES,
    **skew.FIGURES,
    **rotary.FIGURES,
    **beyond.FIGURES,
    **contrasting.FIGURES,
    **caching.FIGURES,
}


def main(wanted: list[str]) -> None:
    """Draw the figures of these names, or all."""
    for name in wanted or FIGURES:
        print(save(FIGURES[name](), name))


if __name__ == "__main__":
    main(sys.argv[1:])
