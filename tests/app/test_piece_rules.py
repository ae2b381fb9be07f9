"""The piece that is composed in the page: what is kept stays as it was heard, and on its bars."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from musictx.training.choices import read_choices
from tests.app.test_page_rules import answer

PIECE = """
const { Score } = await import(process.argv[1]);
const { metreOf, rowsOf, spanOf, States, startsOf, withSelection, withTake, scoreOf, sourceOf } =
 await import(
  process.argv[1].replace("score.js", "piece.js"));
const { choiceOf } = await import(process.argv[1].replace("score.js", "choice.js"));
const cases = JSON.parse(await new Response(process.stdin).text());

function takeOf({ notes, lanes, length, piece, selection, metre, run }) {
  const scores = new Map(Object.entries(lanes).map(([lane, { rows, end }]) => {
    const score = Score.finished([...notes, ...rows], length / 1000, end / 1000);
    score.notes.forEach((note, k) => { note.primer = k < notes.length; });
    score.primerCount = notes.length;
    return [lane, score];
  }));
  const seeds = Object.fromEntries(Object.keys(lanes).map((lane, k) => [lane, k]));
  const source = { title: "idea", piece };
  const rest = { model: "m", run, source, selection, metre, begins: true };
  return { notes, pedals: [], length, scores, seeds, ...rest };
}
"""
WHOLE = (
    PIECE
    + """
console.log(JSON.stringify(cases.map(({ first, lane, selection, second }) => {
  const take = takeOf(first);
  const one = withTake([], take, lane, selection ?? spanOf(take, lane));
  const later = second && takeOf(second);
  const two = second ? withTake(one, later, lane, spanOf(later, lane)) : one;
  const { continuationCount: count } = scoreOf(two);
  return { rows: rowsOf(two), starts: startsOf(two), count, source: sourceOf(two) };
})));
"""
)
FILLED = (
    PIECE
    + """
console.log(JSON.stringify(cases.map(({ first, gap, rows }) => {
  const take = takeOf(first);
  const piece = withTake([], take, "A", spanOf(take, "A"));
  const filled = withSelection(piece, gap, rows, { model: "m" });
  const states = new States();
  states.push(piece);
  states.push(filled);
  states.go(-1);
  const again = States.unpack(JSON.parse(JSON.stringify(states.pack())));
  return [rowsOf(piece), rowsOf(filled), rowsOf(again.now), again.canGo(1), again.canGo(-1)];
})));
"""
)
CHOSEN = (
    PIECE
    + """
const chosen = ({ first, kept, heard = { A: 9, B: 9 } }) => {
  const take = { ...takeOf(first), heard: { lanes: heard } };
  return choiceOf(take, new Map(Object.entries(kept)), "hash");
};
console.log(JSON.stringify(cases.map(chosen)));
"""
)
CUT = (
    PIECE
    + """
