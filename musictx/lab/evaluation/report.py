"""What an evaluation looks like: CSV, a picture, a table for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from musictx.lab.colours import model_colours
from musictx.labels import plain_label
from musictx.render.figures import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

_AGAIN = ("exact", "fifth", "tempo", "touch", "odd offset")
COLUMNS = ("model", "length", "figure", "from", "to", "nats", "low", "high", "count")


def to_csv(result: dict[str, Any]) -> str:
    """The losses of an evaluation, one a row: by length, kind and place, of repeats, after gaps, by rules.

    Parameters
    ----------
    result : dict
        As `musictx.lab.evaluation.compare.Evaluation.to_dict` gives it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in (_lengths, _repeats, _gaps, _rules):
        for name, length, label, figure, *span in part(result):
            if figure:
                values = (figure.get(key, "") for key in ("nats", "low", "high", "count"))
                writer.writerow([name, length, label, *(span or ("", "")), *values])
    return text.getvalue()


_Rows = Iterator[tuple[Any, ...]]  # name, length, label, figure or None, and where it is from and to


def _lengths(result: dict[str, Any]) -> _Rows:
    for name, lengths in [
        *((name, model["lengths"]) for name, model in result["models"].items()),
        *result["baselines"].items(),
    ]:
        for length, figures in lengths.items():
            for count in ("per_token", "per_note", "full_chunks"):
                yield name, length, count, figures[count]
            for kind, figure in figures["by_type"].items():
                yield name, length, kind, figure
            places = figures.get("by_position") or {"from": ()}
            for i, start in enumerate(places["from"]):
                figure = {k: places[k][i] for k in ("nats", "low", "high", "count")}
                yield name, length, "by_position", figure, start, places["to"][i]


def _repeats(result: dict[str, Any]) -> _Rows:
    for name, repeats in result.get("repeats", {}).items():
        for where, figures in repeats.items():
            for kind in (k for k in ("first", *_AGAIN, "other") if k in figures):
                yield name, where, f"repeat: {kind}", figures[kind]
                for event, figure in figures[kind]["by_type"].items():
                    yield name, where, f"repeat: {kind}, {event}", figure
                for gain in (g for g in ("gain", "gain_over_other") if g in figures[kind]):
                    yield name, where, f"repeat: {kind}, {gain}", figures[kind][gain]


def _gaps(result: dict[str, Any]) -> _Rows:
    for name, rows in result.get("repeat_gaps", {}).items():
        for found in rows:
            for kind in (k for k in ("exact", "other") if found[k]):
                gap, title = str(found["gap"]), f"after a gap: {kind}"
                yield name, gap, title, found[kind]
                for event, figure in found[kind]["by_type"].items():
                    yield name, gap, f"{title}, {event}", figure


def _rules(result: dict[str, Any]) -> _Rows:
    for name, times in result.get("length_rules", {}).items():
        for compared in times.values():
            for rule, figure in compared["rules"].items():
                yield name, compared["length"], f"rule: {rule}", {**figure, "count": compared["tokens"]}


def draw(result: dict[str, Any]) -> bytes:
    """Picture of an evaluation as PNG: NLL over the place in the context, and over the length.

    The longest chunks show every place; a dashed line marks where each model's training length ends.
    """
    from matplotlib.figure import Figure

    models = result["models"]
    names = [n for n, m in models.items() if m["lengths"]]
    colours = model_colours({name: models[name]["position"] for name in names})
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    over_place, over_length = figure.subplots(1, 2, width_ratios=[2, 1])
    _draw_places(over_place, models, names, colours)
    _draw_lengths(over_length, result, names, colours)
    data = result["data"]
    figure.suptitle(
        f"NLL of {data['pieces']} performances of {data['units']} pieces ({data['tokens']:,} tokens); "
        f"shaded: {100 * result['level']:.0f} % bootstrap intervals over pieces",
        fontsize=10,
    )
    return png(figure, dpi=130)


def _draw_places(axes: Axes, models: dict[str, Any], names: list[str], colours: dict[str, str]) -> None:
    for name in names:
        length = max(models[name]["lengths"], key=int)
        places = models[name]["lengths"][length]["by_position"]
        middle = [(a + b) / 2 for a, b in zip(places["from"], places["to"], strict=True)]
        axes.plot(
            middle, places["nats"], color=colours[name], label=plain_label(f"{name} (chunks of {length})")
        )
        axes.fill_between(middle, places["low"], places["high"], color=colours[name], alpha=0.18, lw=0)
    for context in sorted({models[n]["context_length"] for n in names}):
        axes.axvline(context, color="0.35", ls="--", lw=1)
        axes.annotate(
            " training length",
            (context, 0.985),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize=8,
            color="0.35",
        )
    axes.set(xlabel="place in the chunk (tokens)", ylabel="nats per token", xlim=(0, None))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)


def _draw_lengths(axes: Axes, result: dict[str, Any], names: list[str], colours: dict[str, str]) -> None:
    lengths = sorted({int(n) for name in names for n in result["models"][name]["lengths"]})
    for k, name in enumerate(names):
        figures = result["models"][name]["lengths"]
        place = [i + 0.12 * (k - (len(names) - 1) / 2) for i, n in enumerate(lengths) if str(n) in figures]
        per_token = [figures[str(n)]["per_token"] for n in lengths if str(n) in figures]
        nats = [f["nats"] for f in per_token]
        error = [
            [x - f["low"] for x, f in zip(nats, per_token, strict=True)],
            [f["high"] - x for x, f in zip(nats, per_token, strict=True)],
        ]
        axes.errorbar(
            place, nats, error, fmt="o", ms=5, capsize=3, color=colours[name], label=plain_label(name)
        )
    baseline = result["baselines"].get("n-gram", {})
    nats = [baseline[str(n)]["per_token"]["nats"] for n in lengths if str(n) in baseline]
    if nats:
        axes.axhline(nats[0], color="0.5", ls=":", lw=1.2, label="4-gram baseline")
    axes.set_xticks(range(len(lengths)), [str(n) for n in lengths])
    axes.set(xlabel="chunk length (tokens), context reset at each", ylabel="nats per token")
    axes.grid(alpha=0.25, axis="y")
    axes.legend(fontsize=8)


