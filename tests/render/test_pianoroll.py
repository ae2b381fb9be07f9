"""Facts about the pictures: which colour stands where."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from musictx.errors import MusictxError
from musictx.performance import SPAN_DTYPE, Performance, make_notes
from musictx.render import pianoroll
from musictx.render.pianoroll import COLOURS, PRIMER, draw_roll, draw_rolls

NOTES = make_notes([0.0, 2.0, 4.0, 6.0], [1.5, 3.5, 5.5, 8.0], [60, 64, 66, 72], [40, 80, 40, 110])


def pixel(figure: Figure, seconds: float, pitch: float, lane: int = 0) -> np.ndarray:
    """Colour (RGB, 0 to 1) of a place in a lane."""
    if not hasattr(figure.canvas, "renderer"):
        figure.canvas.draw()
    picture = np.asarray(figure.canvas.buffer_rgba())
    x, y = figure.axes[lane].transData.transform((seconds, pitch))
    return picture[picture.shape[0] - 1 - round(y), round(x), :3] / 255


def saturation(colour: np.ndarray) -> float:
    return float(colour.max() - colour.min())


def test_notes_stand_where_they_sound_and_nowhere_else():
    figure = draw_roll(Performance(NOTES))
    for note in NOTES:
        middle = (note["onset"] + note["offset"]) / 2
        assert saturation(pixel(figure, middle, note["pitch"])) > 0.2
        assert saturation(pixel(figure, middle, note["pitch"] + 1)) < 0.06
        assert saturation(pixel(figure, note["offset"] + 0.2, note["pitch"])) < 0.06 or note["offset"] == 8


def test_primer_is_grey_and_continuation_coloured():
    figure = draw_roll(Performance(NOTES), primer_end=3.8)
    assert saturation(pixel(figure, 0.8, 60)) < 0.15 and saturation(pixel(figure, 2.8, 64)) < 0.15
    assert saturation(pixel(figure, 4.8, 66)) > 0.2 and saturation(pixel(figure, 7.0, 72)) > 0.2
    np.testing.assert_allclose(
        pixel(figure, 3.8, 62), to_rgb(pianoroll.INK), atol=0.25
    )  # the line between them
    black = draw_roll(Performance(NOTES))
    assert pixel(black, 3.8, 62).min() > 0.9


def test_louder_notes_are_darker():
    notes = make_notes(np.arange(5.0), np.arange(5.0) + 0.9, [60] * 5, [20, 45, 70, 95, 120])
    figure = draw_roll(Performance(notes))
    brightness = [pixel(figure, start + 0.45, 60).mean() for start in range(5)]
    assert brightness == sorted(brightness, reverse=True) and brightness[0] > brightness[-1] + 0.3


def test_pedal_strip_and_pedal_tail():
    dry = make_notes([0.0, 5.0], [1.0, 6.0], [60, 67])
    figure = draw_roll(Performance(dry, np.array([(0.5, 3.0)], SPAN_DTYPE)))
    strip = 1
    assert len(figure.axes) == 2
    assert saturation(pixel(figure, 1.7, 0.4, strip)) > 0.2 > saturation(pixel(figure, 4.0, 0.4, strip))
    held, struck, silent = (pixel(figure, at, 60) for at in (2.1, 0.4, 4.1))
    assert struck.mean() < held.mean() - 0.1 and held.mean() < silent.mean() - 0.02
    assert len(draw_roll(Performance(dry)).axes) == 1


def test_black_key_rows_are_shaded_and_cs_are_named():
    figure = draw_roll(Performance(NOTES))
    assert pixel(figure, 5.8, 61).mean() < pixel(figure, 5.8, 62).mean()
    named = {label.get_text(): tick for tick, label in zip(*_ticks(figure), strict=True)}
    assert named == {"C4": 60, "C5": 72}


def _ticks(figure: Figure):
    axes = figure.axes[0]
    return axes.get_yticks(), axes.get_yticklabels()


def test_lanes_share_the_axes_and_have_their_models_colours():
    lanes = [(name, Performance(NOTES), 1.8) for name in ("relative", "vanilla", "rope")]
    short = Performance(make_notes([0.0], [1.0], [40]))
    figure = draw_rolls([*lanes, ("other", short, None)], title="Four")
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, 8.0)}
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len({axes.get_position().x0 for axes in figure.axes}) == 1
    for lane, (name, _, _) in enumerate(lanes):
        colour = pixel(figure, 2.8, 64, lane)
        distance = {model: np.abs(colour - to_rgb(tone)).sum() for model, tone in COLOURS.items()}
        assert min(distance, key=distance.__getitem__) == name
        assert np.abs(pixel(figure, 0.8, 60, lane) - to_rgb(PRIMER)).max() < 0.35
    words = {text.get_text().strip() for axes in figure.axes for text in axes.texts}
    assert {"relative", "vanilla", "rope", "other", "primer", "continuation"} <= words


def test_time_is_in_seconds_and_in_minutes_for_long_music():
    def labels(seconds: float) -> list[str]:
        axes = draw_roll(Performance(make_notes([0.0], [seconds], [60]))).axes[-1]
        axes.figure.canvas.draw()
        return [text.get_text() for text in axes.get_xticklabels()]

    assert "4 s" in labels(8.0) and "20 s" in labels(60.0)
    assert "2:00" in labels(300.0)
    assert len(labels(36_000.0)) < 25


def test_a_picture_is_written_in_full_size(tmp_path: Path):
    draw_roll(Performance(NOTES), tmp_path / "roll.png", primer_end=3.0, title="A title")
    picture = imread(tmp_path / "roll.png")
    assert picture.shape[1] == 1920 and 500 < picture.shape[0] < 1000
    assert [path.name for path in tmp_path.iterdir()] == ["roll.png"]
    draw_roll(Performance(NOTES), tmp_path / "roll.svg")
    assert (tmp_path / "roll.svg").read_text().startswith("<?xml")


def test_what_cannot_be_drawn_is_said(tmp_path: Path):
    with pytest.raises(MusictxError, match="no notes to draw"):
        draw_roll(Performance(), tmp_path / "roll.png")
    with pytest.raises(MusictxError, match="no notes to draw"):
        draw_rolls([])
    with pytest.raises(MusictxError, match=r"roll\.txt: a picture's name must end in \.png, \.svg or \.pdf"):
        draw_roll(Performance(NOTES), tmp_path / "roll.txt")
    with pytest.raises(MusictxError, match="there is no folder"):
        draw_roll(Performance(NOTES), tmp_path / "absent" / "roll.png")
    assert not list(tmp_path.iterdir())


def test_names_of_files_are_drawn_letter_by_letter(tmp_path: Path):
    """Dollar signs stay what they are, and what is not UTF-8 in a file's name is a question mark."""
    name, shown = "Ke$ha $\\frac$ caf\udce9", "Ke$ha $\\frac$ caf?"
    figure = draw_rolls([(name, Performance(NOTES), 4.0)], tmp_path / "rolls.png", title=name)
    titles = [*figure.texts, figure.axes[0].texts[0]]
    assert [text.get_text().replace("\\$", "$") for text in titles] == [shown, shown]
    assert not any(is_math_text(text.get_text()) for text in titles)