const scores = cases.map(({ first }) => takeOf(first).scores.get("A"));
console.log(JSON.stringify(scores.map((score) => [score.cut, score.rows(true)])));
"""
)
RECORDED = """
const { Recorder } = await import(process.argv[1].replace("score.js", "recorder.js"));
const cases = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(cases.map(({ starts, pedal }) => {
  let now = 0;
  const recorder = new Recorder(() => {}, () => now);
  for (const start of starts) {
    now = start;
    recorder.start(recorder.piece);
    now += 500;
    if (pedal) recorder.pedal(true);
    recorder.noteOn(60, 90);
    now += 400;
    recorder.noteOff(60);
    now += pedal;
    recorder.stop();
  }
  return recorder.notes;
})));
"""
IDEA = [[0, 500, 60, 80], [500, 1000, 64, 80]]
TAKE: dict[str, Any] = {
    "notes": IDEA,
    "length": 1000,
    "piece": False,
    "selection": {"start": 0, "end": 1000},
    "run": "r",
    "lanes": {
        "A": {"rows": [[1000, 1500, 67, 70], [1500, 2600, 72, 70]], "end": 3000},
        "B": {"rows": [[1200, 1300, 30, 90]], "end": 3000},
    },
}


def test_a_take_that_is_kept_stands_after_its_primer_as_it_was_heard() -> None:
    (whole, part) = answer(
        WHOLE,
        [
            {"first": TAKE, "lane": "A"},
            {"first": TAKE, "lane": "A", "selection": {"from": 1500, "to": 2500}},
        ],
    )
    assert whole["rows"] == IDEA + TAKE["lanes"]["A"]["rows"] and whole["starts"] == [0, 1000, 3000]
    assert whole["count"] == 2 and whole["source"]["piece"] and not whole["source"]["continues"]
    assert part["rows"] == [*IDEA, [1000, 2000, 72, 70]] and part["starts"] == [0, 1000, 2000]


def test_a_first_note_on_a_bar_line_just_before_the_cut_is_no_primer() -> None:
    lanes = {"A": {"rows": [[2857, 3000, 67, 70], [3100, 3200, 60, 70]], "end": 4000}}
    ((cut, rows),) = answer(CUT, [{"first": {**TAKE, "length": 2860, "lanes": lanes}}])
    assert cut == 2857 and [row[0] for row in rows] == [0, 243]


def test_what_is_played_after_a_pause_to_think_follows_soon() -> None:
    """A recording that is taken up again goes on with its next note, not with the time in between."""
    found = answer(RECORDED, [{"starts": [0, 8000], "pedal": 0}, {"starts": [0, 8000], "pedal": 1000}])
    assert found[0] == [[0, 400, 60, 90], [700, 1100, 60, 90]]
    assert found[1] == [[0, 400, 60, 90], [1700, 2100, 60, 90]]  # the pedal was down for a second more


def test_a_second_idea_of_the_same_name_and_as_many_notes_is_another() -> None:
    other = {**TAKE, "run": "s", "notes": [[0, 500, 50, 80], [500, 1000, 54, 80]]}
    again = {**TAKE, "run": "t"}
    whole, same = answer(WHOLE, [{"first": TAKE, "lane": "A", "second": each} for each in (other, again)])
    assert whole["starts"] == [0, 1000, 3000, 4000, 6000]
    assert [row[2] for row in whole["rows"] if 3000 <= row[0] < 4000] == [50, 54]
    assert same["starts"] == [0, 1000, 3000, 5000]


def test_a_take_drawn_from_a_piece_that_is_empty_now_begins_another() -> None:
    later = {**TAKE, "piece": True, "selection": {"start": 120_000, "end": 121_000}}
    again = {**later, "lanes": {"A": {"rows": [[2000, 2100, 40, 70]], "end": 3000}}}
    (found,) = answer(WHOLE, [{"first": later, "lane": "A", "second": again}])
    assert found["starts"] == [0, 1000, 3000, 5000] and found["count"] == 3
    assert found["rows"] == [*IDEA, *TAKE["lanes"]["A"]["rows"], [4000, 4100, 40, 70]]


def test_a_note_of_the_primer_rings_on_in_what_is_kept() -> None:
    ringing = {**TAKE, "lanes": {"A": {"rows": [[1400, 1500, 67, 70]], "end": 2000}}}
    long = [[0, 500, 60, 80], [500, 1300, 64, 80]]
    (kept,) = answer(WHOLE, [{"first": {**ringing, "notes": long}, "lane": "A"}])
    assert kept["rows"] == [*long, [1400, 1500, 67, 70]]


def test_sections_end_on_bars_although_models_play_in_hundredths() -> None:
    bar = 60_000 / 97 * 4
    metre = {"division": 480, "tempos": [[0, 618_557]], "signatures": [[0, 4, 4]], "start": 0}
    cut, end = (round(k * bar / 10) * 10 for k in (1, 2))
    lanes = {"A": {"rows": [[round(bar * 1.25), round(bar * 1.5), 60, 70]], "end": end}}
    first = {**TAKE, "length": cut, "metre": metre, "lanes": lanes}
    late = [[round(bar * 2), round(bar * 2.5), 62, 70], [round(bar * 2.75), round(bar * 3), 64, 70]]
    last = round(3 * bar / 10) * 10
    second = {
        **first,
        "run": "s",
        "piece": True,
        "length": end,
        "selection": {"start": 0, "end": end},
        "lanes": {"A": {"rows": late, "end": last}},
    }
    (found,) = answer(WHOLE, [{"first": first, "lane": "A", "second": second}])
    assert found["starts"][2:] == [round(2 * bar), round(3 * bar)]
    onsets = [row[0] for row in found["rows"]]
    assert onsets[-3:] == [round(bar * k) for k in (1.25, 2, 2.75)]


def test_a_note_on_the_last_bar_line_belongs_to_the_section_before_it() -> None:
    metre = {"division": 480, "tempos": [[0, 618_557]], "signatures": [[0, 4, 4]], "start": 0}
    lanes = {"A": {"rows": [[4949, 4990, 60, 70]], "end": 4950}}  # two bars last 4948 ms
    (found,) = answer(
        WHOLE, [{"first": {**TAKE, "length": 2470, "metre": metre, "lanes": lanes}, "lane": "A"}]
    )
    assert found["starts"][-1] == 4948 and found["count"] == 1


def test_a_filled_selection_leaves_all_around_it_and_can_be_taken_back() -> None:
    gap, rows = {"start": 900, "end": 1600}, [[950, 1100, 50, 60], [1550, 1700, 52, 60]]
    ((before, after, undone, forth, back),) = answer(FILLED, [{"first": TAKE, "gap": gap, "rows": rows}])
    assert before == undone == IDEA + TAKE["lanes"]["A"]["rows"] and forth and back
    assert after == [*IDEA, *rows]


def test_a_choice_says_what_was_kept_and_what_was_not_as_tune_reads_it(tmp_path: Path) -> None:
    (choice, nothing, part, unheard) = answer(
        CHOSEN,
        [
            {"first": TAKE, "kept": {"A": 3}},
            {"first": TAKE, "kept": {"A": 3, "B": 3}},
            {"first": TAKE, "kept": {"A": 1.6}},
            {"first": TAKE, "kept": {"A": 3}, "heard": {"A": 9, "B": 1}},
        ],
    )
    assert nothing is None and unheard is None
    assert choice == {
        "primer": [[0, 0.5, 60, 80], [0.5, 1, 64, 80]],
        "cut": 1,
        "kept": [[[1, 1.5, 67, 70], [1.5, 2.6, 72, 70]]],
        "rejected": [[[1.2, 1.3, 30, 90]]],
        "model": "hash",
        "from_beginning": True,
    }
    assert part["kept"] == [[[1, 1.5, 67, 70], [1.5, 1.6, 72, 70]]]
    file = tmp_path / "choices.jsonl"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in (choice, part)))
    (read, _) = read_choices(file)
    assert read.model == "hash" and read.kept[0].notes["pitch"].tolist() == [60, 64, 67, 72]
