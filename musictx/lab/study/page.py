"""The page of a study: one HTML file that needs nothing else, with tables, charts, rolls and players."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from musictx.files import write_bytes
from musictx.lab.colours import model_colours
from musictx.lab.study.charts import quarter_chart
from musictx.lab.study.comparison import REAL
from musictx.lab.study.metrics import METRICS, QUARTERLY
from musictx.lab.study.table import together
from musictx.performance import Performance

_HERE = Path(__file__).parent
_REAL_COLOUR = "var(--soft)"
SIGNIFICANT = 0.05
FARTHEST = 4  # heads of a model that the page shows

Music = Mapping[tuple[str, str, int], Performance]  # by primer, model and seed


def write_page(path: Path, result: dict[str, Any], music: Music) -> None:
    """Write the page of a study.

    Parameters
    ----------
    path : path
    result : dict
        As `musictx.lab.study.run_study` gives it.
    music : mapping
        Primer and continuation on one time axis, by primer, model and seed.
    """
    colours = model_colours({name: model["position"] for name, model in result["models"].items()})
    colours[REAL] = _REAL_COLOUR
    page = (_HERE / "page.html").read_text(encoding="utf-8")
    parts = {
        "style": (_HERE / "page.css").read_text(encoding="utf-8"),
        "script": (_HERE / "page.js").read_text(encoding="utf-8"),
        "lead": _lead(result),
        "findings": _findings(result["comparison"]),
        "legend": _legend(result["comparison"]["models"], colours),
        "means": _means(result),
        "charts": "\n".join(
            quarter_chart(title, result["comparison"]["quarters"][key], colours) for key, title in QUARTERLY
        ),
        "heads": _heads(result["comparison"]["heads"]),
        "tests": _tests(result["comparison"]),
        "about": _about(result),
        "data": json.dumps(_players(result, music, colours), separators=(",", ":")).replace("<", "\\u003c"),
    }
    for name, text in parts.items():
        page = page.replace(f"<!-- {name} -->", text)
    write_bytes(path, page.encode())


def _lead(result: dict[str, Any]) -> str:
    s = result["settings"]
    length = f"{s['tokens']} events" if s["tokens"] else f"{s['seconds']:g} s"
    filters = [
        f"{name.replace('_', '-')} {s[name]:g}"
        for name, off in (("top_k", 0), ("top_p", 1), ("min_p", 0), ("theme", 0), ("form", 0))
        if s[name] != off
    ] + [s["shape"]] * bool(s["shape"])
    return escape(
        f"{len(result['primers'])} primers of up to {s['primer_seconds']:g} s, "
        f"{len(result['models'])} models, "
        f"{s['seeds']} continuations of {length} for each, drawn at temperature {s['temperature']:g}"
        + (f", {', '.join(filters)}." if filters else " without any filter.")
    )


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _range(low: float, high: float, digits: int) -> str:
    return f"[{_number(low, digits)}, {_number(high, digits)}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _findings(comparison: dict[str, Any]) -> str:
    """What stands up to the number of tests, as sentences."""
    digits = {m.key: m.digits for m in METRICS}
    titles = {m.key: m.title for m in METRICS}
    lines = []
    for test in comparison["tests"]:
        if test["holm"] >= SIGNIFICANT or REAL in (test["first"], test["second"]):
            continue
        higher, lower = test["first"], test["second"]
        low, high, by = test["low"], test["high"], test["difference"]
        if by < 0:
            higher, lower, low, high, by = lower, higher, -high, -low, -by
        n = digits[test["metric"]]
        lines.append(
            f"<li><b>{escape(titles[test['metric']])}</b>: {escape(higher)} is higher than {escape(lower)} "
            f"by {_number(by, n)} {_range(low, high, n)}, p {_p(test['holm'])}</li>"
        )
    if not comparison["tests"]:
        return "<p>Too few primers for a test.</p>"
    if not lines:
        return "<p>No difference between the models stands up to the number of tests made.</p>"
    return "<ul>" + "".join(lines) + "</ul>"


def _legend(names: list[str], colours: dict[str, str]) -> str:
    return "".join(
        f'<span class="key"><i style="background:{colours[n]}"></i>{escape(n)}</span>' for n in names
    )


def _means(result: dict[str, Any]) -> str:
    comparison = result["comparison"]
    names = comparison["models"]
    rows = [
        (metric.title, metric.text, comparison["metrics"][metric.key], metric.digits) for metric in METRICS
    ]
    rows += [(*row, 2) for row in together(result)]
    body = []
    for title, text, figures, digits in rows:
        if not any(figures.values()):
            continue
        cells = []
        for name in names:
            f = figures.get(name)
            cells.append(
                f"<td>{_number(f['mean'], digits)}<small>{_range(f['low'], f['high'], digits)}</small></td>"
                if f
                else "<td>–</td>"
            )
        label = f'<th scope="row">{escape(title)}<small>{escape(text)}</small></th>'
        body.append(f"<tr>{label}{''.join(cells)}</tr>")
    return _table(("Measured", *names), body)


def _table(titles: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    return f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"


def _tests(comparison: dict[str, Any]) -> str:
    digits = {m.key: m.digits for m in METRICS}
    titles = {m.key: m.title for m in METRICS}
    rows = []
    for t in comparison["tests"]:
        n = digits[t["metric"]]
        mark = ' class="sure"' if t["holm"] < SIGNIFICANT else ""
        rows.append(
            f'<tr{mark}><th scope="row">{escape(titles[t["metric"]])}</th>'
            f"<td>{escape(t['first'])} \N{MINUS SIGN} {escape(t['second'])}</td>"
            f"<td>{_number(t['difference'], n)} <small>{_range(t['low'], t['high'], n)}</small></td>"
            f"<td>{_number(t['effect'], 2)} "
            f"<small>{_range(t['effect_low'], t['effect_high'], 2)}</small></td>"
            f"<td>{t['units']}</td><td>{_p(t['p'])}</td><td>{_p(t['holm'])}</td></tr>"
        )
    columns = ("Measured", "Pair", "Difference", "Effect (rank-biserial)", "Primers", "p", "p after Holm")
    return _table(columns, rows)


def _heads(heads: dict[str, list[dict[str, Any]]]) -> str:
    """The heads of each model that listen back farthest."""
    rows = [
        f'<tr><th scope="row">{escape(name)}</th><td>{head["layer"] + 1}.{head["head"] + 1}</td>'
        f"<td>{_number(head['seconds'], 2)}</td><td>{_number(head['primer'], 3)}</td>"
        f"<td>{_number(head['start'], 3)}</td><td>{_number(head['reach'], 2)}</td></tr>"
        for name, found in heads.items()
        for head in found[:FARTHEST]
    ]
    columns = ("Model", "Layer and head", "How far back (s)", "On the primer", "On START", "Reach (s)")
    return _table(columns, rows)


def _about(result: dict[str, Any]) -> str:
    models = "".join(
        f"<li>{escape(name)}: {escape(m['position'])} positions, {m['parameters'] / 1e6:.2f} M parameters, "
        f"trained at {m['context_length']} events</li>"
        for name, m in result["models"].items()
    )
    left_out = "".join(f"<li>{escape(line)}</li>" for line in result["left_out"])
    return f"<ul>{models}</ul>" + (f"<p>Left out:</p><ul>{left_out}</ul>" if left_out else "")


def _packed(performance: Performance) -> list[int]:
    """Onset (after the note before), duration, pitch, velocity of each note; times in 10 ms."""
    notes = performance.notes
    onset = np.rint(notes["onset"] * 100).astype(int)
    length = np.maximum(np.rint(notes["offset"] * 100).astype(int) - onset, 1)
    rows = np.stack([np.diff(onset, prepend=0), length, notes["pitch"], notes["velocity"]], 1)
    return [int(x) for x in rows.ravel()]


def _players(result: dict[str, Any], music: Music, colours: dict[str, str]) -> list[dict[str, Any]]:
    """What the page's script needs: for each primer its lanes, and their takes."""
    players = []
    for primer in result["primers"]:
        lanes: dict[str, dict[str, Any]] = {}
        for row in result["rows"]:
            if row["primer"] != primer["name"]:
                continue
            lane = lanes.setdefault(
                row["model"], {"model": row["model"], "colour": colours[row["model"]], "takes": []}
            )
            lane["takes"].append(
                {"cut": row["cut"], "notes": _packed(music[(row["primer"], row["model"], row["seed"])])}
            )
        players.append({"title": primer["title"], "name": primer["name"], "lanes": list(lanes.values())})
    return players
