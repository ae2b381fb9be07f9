"""Making and measuring the continuations of a study, so that it can be stopped and resumed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from musictx.checkpoint import weights_hash
from musictx.errors import MusictxError
from musictx.files import make_folder, read_json, write_bytes
from musictx.lab.bench.common import machine
from musictx.lab.evaluation.copies import CopyIndex
from musictx.lab.evaluation.loading import model_facts
from musictx.lab.kept import PLAYING, notes_hash
from musictx.lab.study.comparison import REAL, Row, compare_rows
from musictx.lab.study.memory import measure_memory, tell_models
from musictx.lab.study.metrics import VERSION, measure
from musictx.lab.study.page import write_page
from musictx.lab.study.plan import StudyPrimer, StudySettings
from musictx.midi import read_midi, write_midi
from musictx.model import MusicTransformer
from musictx.performance import Performance
from musictx.sampling import continue_variations


def _index_hash(index: CopyIndex | None) -> str:
    return "" if index is None else hashlib.sha256(index.pitch.tobytes()).hexdigest()


def _fingerprint(*parts: Any) -> str:
    """What a result depends on: it is used again only if all of this is the same."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _kept(path: Path, played: str) -> dict[str, Any] | None:
    """What an earlier run left of a primer and a model, if it is whole and would be played so again."""
    try:
        stored = read_json(path)
        there = all((path.parent / row["file"]).is_file() for row in stored["rows"])
        return stored if there and stored["played"] == played else None
    except (MusictxError, OSError, KeyError, TypeError):
        return None


def _continuations(
    model: MusicTransformer, primer: StudyPrimer, settings: StudySettings
) -> list[tuple[Performance, float]]:
    """Primer and continuation on one time axis, for each seed, and where the continuation begins."""
    results = continue_variations(
        model,
        primer.performance,
        seconds=None if settings.tokens else settings.seconds,
        tokens=settings.tokens,
        primer_end=primer.cut,
        seed=settings.seed,
        variations=settings.seeds,
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
        min_p=settings.min_p,
        theme=settings.theme,
        form=settings.form,
        shape=settings.shape,
        allow_end=False,
    )
    return [(r.performance, r.cut) for r in results]


def _real_continuation(primer: StudyPrimer) -> list[tuple[Performance, float]]:
    """The same of how the piece really goes on."""
    assert primer.real is not None
    return [(primer.real, primer.cut)]