def test_edges_of_the_keyboard_and_notes_without_length():
    notes = make_notes([0.0, 1.0, 2.0], [0.0, 1.0, 2.5], [0, 127, 60], [1, 127, 64])
    figure = draw_roll(Performance(notes), primer_end=1.0)
    assert figure.axes[0].get_ylim() == (-0.5, 127.5)
    figure.canvas.draw()


def test_a_hundred_thousand_notes_are_a_few_collections():
    random = np.random.default_rng(0)
    onset = random.uniform(0, 3600, 100_000)
    notes = make_notes(
        onset, onset + 0.3, random.integers(21, 109, 100_000), random.integers(1, 128, 100_000)
    )
    figure = draw_roll(Performance(notes), primer_end=600)
    assert len(figure.axes[0].collections) < 10  # no artist per note
    figure.canvas.draw()


def test_threads_draw_the_same_picture(tmp_path: Path):
    def draw(number: int) -> bytes:
        path = tmp_path / f"{number}.png"
        draw_roll(Performance(NOTES), path, primer_end=3.0)
        return path.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(draw, range(4)))) == 1


def test_pyplot_is_never_imported():
    code = (
        "import sys, musictx.render.pianoroll as p; assert 'matplotlib' not in sys.modules\n"
        "from musictx.performance import *\n"
        "p.draw_roll(Performance(make_notes([0], [1], [60])))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
