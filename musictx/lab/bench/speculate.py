"""``musictx bench speculate``: what speculative decoding with an n-gram draft could give, on real primers.

Leviathan et al. (2023), "Fast inference from transformers via speculative decoding": a cheap draft
proposes the next k tokens, the model checks them in one call, and they stay up to the first one that it
would not have drawn itself. The cheapest draft is the music so far: where its last tokens have come before,
what came after them then. With such a draft, which is sure of itself, a token is accepted exactly if the
model draws it. So music that the model has drawn already shows how many drafts it would have accepted, and
what speculation gives is known without building it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musictx.checkpoint import load_model
from musictx.errors import MusictxError
from musictx.lab.bench.common import Progress, check_at_least, interleaved, machine, silent, spread, threads
from musictx.lab.bench.generate import STEPS, step_work
from musictx.midi import read_midi
from musictx.sampling import SamplingSettings, generate
from musictx.sampling.primer import prepare_primer
from musictx.shipped import shipped_folder

_SHORTEST, _LONGEST = 2, 8  # tokens that must have come before, at least and at most


class NgramDraft:
    """Proposes what followed the last time that the music's last tokens came; longest match first."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.latest: dict[tuple[int, ...], int] = {}  # end of the latest place of each run of tokens

    def take_in(self, tokens: Sequence[int]) -> None:
        """Take in more of the music."""
        for token in tokens:
            # The runs that end before this token now have a token after them.
            for n in range(_SHORTEST, min(_LONGEST, len(self.tokens)) + 1):
                self.latest[tuple(self.tokens[-n:])] = len(self.tokens)
            self.tokens.append(int(token))

    def propose(self, count: int) -> list[int]:
        """At most `count` tokens; none if the last tokens are new."""
        for n in range(min(_LONGEST, len(self.tokens)), _SHORTEST - 1, -1):
            place = self.latest.get(tuple(self.tokens[-n:]))
            if place is not None:
                return self.tokens[place : place + count]
        return []


def passes(primer: Sequence[int], music: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Speculative decoding of known music: tokens proposed and tokens gained in each pass.

    Parameters
    ----------
    primer, music : sequence of int
        Given, and drawn by the model after it.
    count : int
        Longest draft.

    Returns
    -------
    list of (proposed, gained)
        `gained` is the accepted ones and one that the model draws itself, and at the end less.
    """
    draft = NgramDraft()
    draft.take_in(primer)
    made, at = [], 0
    while at < len(music):
        proposed = draft.propose(count)
        accepted = 0
        while accepted < len(proposed) and music[at + accepted : at + accepted + 1] == [proposed[accepted]]:
            accepted += 1
        gained = min(accepted + 1, len(music) - at)
        made.append((len(proposed), gained))
        draft.take_in(music[at : at + gained])
        at += gained
    return made


def bench_speculate(
    model: str = "relative",
    folder: Path | None = None,
    *,
    tokens: int = 512,
    prefix: int = 512,
    counts: Sequence[int] = (1, 2, 4, 8),
    thread_count: int | None = 1,
    repetitions: int = 5,
    progress: Progress = silent,
) -> dict[str, Any]:
    """How many drafts the model accepts, what checking them costs, and what the two make together.

    Parameters
    ----------
    model : str
    folder : path, optional
        MIDI files whose first 15 s are primers; the shipped primers by default.
    tokens : int
        Continuation of each primer.
    prefix : int
        Tokens before the checks that are timed.
    counts : sequence of int
        Longest drafts to try.
    thread_count, repetitions : int
    progress : callable

    Returns
    -------
    dict
        ``rows``: for each longest draft, the share of drafted tokens accepted, tokens gained a pass,
        and the speed against one step per token (at most, since the draft itself is taken as free).
    """
    check_at_least(1, tokens=tokens, prefix=prefix, repetitions=repetitions, draft=min(counts, default=0))
    files = sorted((folder or shipped_folder("primers")).glob("**/*.mid*"))[:40]
    if not files:
        raise MusictxError(f"no MIDI file (.mid, .midi) below {folder}")
    with threads(thread_count) as used:
        facts, player = machine(), load_model(model)
        seconds = interleaved(
            {str(n): step_work(player, prefix, at_once=n) for n in (1, *(c + 1 for c in counts))},
            10 * repetitions,
            progress,
        )
        cost = {int(n): spread(x, 1e3 / STEPS) for n, x in seconds.items()}
        music: list[tuple[list[int], list[int]]] = []
        for number, path in enumerate(files):
            progress(f"playing on from {path.stem}")
            primer = prepare_primer(player, read_midi(path), 0.0, 15.0).tokens
            made = generate(
                player,
                primer,
                settings=SamplingSettings(theme=0, allow_end=False),
                seed=number,
                max_tokens=tokens,
            )
            music.append((primer.tolist(), [int(token[0]) for token in made]))
    rows = []
    for count in counts:
        every = [p for primer, made in music for p in passes(primer, made, count)]
        proposed, gained = (sum(x) for x in zip(*every, strict=True))
        # A shorter draft than the longest costs what the next longer one that was timed costs: close.
        spent = sum(cost[min(n for n in cost if n > drafted)]["median"] for drafted, _ in every)
        rows.append(
            {
                "longest_draft": count,
                "drafted_tokens_accepted": round((gained - len(every)) / max(proposed, 1), 3),
                "tokens_per_pass": round(gained / len(every), 3),
                "speed": round(gained * cost[1]["median"] / spent, 3),
            }
        )
    return {
        "bench": "speculate",
        "machine": facts,
        "threads": used,
        "sizes": {"model": model, "primers": len(files), "tokens": tokens, "prefix": prefix},
        "checks": [{"tokens_at_once": n, "milliseconds": x} for n, x in cost.items()],
        "rows": rows,
    }