def run_study(
    models: Mapping[str, MusicTransformer],
    primers: Sequence[StudyPrimer],
    output: Path,
    settings: StudySettings | None = None,
    *,
    index: CopyIndex | None = None,
    left_out: Sequence[str] = (),
    progress: Callable[[float, float], None] | None = None,
) -> dict[str, Any]:
    """Run a study, or continue one.

    Continuations stand in ``output/continuations/PRIMER/`` as MIDI files, with what was measured beside
    them; those that were made with the same model, primer and settings are not made again, nor measured
    again, unless by another training music or an older version. At the end
    ``study.json`` and the page ``study.html`` are written.

    Parameters
    ----------
    models : mapping of str to MusicTransformer
    primers : sequence of StudyPrimer
    output : path
    settings : StudySettings, optional
    index : CopyIndex, optional
        The training music, for the copy check.
    left_out : sequence of str
        What the page says was left out.
    progress : callable, optional
        Called with the continuations done and their number.

    Returns
    -------
    dict
        As in ``study.json``: ``settings``, ``models``, ``primers``, ``rows``, ``comparison``,
        ``stands_out`` (see `measure_memory`), ``told_from_real`` (see `tell_models`) and, with primers of
        several folders, ``comparison_by_folder`` and ``told_by_folder``, the same of each; ``left_out``,
        ``machine``, ``seconds``.

    Raises
    ------
    MusictxError
        If the folder cannot be written, or holds another study.

    Examples
    --------
    >>> from pathlib import Path
    >>> from musictx import load_model
    >>> from musictx.shipped import shipped_folder
    >>> from musictx.lab.study import StudySettings, choose_primers, run_study
    >>> settings = StudySettings(primer_seconds=4, seconds=4, seeds=1)
    >>> primers, _ = choose_primers([shipped_folder("primers")], settings, 1)
    >>> result = run_study({"rope": load_model("rope")}, primers, Path("study"), settings)
    >>> sorted(path.name for path in Path("study").iterdir())
    ['continuations', 'study.html', 'study.json']
    """
    settings = settings or StudySettings()
    if _stem(REAL) in map(_stem, models):
        raise MusictxError(f"no model may be called {REAL!r} in a study; rename its folder")
    _check_kept(output, settings, list(models), [primer.name for primer in primers])
    began, done = time.monotonic(), 0
    rows: list[Row] = []
    hashes = {name: weights_hash(m) for name, m in models.items()}
    measured = _fingerprint(VERSION, _index_hash(index))
    total = len(primers) * (len(models) * settings.seeds + 1)
    for primer in primers:
        about = [PLAYING, notes_hash(primer.performance), primer.cut, asdict(settings)]
        length = None if settings.tokens else settings.seconds
        for name, model in models.items():
            played = _fingerprint(*about, hashes[name])
            make = partial(_continuations, model, primer, settings)
            look = partial(measure, primer.performance, seconds=length, model=model, index=index)
            rows += _do(output, primer, name, played, measured, make, look)
            done += settings.seeds
            if progress:
                progress(done, total)
        if primer.real is not None:
            played = _fingerprint(*about, notes_hash(primer.real))
            make = partial(_real_continuation, primer)
            look = partial(measure, primer.performance, seconds=length, index=index)
            rows += _do(output, primer, REAL, played, measured, make, look)
        done += 1
        if progress:
            progress(done, total)
    music_of = {
        (r["primer"], r["model"], r["seed"]): read_midi(output / "continuations" / r["primer"] / r["file"])
        for r in rows
    }
    rows, stands_out = measure_memory(rows, primers, music_of)
    folder_of = {primer.name: primer.source for primer in primers}
    folders = set(folder_of.values())
    result = {
        "settings": asdict(settings),
        "models": model_facts(models),
        "primers": [{"name": p.name, "title": p.title, "cut": p.cut, "folder": p.source} for p in primers],
        "rows": rows,
        "comparison": compare_rows(rows, list(models)),
        "comparison_by_folder": {
            folder: compare_rows([row for row in rows if folder_of[row["primer"]] == folder], list(models))
            for folder in sorted(folders)
            if len(folders) > 1
        },
        "stands_out": stands_out,
        "told_from_real": tell_models(rows, music_of),
        "told_by_folder": {
            folder: tell_models([row for row in rows if folder_of[row["primer"]] == folder], music_of)
            for folder in sorted(folders)
            if len(folders) > 1
        },
        "left_out": list(left_out),
        "machine": machine(),
        "seconds": round(time.monotonic() - began, 1),
    }
    write_bytes(output / "study.json", (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    write_page(output / "study.html", result, music_of)
    return result


def _check_kept(output: Path, settings: StudySettings, models: list[str], primers: list[str]) -> None:
    """A study that is complete may get more models and primers; another one would take its page away."""
    try:
        kept = read_json(output / "study.json")
        before, known = asdict(StudySettings()) | kept["settings"], list(kept["models"])
        played = [primer["name"] for primer in kept["primers"]]
    except (MusictxError, KeyError, TypeError):  # none, or one that was cut
        return
    now = json.loads(json.dumps(asdict(settings)))
    changed = [
        f"{name} {before.get(name)}, not {value}" for name, value in now.items() if before.get(name) != value
    ]
    changed += [f"a model {name}" for name in known if name not in models]
    changed += [f"a primer {name}" for name in played if name not in primers][:3]
    if changed:
        raise MusictxError(f"{output} holds a study with {', '.join(changed)}; choose another --output")


def _stem(name: str) -> str:
    """A model's name as part of a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)


def _do(
    output: Path,
    primer: StudyPrimer,
    name: str,
    played: str,
    measured: str,
    make: Callable[[], list[tuple[Performance, float]]],
    look: Callable[[Performance, float], dict[str, Any]],
) -> list[Row]:
    """The rows of one primer and model: kept ones, or new ones."""
    folder = output / "continuations" / primer.name
    stem = _stem(name)
    path = folder / f"{stem}.json"
    kept = _kept(path, played)
    rows: list[Row] = [] if kept is None else kept["rows"]
    if kept is not None and kept["measured"] == measured:
        return rows
    if kept is None:
        for seed, (whole, cut) in enumerate(make()):
            file = folder / f"{stem}-{seed + 1}.mid"
            make_folder(folder)
            write_midi(whole, file)
            rows.append({"primer": primer.name, "model": name, "seed": seed, "file": file.name, "cut": cut})
    for row in rows:
        row["measured"] = look(read_midi(folder / row["file"]), row["cut"])
    stored = {"played": played, "measured": measured, "rows": rows}
    write_bytes(path, json.dumps(stored, allow_nan=False).encode())
    return rows
