"""A second and a half of music as events."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from docs.figures.drawing import HUES, INK, Figures, cells
from musictx import encode, read_midi, shipped_primer, slice_time
from musictx.events import MAX_SHIFT, NOTE_OFF, STEPS_PER_SECOND, TIME_SHIFT, VELOCITY

NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"]
KINDS = {"NOTE_ON": HUES[0], "NOTE_OFF": HUES[1], "TIME_SHIFT": HUES[2], "VELOCITY": HUES[3]}


def pitch_name(pitch: int) -> str:
    """Such as C4 for 60."""
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def event_words(token: int) -> tuple[str, str]:
    """Kind of an event, and what it says."""
    if token < NOTE_OFF:
        return "NOTE_ON", f"on\n{pitch_name(token)}"
    if token < TIME_SHIFT:
        return "NOTE_OFF", f"off\n{pitch_name(token - NOTE_OFF)}"
    if token < TIME_SHIFT + MAX_SHIFT:
        return "TIME_SHIFT", f"wait\n{(token - TIME_SHIFT + 1) * 1000 // STEPS_PER_SECOND} ms"
    return "VELOCITY", f"level\n{token - VELOCITY}"


def events() -> Figure:
    """The beginning of a minuet as a roll, and below it the tokens that a model reads."""
    music = slice_time(read_midi(shipped_primer("petzold-minuet")), 0, 1.3)
    tokens = encode(music).tolist()
    figure = Figure(figsize=(7, 5.6), layout="constrained")
    figure.patch.set_alpha(0)
    roll, table = figure.subplots(2, 1, height_ratios=[1, 1.6])
    roll.patch.set_alpha(0)
    for note in music.notes:
        length = note["offset"] - note["onset"]
        roll.add_patch(Rectangle((note["onset"], note["pitch"] - 0.4), length, 0.8, color=HUES[0], lw=0))
        roll.text(note["onset"] + 0.01, note["pitch"] + 0.6, pitch_name(note["pitch"]), size=9, va="bottom")
    low, high = music.notes["pitch"].min(), music.notes["pitch"].max()
    roll.set(xlim=(0, 1.3), ylim=(low - 2, high + 4), xlabel="seconds", ylabel="pitch")
    columns = 9
    rows = []
    for start in range(0, len(tokens), columns):
        told = [(*event_words(t), t) for t in tokens[start : start + columns]]
        rows.append([(f"{words}\n{token}", KINDS[kind], 0.35) for kind, words, token in told])
    cells(table, rows, size=8.5)
    handles = [Rectangle((0, 0), 1, 1, color=colour, alpha=0.35, lw=0) for colour in KINDS.values()]
    figure.legend(handles, KINDS, ncols=4, loc="outside lower center", labelcolor=INK, fontsize=9)
    return figure


FIGURES: Figures = {"events": events}
