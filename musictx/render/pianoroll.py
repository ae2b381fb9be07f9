"""Pictures of a `Performance`: piano rolls of one, or of several on one time axis.

Figures are built without pyplot, so that threads can draw at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from musictx.errors import MusictxError
from musictx.files import is_device, writing
from musictx.labels import plain_label
from musictx.performance import Performance, apply_pedal
from musictx.render.figures import COLOURS, OTHERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT_INK, GUIDE, BLACK_ROW = "#1d1f26", "#5c606c", "#dfddd5", "#f7f6f1"
PRIMER = "#6b7080"
WIDTH, LANE, STRIP, DPI = 12.0, 2.2, 0.09, 160  # inches, dots an inch
FORMATS = ("png", "svg", "pdf")
BLACK_KEYS = (1, 3, 6, 8, 10)


class Lane(NamedTuple):
    """One row of a picture."""

    title: str
    performance: Performance
    primer_end: float | None = None


def draw_roll(
    performance: Performance,
    path: str | PathLike[str] | None = None,
    *,
    primer_end: float | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a performance as a piano roll.

    Louder notes are darker; a pale tail shows how long the pedal holds a note, and the strip
    below the notes where the pedal is down.

    Parameters
    ----------
    performance : Performance
    path : path-like, optional
        Where to write it; ``.png``, ``.svg`` or ``.pdf``.
    primer_end : float, optional
        Seconds. Notes struck before it are the primer's, and drawn in grey.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MusictxError
        There are no notes, or the file cannot be written.

    See Also
    --------
    draw_rolls : Several performances, one above the other.

    Examples
    --------
    >>> from musictx import draw_roll, read_midi, shipped_primer
    >>> figure = draw_roll(read_midi(shipped_primer("fur-elise")), "roll.png", title="Für Elise")
    >>> open("roll.png", "rb").read()[1:4]
    b'PNG'
    """
    return _draw([Lane("", performance, primer_end)], path, 3.4, title)


