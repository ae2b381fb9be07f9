"""Does the primer come back beyond chance, and is the music told from real? Over all primers together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from statistics import fmean
from typing import Any

import numpy as np

from musictx.lab.evaluation.chance import MEASURES, Beside, beside_others
from musictx.lab.evaluation.classifier_test import baseline, tell_apart
from musictx.lab.evaluation.excerpts import excerpt_figures, excerpts
from musictx.lab.study.comparison import MIN_PRIMERS, REAL, Row, mean_figure
from musictx.lab.study.plan import StudyPrimer
from musictx.performance import Performance, apply_pedal, slice_time

Music = Mapping[tuple[str, str, int], Performance]  # by primer, model and seed


def measure_memory(
    rows: Sequence[Row], primers: Sequence[StudyPrimer], music: Music
) -> tuple[list[Row], dict[str, Any]]:
    """Measure each continuation against its own primer and against those of other pieces of its folder.

    Parameters
    ----------
    rows : sequence of dict
        One a continuation.
    primers : sequence of StudyPrimer
    music : mapping
        Primer and continuation on one time axis.

    Returns
    -------
    rows : list of dict
        As they were, with ``motif_beyond_chance``, ``alignment`` and ``alignment_beyond_chance`` in what
        was measured; None where there are fewer than `MIN_PRIMERS` other primers.
    stands_out : dict
        For each measure (``motif``, ``alignment``) and model: the share of continuations that have more of
        their own primer than of 19 in 20 others (``mean`` with its interval over primers, ``primers``).
        By chance it is ``by_chance``.
    """
    heard = {p.name: apply_pedal(p.performance) for p in primers}
    found: dict[tuple[str, str], dict[str, list[Beside]]] = {}
    measured = []
    for row in rows:
        own = next(p for p in primers if p.name == row["primer"])
        family = [p for p in primers if p.source == own.source]
        more: dict[str, float | None] = {"alignment": None}
        more |= {f"{key}_beyond_chance": None for key in MEASURES}
        if len(family) > MIN_PRIMERS:
            alone, seconds = _alone(row, music)
            played, place = [heard[p.name] for p in family], [p.name for p in family].index(own.name)
            for key, measure in MEASURES.items():
                beside = beside_others(played, place, alone, seconds, measure)
                more[f"{key}_beyond_chance"] = beside.beyond_chance
                found.setdefault((row["model"], row["primer"]), {}).setdefault(key, []).append(beside)
                if key == "alignment":
                    more["alignment"] = beside.own
        measured.append({**row, "measured": {**row["measured"], **more}})
    models = list(dict.fromkeys(row["model"] for row in rows))
    stands_out: dict[str, Any] = {}
    for key, model in product(MEASURES, models):
        hits = [fmean(b.stands_out for b in f[key]) for (m, _), f in found.items() if m == model]
        stands_out.setdefault(key, {})[model] = mean_figure(hits)
    luck = [beside.luck for measures in found.values() for each in measures.values() for beside in each]
    return measured, {"by_chance": fmean(luck) if luck else None, **stands_out}


def _alone(row: Row, music: Music) -> tuple[Performance, float]:
    """The continuation from time 0 with the pedal applied, and its length."""
    whole, cut = music[row["primer"], row["model"], row["seed"]], row["cut"]
    alone = apply_pedal(slice_time(whole, cut)) if whole.duration > cut else Performance()
    return alone, row["measured"]["seconds"]


def tell_models(rows: Sequence[Row], music: Music) -> dict[str, Any]:
    """How well a classifier tells 15 s of each model from 15 s of how the same pieces really go on.

    Returns
    -------
    dict
        For each model, and for real music against itself (the baseline, about a half): ``accuracy``,
        ``low``, ``high``, ``excerpts``. Empty with fewer than `MIN_PRIMERS` pieces.
    """
    figures: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    numbers = {name: k for k, name in enumerate(dict.fromkeys(row["primer"] for row in rows))}
    for model in dict.fromkeys(row["model"] for row in rows):
        found, pieces = [], []
        for row in (r for r in rows if r["model"] == model):
            cuts = excerpts(*_alone(row, music))
            found += [excerpt_figures(cut) for cut in cuts]
            pieces += [numbers[row["primer"]]] * len(cuts)
        if found:
            figures[model] = np.array(found), np.array(pieces)
    if REAL not in figures or len(set(figures[REAL][1].tolist())) < MIN_PRIMERS:
        return {}
    real, real_piece = figures[REAL]
    told = {}
    for model, (made, made_piece) in figures.items():
        if model == REAL:
            continue
        both = np.isin(made_piece, real_piece)  # only pieces of which there is real music to compare with
        x, piece = np.concatenate([real, made[both]]), np.concatenate([real_piece, made_piece[both]])
        told[model] = asdict(tell_apart(x, np.arange(len(x)) >= len(real), piece))
    if (np.bincount(real_piece) > 1).sum() >= MIN_PRIMERS:
        told[REAL] = asdict(baseline(real, real_piece))
    return told
