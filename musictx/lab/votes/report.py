"""What ``musictx votes`` reports, as numbers, tables and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from musictx.errors import MusictxError
from musictx.lab.votes.book import LETTERS, Vote
from musictx.lab.votes.power import still_needed, votes_needed
from musictx.lab.votes.rules import Rules, judge_votes, tell_weights_apart
from musictx.lab.votes.shares import by_primer, letter_bias, pair_tests, shares, tally
from musictx.lab.votes.strengths import strengths

if TYPE_CHECKING:
    from rich.console import RenderableType

_SAID = {"none": "none is good", "alike": "all alike", "unsure": "can't tell"}


def report_votes(votes: Sequence[Vote], rules: Rules | None = None, *, seed: int = 0) -> dict[str, Any]:
    """Everything that votes say.

    Parameters
    ----------
    votes : sequence of Vote
        Oldest first.
    rules : Rules, optional
        Which of them count.
    seed : int
        Of everything that is drawn at random.

    Returns
    -------
    dict
        Plain values, ready for JSON. ``votes`` that count, ``visitors`` (``unknown`` of the votes do not
        say whose they are), ``excluded``: reason → number, ``rules``; ``shares``, ``pairs``, ``letters``,
        ``primers``, ``strengths``: see `shares` and `strengths` in this room; each pair with
        ``share``, ``needed`` and ``more`` of `power.still_needed`;
        ``half_against_chance``: votes in which a lane with half of them differs from chance.

    Raises
    ------
    MusictxError
        No vote counts.

    Examples
    --------
    >>> from musictx.lab.votes import Vote, report_votes
    >>> votes = [Vote(("rope", "vanilla"), choice="rope", visitor=str(i)) for i in range(8)]
    >>> report_votes(votes)["shares"]["rope"]["share"]
    1.0
    """
    rules = rules or Rules()
    reasons = judge_votes(votes, rules)
    kept = tell_weights_apart([v for v, reason in zip(votes, reasons, strict=True) if reason is None])
    excluded = dict(Counter(reason for reason in reasons if reason is not None))
    if not kept:
        told = "".join(f"; {number} {reason}" for reason, number in excluded.items())
        raise MusictxError(f"none of {len(votes)} votes counts{told}")
    counted = tally(kept)
    pairs = pair_tests(counted)
    max_lanes = max(len(vote.lanes) for vote in kept)
    return {
        "votes": len(kept),
        "visitors": counted.visitors,
        "unknown": sum(v.visitor is None for v in kept),
        "excluded": excluded,
        "rules": asdict(rules),
        "shares": shares(counted, seed=seed),
        "pairs": [{**pair, **still_needed(pair, len(pairs))} for pair in pairs],
        "letters": letter_bias(kept, seed=seed),
        "primers": by_primer(kept),
        "strengths": strengths(counted, seed=seed),
        "half_against_chance": votes_needed(0.5, 1 / max_lanes) if max_lanes > 2 else None,
    }


def to_csv(votes: Sequence[Vote], rules: Rules | None = None) -> str:
    """One line for each vote, those that do not count with the reason.

    A text that a spreadsheet would take for a formula has a ' before it.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    names = sorted({name for vote in votes for name in vote.lanes})
    writer.writerow(
        [
            *("id", "voted_at", "visitor", "verdict", "choice", "letter", "lanes", "primer", "primer_sha256"),
            *("seed", "settings", "heard_seconds", *(f"heard_{name}" for name in names)),
            *(*(f"model_{name}" for name in names), "excluded"),
        ]
    )
    for vote, reason in zip(votes, judge_votes(votes, rules), strict=True):
        heard, models = vote.heard or {}, vote.models or {}
        writer.writerow(
            _no_formula(value)
            for value in (
                *(vote.id, vote.voted_at, vote.visitor, vote.verdict, vote.choice),
                *("" if vote.letter is None else LETTERS[vote.letter], " ".join(vote.lanes), vote.primer),
                *(vote.primer_sha256, vote.seed, json.dumps(vote.settings), vote.heard_seconds),
                *(heard.get(name) for name in names),
                *(models.get(name) for name in names),
                reason,
            )
        )
    return table.getvalue()


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def to_tables(report: dict[str, Any]) -> list[RenderableType]:
    """The report for a terminal: lines and tables."""
    parts: list[RenderableType] = [_lead(report), _shares_table(report["shares"])]
    if report["pairs"]:
        parts.append(_pairs_table(report["pairs"]))
    if report["strengths"]["sets"] > 1:
        parts.append(_strengths_table(report["strengths"]))
    parts += [_letters_line(report["letters"]), _primers_table(report["primers"])]
    if report["half_against_chance"]:
        parts.append(
            f"To see that a lane with half of the votes is not chance takes {report['half_against_chance']} "
            "independent votes (80 % power, two-sided 5 %)."
        )
    return parts


