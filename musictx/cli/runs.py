"""Runs that a command begins or goes on with, and what has become of them, in words."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import typer

from musictx import __version__
from musictx.console.progress import TrainingDisplay, console
from musictx.errors import require
from musictx.training import Run
from musictx.training.state import STATE, refuse_taken

MAX_MINUTES = 525_600  # a year
CLEAR = 0.005  # nats per token by which held-out music must get worse before anybody is told of it


def origin() -> dict[str, str]:
    """What a model's card says of how it was made."""
    return {"command": shlex.join(["musictx", *sys.argv[1:]]), "musictx": __version__}


def check_begin(folder: Path, resume: bool, minutes: float | None) -> None:
    """Say that a run cannot begin in a folder, or be so long at once; or that there is none to go on with."""
    require(minutes is None or minutes <= MAX_MINUTES, "--minutes", minutes, f"be at most {MAX_MINUTES}")
    refuse_taken(folder, resume)
    if resume and not os.path.isfile(folder / STATE):
        console.print(f"{folder} holds no run to go on with: a new one begins")


def fit(
    run: Run,
    display: TrainingDisplay,
    gains: Callable[[Run], Iterable[str]],
    *,
    resume: bool,
    minutes: float | None,
) -> None:
    """Train, show it, and say what was gained."""
    with display.bar:
        run.fit(
            resume=resume,
            on_progress=display.update,
            on_checkpoint=display.sampler(run.folder),
            stop_after=None if minutes is None else 60 * minutes,
        )
    _say_outcome(run, gains(run))
    if run.stopped:
        raise typer.Exit(130)


def _say_outcome(run: Run, gains: Iterable[str]) -> None:
    """Say how far a run came, what was gained, and how to hear it."""
    best = run.looks.best
    judged = f", validation {best.worth:.3f}" if best and not run.appraise else ""
    if run.share < 1 and not run.ended:
        going_on = "the same command with --resume continues it"
        console.print(f"stopped at step {run.step}, {100 * run.share:.1f} % of the budget: {going_on}")
    elif run.begun_at == run.step and not run.ended:
        console.print(f"the budget was used up already at step {run.step}: a larger one lets it go on")
    else:
        console.print(f"done, {run.step} steps{judged}: what it plays is in {run.folder / 'samples'}")
    for sentence in gains:
        console.print(sentence)
    model = shlex.quote((run.folder / "model").as_posix())  # never the name of a shipped one
    console.print(f"to hear it: musictx continue primer.mid -o out.mid --model {model}")


def learned(run: Run) -> Iterator[str]:
    """What teaching a model has brought, and when it began to learn by heart."""
    looks, best = run.looks, run.looks.best
    if best is None or len(looks) < 2:
        return
    first, last = looks[0], looks[-1]
    worse = last.worth > best.worth + CLEAR
    if best.step and first.step == 0:
        gain = math.exp(first.worth - best.worth) - 1
        yield (
            f"each event of held-out music is {100 * gain:.0f} % likelier to it than before: "
            f"{first.worth:.3f} nats per token before, {best.worth:.3f} after"
        )
    if run.share < 1 and not run.ended:
        if worse:
            yield (
                f"so far the model of step {best.step} predicts held-out music best, so it is kept "
                f"({best.worth:.3f} nats per token; {last.worth:.3f} at step {last.step})"
            )
    elif not best.step:
        yield (
            f"held-out music was never predicted better than before ({first.worth:.3f} nats per token), so "
            "the model that it began with is kept: more pieces, or lower rates, may help"
        )
    elif worse:
        yield (
            f"from step {best.step} on it learned the training pieces by heart: held-out music came out "
            f"worse again ({last.worth:.3f}), so the model of step {best.step} is kept; more pieces would "
            "help, more time would not"
        )
    if run.ended and run.share < 1:
        yield f"it ended at {100 * run.share:.0f} % of its budget: nothing better came for long (--patience)"


def tuned(run: Run) -> Iterator[str]:
    """What tuning a model to choices has brought, and what it has cost."""
    from musictx.training.tuning import certainty

    looks, best = run.looks, run.looks.best
    if best is None:
        return
    costs = ", ".join(f"{name} {nats - looks[0].losses[name]:+.3f}" for name, nats in best.losses.items())
    if best.step:
        yield (
            f"of a take that you kept and one that you rejected it prefers yours with "
            f"{100 * certainty(best):.0f} % probability (50 % before); on other music its loss changed by, "
            f"in nats per token: {costs}"
        )
    else:
        yield "no model on the way was better than the one that it began with, which is kept"
    if run.ended:
        yield (
            f"stopped at step {run.step}, where it had forgotten more than --tolerance allows: the model of "
            f"step {best.step} is kept"
        )
