"""Order the page's cards: on which primers does one run show what sets the models apart?

    python checkpoints/cards.py --seeds 5 --output cards.json

Plays every card as the page does, with the page's default length and settings, and judges each lane by the
page's own rules (app/static/music/verdict.js, run by Node). A run tells the story if the first lane,
vanilla, piles up, falls silent or gets stuck past its training length while the others pass theirs without
a fault. Cards stand in the order of how many of their runs tell it; among equals, the one with the clearest
break comes first: how many notes at once vanilla plays at most past its training length, to how many before
it. A lane is stuck in a run if it strikes eight notes or more on three keys at most for two seconds. With
--output the runs are kept after each seed, and an interrupted measurement goes on from there. With --quick,
cards that are two runs behind the best are not played any more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from musictx.lab.evaluation.degeneration import stuck_share
from musictx.performance import Performance, make_notes
from musictx.shipped import COMPARED_MODELS

FAULTS = ("storm", "silence", "stuck")
LENGTHS = """
const { encode } = await page("engine/events.js");
const { applyPedal } = await page("engine/primer.js");
const { readMusic } = await page("engine/request.js");
const { tellingLength } = await page("music/length.js");
const { cutRows } = await page("music/score.js");
const answer = input.cards.map(({ notes, pedals, end }) => {
  const cut = cutRows(notes, pedals, 0, end);
  const { notes: heard, pedals: held } = readMusic(cut);
  return tellingLength(encode(applyPedal(heard, held), end / 1000).length, end / 1000, input.lengths);
});
"""
JUDGE = """
const { cutRows, pedalledRows, Score } = await page("music/score.js");
const { judge } = await page("music/verdict.js");
const others = input.cards.map(({ notes, pedals, end }) => {
  const cut = cutRows(notes, pedals, 0, end);
  return Score.finished(pedalledRows(cut.notes, cut.pedals), end / 1000).notes;
});
"""
VERDICTS = """
const { describe } = await page("music/measures.js");
const answer = input.takes.map(({ notes, pedals, end, first, last }) => {
  const score = new Score(pedalledRows(notes, pedals), end / 1000);
  score.adopt(first.primer, first.held);
  score.receive(last);
  score.finish();
  const { length, beyond, known } = score;
  const primer = score.notes.filter((note) => note.primer);
  const most = (from, to) => describe(score.notes, from, to, primer)?.most ?? null;
  const before = most(length, Math.min(beyond ?? known, known));
  const after = beyond === null ? null : most(beyond, known);
  return { verdict: judge(score, last.ended, others), beyond, most: [before, after] };
});
"""


def node(program: str, given: Any) -> Any:
    """What a program that uses the page's modules makes of `given`, both JSON."""
    from musictx.app.head import STATIC

    whole = (
        f"const page = (name) => import({json.dumps(STATIC.as_uri() + '/')} + name);\n"
        "const input = JSON.parse(await new Response(process.stdin).text());\n"
        f"{program}\nconsole.log(JSON.stringify(answer));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", whole],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@cache
def lanes(models: tuple[str, ...]) -> dict[str, Any]:
    """The page's players by lane, for this process."""
    from musictx.app.models import load_models
    from musictx.app.stage import Stage
    from musictx.app.streaming import lane_player

    torch.set_num_threads(1)
    return {lane.key: lane_player(lane.key, lane.model, Stage()) for lane in load_models(models)}


def play(models: tuple[str, ...], lane: str, card: dict[str, Any], seconds: float, seed: int) -> Any:
    """The lane's first and last message, as a page gets them."""
    sent = {key: card[key] for key in ("notes", "pedals")} | {"length": card["end"], "begins": True}
    sent |= {"run": "card", "settings": {"seconds": seconds, "seed": seed}}
    first: dict[str, Any] = {}
    for text in lanes(models)[lane](SimpleNamespace(_data=sent), SimpleNamespace(session_hash="card")):
        message = json.loads(text)
        first = first or message
        if message["state"] == "error":
            raise RuntimeError(message["error"])
        if message["state"] == "done":
            return first, message
    raise RuntimeError(f"{lane} said nothing")


def tells(takes: dict[str, Any]) -> bool:
    """Whether the first lane has a fault past its training length, and the others pass theirs without one."""
    first, *others = takes.values()
    return bool(fault(first).get("past")) and all("steady" in kinds(take) for take in others)


def kinds(take: dict[str, Any]) -> list[str]:
    """What the page says of a take, in a word each."""
    return [found["kind"] for found in take["verdict"]]


def fault(take: dict[str, Any]) -> dict[str, Any]:
    """The first fault that the page finds in a take; empty if there is none."""
    return next((found for found in take["verdict"] if found["kind"] in FAULTS), {})


def other_primers() -> list[dict[str, Any]]:
    """The page's cards, beside which it sees how much of a theme comes back by chance."""
    from musictx.app.presets import presets

    return [{key: card[key] for key in ("notes", "pedals", "end")} for card in presets()]


