"""What published tables have in common: rows of runs, each of which is trained to its end once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from musictx.errors import MusictxError
from musictx.files import read_json, write_bytes
from musictx.lab.bench.common import machine
from musictx.training import Progress, Run


@dataclass(frozen=True)
class Row:
    """A row of a table: settings (a dataclass with `seed` and `tokens`), and how many seeds it has."""

    name: str
    settings: Any
    seeds: int = 1

    def folder(self, output: Path, seed: int) -> Path:
        """Folder of a run."""
        return output / f"{self.name.replace(', ', '-').replace(' ', '-')}-{seed}"


def complete_runs(
    rows: Sequence[Row],
    output: Path,
    *,
    wanted: Collection[str] = (),
    tokens: int | None = None,
    train: bool = True,
    begin: Callable[[Any, Path], Run],
    measure: Callable[[Run, Any], dict[str, Any]],
    progress: Callable[[str, float], None] = lambda *_: None,
    music: Any = None,
    of_measuring: Collection[str] = (),
) -> dict[str, list[dict[str, Any]]]:
    """Train what is not trained yet, and read what every complete run left.

    Parameters
    ----------
    rows : sequence of Row
    output : path
        Folder for the runs. One that is complete is not run again, one that was stopped goes on.
    wanted : collection of str
        Names of the rows to train; all by default.
    tokens : int, optional
        Budget of each run, instead of its row's own.
    train : bool
        If false, only what is complete is read.
    begin : callable
        Makes a run of its settings in a folder.
    measure : callable
        What to keep of a run that is complete.
    progress : callable
        Called with a run's name and the share of it that is done.
    music : optional
        What tells the music from other music, as JSON has it; a result of other music is refused.
    of_measuring : collection of str
        Settings that change what is measured and not what is trained: with other ones a run is measured anew.

    Returns
    -------
    dict of str to list of dict
        By row: ``run`` (its name), ``settings``, ``machine`` and what `measure` gave, of each seed.

    Raises
    ------
    MusictxError
        A row has no such name, a folder holds a run with other settings or of other music, or a result was
        cut.
    KeyboardInterrupt
        After Ctrl-C, or a signal to terminate; the run that it stopped can go on.
    """
    if unknown := sorted(set(wanted) - {row.name for row in rows}):
        names = "; ".join(row.name for row in rows)
        raise MusictxError(f"there is no row {unknown[0]!r}; there are: {names}")
    complete: dict[str, list[dict[str, Any]]] = {row.name: [] for row in rows}
    for row in rows:
        for seed in range(row.seeds):
            settings = replace(row.settings, seed=seed, tokens=tokens or row.settings.tokens)
            folder, name = row.folder(output, seed), f"{row.name}, seed {seed}"
            path, asked = folder / "result.json", not wanted or row.name in wanted
            now = json.loads(json.dumps(asdict(settings)))
            result = _read_result(path) if path.is_file() else None
            if result:
                differ = {key for key in now if result["settings"].get(key) != now[key]} - set(of_measuring)
                if differ or result.get("music", music) != music:
                    if not asked:
                        continue
                    what = "with other settings" if differ else "of other music"
                    raise MusictxError(f"{folder} holds a run {what}; choose another folder")
            if train and asked and (not result or result["settings"] != now):
                run = begin(settings, folder)
                run.fit(resume=True, on_progress=_told(progress, name))
                if run.stopped:
                    raise KeyboardInterrupt
                measured = measure(run, settings)
                result = {"settings": now, "music": music, **measured, "machine": machine()}
                write_bytes(path, (json.dumps(result, indent=1) + "\n").encode())
            if result:
                complete[row.name].append({"run": name, **result})
    return complete


def _read_result(path: Path) -> dict[str, Any]:
    result = read_json(path)
    if not isinstance(result, dict) or not {"settings", "machine"} <= set(result):
        raise MusictxError(f"{path} is not the result of a run; remove it to make it again")
    return result


def _told(progress: Callable[[str, float], None], name: str) -> Callable[[Progress], None]:
    return lambda step: progress(name, min(step.share, 1.0))  # the last step may go beyond the budget


def curve_of(run: Run, name: str) -> list[tuple[int, float]]:
    """Tokens seen and validation loss, at each look at what is held out."""
    return [(x["tokens"], round(x["validation"][name], 4)) for x in run.metrics.read() if "validation" in x]