def draw_rolls(
    lanes: Sequence[tuple[str, Performance, float | None]],
    path: str | PathLike[str] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Draw several performances one above the other, on one time axis and one range of pitches.

    Parameters
    ----------
    lanes : sequence of (title, performance, primer_end)
        From top to bottom. Titles that name a shipped model get that model's colour.
    path, title
        As in `draw_roll`; `title` stands above all lanes.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MusictxError
        There are no lanes, none has a note, or the file cannot be written.

    Examples
    --------
    >>> from musictx import draw_rolls, read_midi, shipped_primer, transpose
    >>> music = read_midi(shipped_primer("fur-elise"))
    >>> lanes = [("as written", music, None), ("a fifth higher", transpose(music, 7), None)]
    >>> bool(draw_rolls(lanes).get_figheight() > draw_rolls(lanes[:1]).get_figheight())
    True
    """
    return _draw([Lane(*lane) for lane in lanes], path, LANE, title)


def _draw(lanes: list[Lane], path: str | PathLike[str] | None, height: float, title: str | None) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kind = "png" if path is None or is_device(Path(path)) else Path(path).suffix.lower()[1:]
    if kind not in FORMATS:
        raise MusictxError(f"{path}: a picture's name must end in .png, .svg or .pdf")
    pitches = [lane.performance.notes["pitch"] for lane in lanes if len(lane.performance)]
    if not pitches:
        raise MusictxError("there are no notes to draw: the performance is empty")
    low, high = _range(np.concatenate(pitches))
    marks = [mark for lane in lanes for mark in (lane.performance.duration, lane.primer_end or 0.0)]
    end = max(*marks, 1e-3)

    top, below, left, right, head = 0.42 if title else 0.06, 0.46, 0.55, 0.3, 0.36
    strips = [STRIP if len(lane.performance.pedals) else 0.0 for lane in lanes]
    tall = top + below + sum(strips) + (head + height) * len(lanes)
    figure = Figure(figsize=(WIDTH, tall), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        place = left / WIDTH, 1 - 0.28 / tall
        figure.text(*place, plain_label(title), size=13, weight="bold", color=INK, va="center")
    y = tall - top
    for number, (lane, strip) in enumerate(zip(lanes, strips, strict=True)):
        y -= head + height
        inside = (left / WIDTH, y / tall, 1 - (left + right) / WIDTH, height / tall)
        axes = figure.add_axes(inside, facecolor="white")
        colour = _colour(lane.title, number)
        _rows(axes, low, high, end)
        _notes(axes, lane, colour, end, height / (high - low + 1))
        bold: dict[str, Any] = {"transform": axes.transAxes, "size": 11, "weight": "bold", "color": colour}
        axes.text(0, 1 + 0.11 / height, plain_label(lane.title), **bold)
        if lane.primer_end is not None:
            axes.axvline(lane.primer_end, color=INK, linewidth=1.0, zorder=4)
        if number == 0:
            _names(axes, lane, colour, height, end)
        if strip:
            y -= strip
            inside = (left / WIDTH, y / tall, inside[2], strip / tall)
            _time(axes, end, named=False)
            axes = figure.add_axes(inside, facecolor="white")
            _pedal(axes, lane, colour, end)
        _time(axes, end, named=number == len(lanes) - 1)
    if path is not None:
        with writing(path) as stream:
            figure.savefig(stream, format=kind, metadata={"Software": None} if kind == "png" else None)
    return figure


def _range(pitches: np.ndarray) -> tuple[int, int]:
    """Rows to show: all notes with some room, and two octaves at least."""
    low, high = int(pitches.min()) - 2, int(pitches.max()) + 2
    missing = max(0, 24 - (high - low))
    return max(0, low - missing // 2), min(127, high + (missing + 1) // 2)


def _colour(title: str, number: int) -> str:
    named = [colour for name, colour in COLOURS.items() if name in title.lower()]
    return named[0] if named else OTHERS[number % len(OTHERS)]


def _boxes(
    axes: Axes, x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], colours: Any, depth: float
) -> None:
    """Add rectangles from ``x[0]`` to ``x[1]`` and ``y[0]`` to ``y[1]``, all in one collection."""
    from matplotlib.collections import PolyCollection

    corners: Any = np.stack([np.stack([x[0], x[1], x[1], x[0]], 1), np.stack([y[0], y[0], y[1], y[1]], 1)], 2)
    boxes = PolyCollection(corners, facecolors=colours, edgecolors="none", zorder=depth)
    axes.add_collection(boxes, autolim=False)


def _frame(
    axes: Axes, end: float, height: tuple[float, float], places: Any, names: list[str], size: float
) -> None:
    """What an axis of notes or of the pedal shows, and the names on its left."""
    axes.set_xlim(0, end)
    axes.set_ylim(*height)
    axes.set_yticks(places, names, size=size, color=SOFT_INK)
    axes.tick_params(left=False, pad=5)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GUIDE)


def _rows(axes: Axes, low: int, high: int, end: float) -> None:
    """The keyboard behind the notes: rows of black keys shaded, a line and a name at each C."""
    rows = np.arange(low, high + 1)
    black = rows[np.isin(rows % 12, BLACK_KEYS)]
    zero = np.zeros(len(black))
    _boxes(axes, (zero, zero + end), (black - 0.5, black + 0.5), BLACK_ROW, 0)
    octaves = rows[rows % 12 == 0]
    _frame(axes, end, (low - 0.5, high + 0.5), octaves, [f"C{pitch // 12 - 1}" for pitch in octaves], 8.5)
    axes.hlines(octaves - 0.5, 0, end, color=GUIDE, linewidth=0.8, zorder=1)


def _notes(axes: Axes, lane: Lane, colour: str, end: float, row: float) -> None:
    """Notes as boxes, shaded by velocity, over the pale time for which the pedal holds them."""
    dot = end / (axes.get_position().width * WIDTH * DPI)  # seconds in a dot
    half = 0.43 if row * DPI > 7 else 0.5  # no gaps between rows that are only a few dots high
    layers = [(lane.performance.notes, 0.0)]
    if len(lane.performance.pedals):
        layers.insert(0, (apply_pedal(lane.performance).notes, 0.8))
    for notes, paler in layers:
        pitch = notes["pitch"].astype(float)
        length = np.maximum(notes["offset"] - notes["onset"], 0)
        length = np.maximum(np.where(length > 5 * dot, length - dot, length), 1.5 * dot)
        shades = _lane_shades(lane, notes["onset"], notes["velocity"], colour)
        shades += (1 - shades) * paler
        x = notes["onset"], notes["onset"] + length
        _boxes(axes, x, (pitch - half, pitch + half), shades, 3 - paler)


def _shades(velocity: np.ndarray, colour: str) -> np.ndarray:
    """Opaque colours [shape=(n, 3)]: pale for the softest notes, then full, then darker."""
    from matplotlib.colors import to_rgb

    full = np.array(to_rgb(colour))
    loud = np.clip((velocity.astype(float) - 20) / 90, 0, 1)[:, None]  # most playing lies in 20 to 110
    pale = 1 - (1 - full) * 0.25
    return np.where(loud < 0.7, pale + (full - pale) * loud / 0.7, full * (1 - 0.45 * (loud - 0.7) / 0.3))


def _lane_shades(lane: Lane, onset: np.ndarray, velocity: np.ndarray, colour: str) -> np.ndarray:
    """Shades of a lane's colour, of the primer's before its end."""
    primer = onset < (-np.inf if lane.primer_end is None else lane.primer_end)
    return np.where(primer[:, None], _shades(velocity, PRIMER), _shades(velocity, colour))


def _names(axes: Axes, lane: Lane, colour: str, height: float, end: float) -> None:
    """Say above the notes what the colours, lines and shades mean, where there is room for it."""
    above, inch = 1 + 0.11 / height, end / (axes.get_position().width * WIDTH)
    taken = len(lane.title) * 0.105 * inch  # seconds from the left
    if lane.primer_end is not None and lane.primer_end > taken:
        style: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "size": 9}
        if lane.primer_end - taken > 0.6 * inch:
            axes.text(lane.primer_end, above, "primer  ", ha="right", color=PRIMER, **style)
        axes.text(lane.primer_end, above, "  continuation", ha="left", color=colour, **style)
        taken = lane.primer_end + 1.1 * inch
    if taken < end - 1.7 * inch:  # the rest is for the key of the shades
        _key(axes, colour, above, height)


def _key(axes: Axes, colour: str, above: float, height: float) -> None:
    """What the shades mean, on the right."""
    shades = _shades(np.array([25, 50, 75, 100, 120]), colour)
    left = 0.964 + 0.011 * np.arange(-len(shades), 0)
    bottom = np.full(len(shades), above - 0.005 / height)
    _boxes(axes, (left, left + 0.0085), (bottom, bottom + 0.105 / height), shades, 5)
    axes.collections[-1].set(transform=axes.transAxes, clip_on=False)
    for at, text in ((float(left[0]) - 0.005, "softer"), (1.0, "louder")):
        axes.text(at, above, text, transform=axes.transAxes, ha="right", size=8, color=SOFT_INK)


def _pedal(axes: Axes, lane: Lane, colour: str, end: float) -> None:
    """A strip, filled where the pedal is down."""
    pedals = lane.performance.pedals
    zero = np.zeros(len(pedals))
    shades = _lane_shades(lane, pedals["onset"], np.full(len(pedals), 60), colour)
    _boxes(axes, (pedals["onset"], pedals["offset"]), (zero + 0.1, zero + 0.7), shades, 1)
    _frame(axes, end, (0, 1), [0.4], ["ped."], 7.5)


def _time(axes: Axes, end: float, *, named: bool) -> None:
    """Faint lines at round times, named (seconds, or minutes and seconds) along the foot of the picture."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    step = next((step for step in steps if end / step <= 16), 3600 * np.ceil(end / 3600 / 16))
    axes.xaxis.set_major_locator(MultipleLocator(step))
    said = (lambda x: f"{x:g} s") if end <= 120 else (lambda x: f"{int(x) // 60}:{int(x) % 60:02d}")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: said(x)))
    axes.grid(axis="x", color=GUIDE, linewidth=0.6, alpha=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", bottom=False, labelbottom=named, labelsize=8.5, labelcolor=SOFT_INK, pad=5)