def judge_round(pool: Any, models: tuple[str, ...], cards: list[dict[str, Any]], seed: int) -> None:
    """Play every card once, and add what came of it to the card's takes."""
    runs = [(card, name) for card in cards for name in card["lanes"]]
    jobs = ((models, name, card, card["seconds"], seed) for card, name in runs)
    played = list(pool.map(play, *zip(*jobs, strict=True)))
    given = [
        {key: card[key] for key in ("notes", "pedals", "end")} | {"first": first, "last": last}
        for (card, _), (first, last) in zip(runs, played, strict=True)
    ]
    judged = node(JUDGE + VERDICTS, {"takes": given, "cards": other_primers()})
    for (card, name), (_, last), found in zip(runs, played, judged, strict=True):
        found["stuck"] = stuck_share(continuation(card, last), card["seconds"])
        if name == next(iter(card["lanes"])):
            card["takes"].append({})
        card["takes"][-1][name] = found


def continuation(card: dict[str, Any], last: dict[str, Any]) -> Performance:
    """What a lane plays after a card, by its strokes alone."""
    onset, pitch = (
        np.array([row[:2] for row in last["notes"] if row[0] >= card["end"]], float).reshape(-1, 2).T
    )
    onset = (onset - card["end"]) / 1000
    return Performance(make_notes(onset, onset + 0.1, pitch.astype(int)))


def summarise(card: dict[str, Any]) -> dict[str, Any]:
    """How many of a card's runs told the story, how long (s) after the primer, and how clearly."""
    told = [take for take in card["takes"] if tells(take)]
    first = next(iter(card["lanes"]))
    after = [fault(take[first])["at"] - card["end"] / 1000 for take in told]
    found = {"told": len(told), "after": float(np.median(after)) if after else np.inf}
    before, beyond = most_at_once(card, first)
    return found | {"break": float(np.nan_to_num(beyond / before))}


def most_at_once(card: dict[str, Any], lane: str) -> tuple[float, float]:
    """Notes at once at most before and after a lane's training length, medians over the runs that pass it."""
    sides = np.array([take[lane]["most"] for take in card["takes"]], dtype=float)
    before, beyond = sides[~np.isnan(sides[:, 1])].T
    return (float(np.median(before)), float(np.median(beyond))) if len(beyond) else (np.nan, np.nan)


def read(path: Path) -> dict[str, Any]:
    """What was kept of each card's runs, by its name."""
    return {run["name"]: run for run in json.loads(path.read_text())} if path.is_file() else {}


def recall(path: Path, cards: list[dict[str, Any]], seeds: int) -> None:
    """Give the cards what was kept of their runs, if it came of the same models and length."""
    kept = read(path)
    for card in cards:
        run = kept.get(card["name"])
        if run and (run["seconds"], run["lanes"]) == (card["seconds"], card["lanes"]):
            card["takes"] = run["takes"][:seeds]


def keep(path: Path, cards: list[dict[str, Any]]) -> None:
    """Write what came of every run so far."""
    fields = ("name", "seconds", "lanes", "takes")
    runs = read(path) | {card["name"]: {key: card[key] for key in fields} for card in cards}
    path.write_text(json.dumps(list(runs.values()), indent=1) + "\n")


def show(card: dict[str, Any]) -> None:
    """Some lines of the table."""
    found, takes = summarise(card), card["takes"]
    after = f"{found['after']:.0f} s later" if found["told"] else ""
    print(f"{card['name']:20} {card['seconds']:3} s, told by {found['told']} of {len(takes)} {after}")
    for name in card["lanes"]:
        before, beyond = most_at_once(card, name)
        found = " | ".join(" ".join(kinds(take[name])) for take in takes)
        stuck = sum(take[name]["stuck"] > 0 for take in takes)
        print(f"    {name:10} notes at once {before:3.0f} → {beyond:3.0f}   stuck in {stuck}   {found}")


def main() -> None:
    """Parse the command line, let the models play the cards, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave out cards that cannot be the first")
    parser.add_argument("--card", action="append", help="repeatable; by default all")
    parser.add_argument("--model", action="append", help="repeatable; by default those that are compared")
    parser.add_argument("--output", type=Path, help="JSON file for every run; goes on with what it holds")
    arguments = parser.parse_args()
    models = tuple(arguments.model or COMPARED_MODELS)
    from musictx.app.models import load_models
    from musictx.app.presets import presets

    lanes_facts = [lane.facts() for lane in load_models(models)]
    weights = {facts["key"]: facts["weights"] for facts in lanes_facts}
    cards = [dict(card, takes=[], lanes=weights) for card in presets()]
    if arguments.card:
        cards = [card for card in cards if card["name"] in arguments.card]
    lengths = node(LENGTHS, {"cards": cards, "lengths": [facts["training_length"] for facts in lanes_facts]})
    for card, seconds in zip(cards, lengths, strict=True):
        card["seconds"] = seconds
    if arguments.output:
        recall(arguments.output, cards, arguments.seeds)
    going = cards
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for seed in range(1, 1 + arguments.seeds):
            waiting = [card for card in going if len(card["takes"]) < seed]
            judge_round(pool, models, waiting, seed)
            if arguments.output:
                keep(arguments.output, cards)
            told = sum(tells(card["takes"][seed - 1]) for card in going)
            print(f"seed {seed}: {told} of {len(going)} cards", flush=True)
            best = max(summarise(card)["told"] for card in going)
            if arguments.quick:
                going = [card for card in going if summarise(card)["told"] > best - 2]
    rank = [(-len(card["takes"]), -summarise(card)["told"], -summarise(card)["break"]) for card in cards]
    for _, card in sorted(zip(rank, cards, strict=True), key=lambda each: each[0]):
        show(card)


if __name__ == "__main__":
    main()
