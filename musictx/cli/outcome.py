"""What has become of a run, in words, and what comes next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator

import numpy as np

from musictx.console.progress import console
from musictx.training import Run

CLEAR = 0.005  # nats per token by which held-out music must get worse before anybody is told of it


def say_outcome(run: Run, gains: Iterable[str]) -> None:
    """Say how far a run came, what was gained, and how to hear it."""
    judged = f", validation {run.best:.3f}" if run.best < math.inf and not run.appraise else ""
    if run.share < 1 and not run.ended:
        going_on = "the same command with --resume continues it"
        console.print(f"stopped at step {run.step}, {100 * run.share:.1f} % of the budget: {going_on}")
    elif run.begun_at == run.step:
        console.print(f"the budget was used up already at step {run.step}: a larger one lets it go on")
    else:
        console.print(f"done, {run.step} steps{judged}: what it plays is in {run.folder / 'samples'}")
    for sentence in gains:
        console.print(sentence, highlight=False)
    console.print(
        f"to hear it: musictx continue primer.mid -o out.mid --model {shlex.quote(str(run.folder))}"
    )


def learned(run: Run) -> Iterator[str]:
    """What teaching a model has brought, and when it began to learn by heart."""
    looks = [(step, float(np.mean(list(losses.values())))) for step, losses, _ in run.judged()]
    if len(looks) < 2:
        return
    best, last = min(looks, key=lambda look: look[1]), looks[-1]
    if looks[0][0] == 0:
        before = looks[0][1]
        gain = math.exp(before - best[1]) - 1
        figures = f"{before:.3f} nats per token before, {best[1]:.3f} after"
        if best[0] == 0:
            yield (
                f"held-out music was never predicted better than before ({before:.3f} nats per token), so "
                "the model that it began with is kept: more pieces, or lower rates, may help"
            )
        else:
            yield f"each event of held-out music is {100 * gain:.0f} % likelier to it than before: {figures}"
    if last[1] > best[1] + CLEAR:
        yield (
            f"from step {best[0]} on it learned the training pieces by heart: held-out music came out worse "
            f"again ({last[1]:.3f}), so the model of step {best[0]} is kept; more pieces would help, more "
            "time would not"
        )


def tuned(run: Run) -> Iterator[str]:
    """What tuning a model to choices has brought, and what it has cost."""
    from musictx.training.tuning import certainty

    looks = run.judged()
    allowed = [look for look in looks if look[2] is not None]
    if not allowed:
        return
    best = min(allowed, key=lambda look: look[2] or 0.0)
    costs = ", ".join(f"{name} {nats - looks[0][1][name]:+.3f}" for name, nats in best[1].items())
    if best[0]:
        yield (
            f"of two takes of your choices it tells the one that you kept with {100 * certainty(best):.0f} % "
            f"certainty (50 % before); it predicts other music by so many nats per token worse: {costs}"
        )
    else:
        yield "no model on the way was better than the one that it began with, which is kept"
    if run.ended:
        yield (
            f"stopped at step {run.step}, where it had forgotten more than --tolerance allows: the model of "
            f"step {best[0]} is kept"
        )