def _cell(figure: dict[str, Any] | None, digits: int = 3) -> str:
    if figure is None:
        return "–"
    interval = f"[{figure['low']:.{digits - 1}f}, {figure['high']:.{digits - 1}f}]"
    return f"{figure['nats']:.{digits}f} {interval}"


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    """An empty table: columns of words, which stand at the left, and columns of figures."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", padding=(0, 1), pad_edge=False)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def to_table(result: dict[str, Any]) -> Table:
    """The main figures as a table for the terminal."""
    table = _table(
        "NLL (perf388) in nats, with 95 % intervals over pieces; “full”: per token, full chunks only",
        ["model"],
        ["chunks of", "per token", "per note", "full"],
    )
    for name, model in result["models"].items():
        for length, figures in model["lengths"].items():
            times = int(length) / model["context_length"]
            full = figures["full_chunks"]
            table.add_row(
                name,
                f"{length} ({times:g}×)",
                _cell(figures["per_token"]),
                _cell(figures["per_note"], 2),
                f"{full['nats']:.3f}" if full else "–",
            )
        table.add_section()
    for name, lengths in result["baselines"].items():
        length, figures = next(iter(lengths.items()))
        table.add_row(
            name, length, _cell(figures["per_token"]), _cell(figures["per_note"], 2), "", style="dim"
        )
    return table


def to_repeat_table(repeats: dict[str, Any]) -> Table:
    """Repeat gain of each model as a table for the terminal."""
    table = _table(
        "NLL of a passage's second playing in nats per token (less its first playing)",
        ["model", "second"],
        ["first", "exact", "fifth", "odd offset", "after another"],
    )
    for name, places in repeats.items():
        for where, figures in places.items():
            cells = [f"{figures['first']['nats']:.3f}"]
            for kind in ("exact", "fifth", "odd offset"):
                figure = figures.get(kind)
                cells.append(f"{figure['nats']:.3f} ({-figure['gain']['nats']:+.3f})" if figure else "–")
            table.add_row(name, where, *cells, f"{figures['other']['nats']:.3f}")
    return table


def to_pitch_table(repeats: dict[str, Any]) -> Table:
    """What each kind of event costs at a repeat; NOTE_ON is the pitch at a repeat."""
    shown = ("first", "exact", "fifth", "tempo", "touch", "other")
    table = _table(
        "By kind of event, in nats (NOTE_ON: the pitch; new: after another passage)",
        ["model", "second", "event"],
        [*shown[:-1], "new"],
    )
    for name, places in repeats.items():
        for where, figures in places.items():
            for event in figures["first"]["by_type"]:
                found = [figures[kind]["by_type"][event] if kind in figures else None for kind in shown]
                table.add_row(name, where, event, *("–" if f is None else f"{f['nats']:.3f}" for f in found))
            table.add_section()
    return table


def to_gap_table(gaps: dict[str, Any]) -> Table:
    """What a repeat costs after more and more other music, as a table for the terminal."""
    table = _table(
        "An exact repeat after events of other music, in nats (new: without the first playing)",
        ["model"],
        ["gap", "per token", "(new)", "a pitch", "(new)"],
    )
    for name, rows in gaps.items():
        for row in rows:
            cells = []
            for pick in (lambda f: f, lambda f: f["by_type"]["NOTE_ON"]):
                exact, other = (pick(row[kind]) if row[kind] else None for kind in ("exact", "other"))
                cells += [_cell(exact), "–" if other is None else f"{other['nats']:.3f}"]
            table.add_row(name, str(row["gap"]), *cells)
        table.add_section()
    return table


def to_shift_table(shifts: dict[str, Any]) -> Table:
    """Shift sensitivity of each model as a table for the terminal."""
    places = [row["place"] for row in next(iter(shifts.values()))]
    table = _table(
        "The same window placed elsewhere: divergence of the predictions, in nats",
        ["model"],
        [f"+{place}" for place in places],
    )
    for name, rows in shifts.items():
        table.add_row(name, *("–" if r["divergence"] is None else f"{r['divergence']:.4f}" for r in rows))
    return table


def to_rule_table(rules: dict[str, Any]) -> Table:
    """The rules past the training length as a table for the terminal."""
    table = _table(
        "Past the training length: nats per token, full chunks; the best rule is marked *",
        ["model", "chunks of", "rule"],
        ["whole", "beyond"],
    )
    for name, times in rules.items():
        for times_longer, compared in times.items():
            if not compared["rules"]:
                table.add_row(name, str(compared["length"]), "no piece is so long", "–", "–")
            for rule, figure in compared["rules"].items():
                mark = " *" if rule == compared["best"] else ""
                table.add_row(
                    name,
                    f"{compared['length']} ({times_longer}×)",
                    rule + mark,
                    _cell(figure),
                    _cell(figure["beyond"]),
                )
        table.add_section()
    return table
