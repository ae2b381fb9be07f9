"""Which votes count: by rules that are stated before anybody looks at the result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from musictx.errors import MusictxError
from musictx.lab.votes.book import Vote

WHOLE = 0.9  # of a lane that is shorter than what must be heard, so much
TOO_LITTLE = "heard too little"
AGAIN = "voted again on the same music"


@dataclass(frozen=True)
class Rules:
    """When a vote does not count.

    Attributes
    ----------
    least_heard : float
        Seconds that must have been heard of every lane. Where only the total is known, it must be at
        least as much for each lane; where nothing is known, the vote counts.
    once : bool
        Of a visitor's votes on the same takes of the same primer only the first one counts.
    """

    least_heard: float = 5.0
    once: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.least_heard < float("inf"):
            raise MusictxError(
                f"least-heard is {self.least_heard}; it must be a number of seconds, 0 or more"
            )


def judge_votes(votes: Sequence[Vote], rules: Rules | None = None) -> list[str | None]:
    """Why each vote does not count; None for those that do.

    Parameters
    ----------
    votes : sequence of Vote
        Oldest first.
    rules : Rules, optional

    Returns
    -------
    list of str or None

    Examples
    --------
    >>> from musictx.lab.votes import Vote, judge_votes
    >>> judge_votes([Vote(("rope", "vanilla"), choice="rope", heard={"rope": 9, "vanilla": 2})])
    ['heard too little']
    """
    rules = rules or Rules()
    reasons: list[str | None] = []
    seen = set()
    for vote in votes:
        asked = json.dumps([vote.settings, vote.models], sort_keys=True)
        takes = (vote.primer_sha256, vote.seed, asked, frozenset(vote.lanes))
        music = (vote.visitor, *takes)
        if _heard_too_little(vote, min(rules.least_heard, WHOLE * _seconds(vote))):
            reasons.append(TOO_LITTLE)
        elif rules.once and vote.visitor is not None and music in seen:
            reasons.append(AGAIN)
        else:
            reasons.append(None)
            seen.add(music)
    return reasons


def _seconds(vote: Vote) -> float:
    """How long its lanes were to be, of which the page wants nine tenths to be heard."""
    seconds = vote.settings.get("seconds") if isinstance(vote.settings, Mapping) else None
    return float(seconds) if isinstance(seconds, int | float) else float("inf")


def _heard_too_little(vote: Vote, min_seconds: float) -> bool:
    if vote.heard is not None:
        return any(vote.heard.get(lane, 0.0) < min_seconds for lane in vote.lanes)
    return vote.heard_seconds is not None and vote.heard_seconds < min_seconds * len(vote.lanes)


def tell_weights_apart(votes: Sequence[Vote]) -> list[Vote]:
    """Give lanes that had one name but several weights a name for each: the name with a piece of the hash.

    Votes that do not say which weights they were about keep the plain name.
    """
    hashes: dict[str, set[str]] = {}
    for vote in votes:
        for name in vote.lanes:
            hashes.setdefault(name, set()).add((vote.models or {}).get(name, ""))

    def told(vote: Vote, name: str) -> str:
        found = (vote.models or {}).get(name, "")
        return f"{name}@{found[:7]}" if found and len(hashes[name]) > 1 else name

    return [
        replace(
            vote,
            lanes=tuple(told(vote, name) for name in vote.lanes),
            choice=None if vote.choice is None else told(vote, vote.choice),
        )
        for vote in votes
    ]