def _lead(report: dict[str, Any]) -> str:
    excluded = [f"{number} {reason}" for reason, number in report["excluded"].items()]
    lines = f"{report['votes']} votes of {report['visitors']} visitors"
    if report["unknown"]:
        lines += f" ({report['unknown']} votes do not say whose they are; each counts as a visitor)"
    return lines + (f"; left out: {', '.join(excluded)}" if excluded else "")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _range(figure: dict[str, Any]) -> str:
    return f"{_percent(figure['share'])} [{100 * figure['low']:.0f}, {100 * figure['high']:.0f}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _table(title: str, *columns: str) -> Any:
    from rich.table import Table

    table = Table(*columns, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _shares_table(found: dict[str, Any]) -> Any:
    table = _table(
        "Share of the votes (95 % intervals over visitors)", "lane", "chosen", "votes", "share", "chance"
    )
    for name, figure in found.items():
        chance = _percent(figure["chance"]) if "chance" in figure else ""
        row = (str(figure["chosen"]), str(figure["votes"]), _range(figure), chance)
        table.add_row(_SAID.get(name, name), *row)
    return table


def _pairs_table(pairs: list[dict[str, Any]]) -> Any:
    table = _table(
        "Pairs (exact flip test over visitors, Holm's correction)",
        *("pair", "chosen", "visitors", "p", "p after Holm", "votes still needed"),
    )
    for pair in pairs:
        more = "cannot be said" if pair["more"] is None else f"{pair['more']} of {pair['needed']}"
        table.add_row(
            f"{pair['first']} : {pair['second']}",
            f"{pair['first_chosen']} : {pair['second_chosen']}",
            str(pair["visitors"]),
            _p(pair["p"]),
            _p(pair["holm"]),
            more,
        )
    return table


def _strengths_table(fitted: dict[str, Any]) -> Any:
    title = "Strength (Bradley–Terry, log-odds against the mean of all lanes)"
    if not fitted["connected"]:
        title += "; some lanes never met, not even through others: compare within a group only"
    table = _table(title, "lane", "log-odds", "95 % interval")
    for name, s in sorted(fitted["strengths"].items(), key=lambda item: -item[1]["log_odds"]):
        table.add_row(name, f"{s['log_odds']:+.2f}", f"[{s['low']:+.2f}, {s['high']:+.2f}]")
    return table


def _letters_line(letters: dict[str, Any]) -> str:
    counts = ", ".join(
        f"{letter} {count['chosen']} (expected {count['expected']:g})"
        for letter, count in letters["letters"].items()
    )
    return f"Letters: {counts or 'nothing chosen'}; χ² {letters['statistic']:.2f}, p {_p(letters['p'])}"


def _primers_table(rows: list[dict[str, Any]]) -> Any:
    table = _table("By primer", "primer", "votes", "chosen")
    for row in rows:
        said = ", ".join(f"{_SAID.get(name, name)} {number}" for name, number in row["chosen"].items())
        table.add_row(row["primer"], str(row["votes"]), said)
    return table
