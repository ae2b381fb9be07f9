"""What the command line shows while it works: bars on a terminal, plain lines in a log."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from musictx.performance import Performance

# Of several processes that train together, the first one speaks. Square brackets in names are no markup.
_ranks = (os.environ.get(name, "0") for name in ("RANK", "SLURM_PROCID", "NODE_RANK", "LOCAL_RANK"))
console = Console(stderr=True, markup=False, highlight=False, quiet=any(rank != "0" for rank in _ranks))
on_output = Console(markup=False)  # for results


def read_music(path: Path, *, beat: str = "off", tracks: Sequence[str] = ()) -> Performance:
    """Read a MIDI file, or some tracks, whose beat is to be kept so; say what is worth knowing of it."""
    from musictx.compiled import announce_compilation
    from musictx.midi import read_midi

    with announce_compilation(console.print):
        chosen = [int(t) if t.isdecimal() and len(t) < 6 else t for t in tracks]
        music = read_midi(path, tracks=chosen or None)
    for remark in music.remarks:
        console.print(f"{path}: {remark}")
    if music.metre is None and beat != "off":
        console.print(f"{path} has no bars, so that --beat {beat} changes nothing")
    return music


def _bar(*columns: Any) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


@contextmanager
def corpora_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Bars that count the files of several corpora, each by its name."""
    with _bar(MofNCompleteColumn()) as bar:
        tasks: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(f"encoding {name}".strip())
            bar.update(tasks[name], completed=done, total=total)

        yield show


@contextmanager
def corpus_progress() -> Iterator[Callable[[int, int], None]]:
    """A bar that counts the files of one corpus."""
    with corpora_progress() as show:
        yield partial(show, "")


@contextmanager
def working(title: str, total: float | None = None) -> Iterator[Callable[[float], None]]:
    """A bar for one piece of work; call what it yields with how far the work is."""
    from musictx.compiled import announce_compilation

    with _bar() as bar, announce_compilation(console.print):
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def report_skipped(corpus: Any) -> None:
    """Name the first files that could not be used."""
    named = [why if why.startswith(path) else f"{path}: {why}" for path, why in corpus.skipped.items()]
    say_first("skipped", named, "the corpus's index.json")


def say_first(what: str, lines: Sequence[str], place: str) -> None:
    """The first lines of many; `place` lists them all."""
    for line in lines[:10]:
        console.print(f"{what}: {line}")
    if len(lines) > 10:
        console.print(f"… and {len(lines) - 10} more; all are listed in {place}")


def about_corpora(train: Any, validation: dict[str, Any], model: Any) -> Iterator[str]:
    """What is trained, and on what music."""
    pieces = ", ".join(f"{name}: {len(c)} pieces" for name, c in validation.items()) or "none"
    yield (
        f"{model.position} positions, context {model.context_length}; training on {len(train)} pieces, "
        f"{train.token_count:,} tokens; validation {pieces}"
    )
    if not validation:
        yield "All of it is one piece, so none is held out: the last model is kept, not the best."


class TrainingDisplay:
    """Loss, speed and time left of a training run; `bar` is shown while one is inside it."""

    def __init__(self, *about: str):
        for line in about:
            console.print(line)
        self.bar = _bar(TextColumn("{task.fields[text]}"))
        self.task = self.bar.add_task("training", total=1.0, text="")
        self.last_line = 0.0

    def update(self, p: Any) -> None:
        """Show the progress after a step; in a log, a line every minute."""
        best = "" if p.validation is None else f" · validation {p.validation:.3f}"
        text = f"step {p.step} · loss {p.loss:.3f}{best} · {p.tokens_per_second:,.0f} tokens/s"
        share = min(1.0, p.share)
        self.bar.update(self.task, completed=share, text=text)
        if not console.is_terminal and (time.monotonic() - self.last_line > 60 or p.share >= 1):
            self.last_line = time.monotonic()
            left = timedelta(seconds=max(0, round(p.seconds_left)))
            console.print(f"{100 * share:.1f} % · {text} · {left} left")

    def sampler(self, output: Path) -> Callable[[Any, int], None]:
        """A function that writes what the model plays on its own, as MIDI and as a picture."""

        def sample(model: Any, step: int) -> None:
            try:
                from musictx.midi import write_midi
                from musictx.performance import Performance
                from musictx.render.pianoroll import draw_roll
                from musictx.sampling import continue_performance

                music = continue_performance(model, Performance(), seconds=20, seed=step)
                folder = output / "samples"
                folder.mkdir(exist_ok=True)
                write_midi(music, folder / f"step-{step:06d}.mid")
                draw_roll(music, folder / f"step-{step:06d}.png", title=f"step {step}")
            except Exception as error:  # no matplotlib on a machine that only trains, an empty sample …
                console.print(f"no sample written at step {step}: {error}")

        return sample
