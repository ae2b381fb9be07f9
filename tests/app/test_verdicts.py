"""What the page says of a lane's music: facts about thresholds and words, on made-up music, by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictx.app.payloads import read_notes
from musictx.app.presets import presets
from musictx.lab.evaluation.alignment import melodic_alignment
from musictx.lab.evaluation.motifs import known_patterns, pattern_shares
from musictx.performance import Performance, apply_pedal, make_notes, shift, slice_time

STATIC = Path(__file__).resolve().parents[2] / "app" / "static"
CUT, BEYOND, END = 8.0, 24.0, 44.0
Note = dict[str, Any]


def call(module: str, name: str, *arguments: Any) -> Any:
    """Call an exported function of a module of the page."""
    if (node := shutil.which("node")) is None:
        pytest.skip("needs Node (18 or newer), which is not here")
    program = (
        f"const module = await import({json.dumps((STATIC / f'{module}.js').as_uri())});"
        "const given = JSON.parse(await new Response(process.stdin).text());"
        f"console.log(JSON.stringify(module.{name}(...given)));"
    )
    command = [node, "--input-type=module", "--no-warnings", "-e", program]
    done = subprocess.run(command, input=json.dumps(arguments), capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def notes_of(performance: Performance) -> list[Note]:
    notes = apply_pedal(performance).notes
    return [
        {"on": float(on), "off": float(off), "pitch": int(pitch)}
        for on, off, pitch in notes[["onset", "offset", "pitch"]].tolist()
    ]


def steady(start: float, end: float, pace: float = 4.0, at_once: int = 2) -> list[Note]:
    """Chords of the same number of notes, each held until the next."""
    return [
        {"on": on, "off": on + 1 / pace, "pitch": 50 + (7 * k + 4 * n) % 40, "velocity": 70}
        for k, on in enumerate(np.arange(start, end, 1 / pace).tolist())
        for n in range(at_once)
    ]


def judged(
    *parts: list[Note],
    ended: bool = False,
    beyond: float | None = BEYOND,
    cut: float = CUT,
    others: list[list[Note]] | None = None,
) -> dict[str, Any]:
    """What was found, by kind."""
    notes = [{**note, "primer": note["on"] < cut} for part in parts for note in part]
    notes.sort(key=lambda note: note["on"])
    known = END if not ended else max(note["off"] for note in notes)
    score = {"notes": notes, "length": cut, "beyond": beyond, "known": known}
    score["continuationCount"] = sum(not note["primer"] for note in notes)
    found = call("music/verdict", "judge", score, ended, others or [])
    return {each.pop("kind"): each for each in found}


# ---- faults


def test_music_that_goes_on_as_before_has_no_fault() -> None:
    assert judged(steady(0, END)) == {"steady": {"at": BEYOND, "count": 2}}


def test_too_many_notes_at_once_pile_up() -> None:
    found = judged(steady(0, 30), steady(30, END, at_once=20))
    assert found == {"storm": {"at": 30, "count": 20, "past": True}}
    # What a primer has itself is not degenerate, nor are a few moments of it.
    assert "storm" not in judged(steady(0, CUT, at_once=10), steady(CUT, END, at_once=20))
    assert "storm" not in judged(steady(0, END), steady(30, 31, at_once=20))
    # It is told where it began, on whichever side of the training length.
    early = judged(steady(0, 16), steady(16, END, at_once=20))
    assert early["storm"] == {"at": 16, "count": 20, "past": False}


def test_silence_is_told() -> None:
    assert judged(steady(0, 28), steady(38, END))["silence"] == {"at": 28, "seconds": 10, "past": True}
    assert "silence" not in judged(steady(0, 28), steady(34, END))
    assert "silence" in judged(steady(0, 30))


def test_one_key_again_and_again_is_told() -> None:
    same = [{**note, "pitch": 60} for note in steady(30, END, at_once=1)]
    assert judged(steady(0, 30), same)["stuck"] == {"at": 30, "keys": 1, "past": True}


def in_key(start: float, end: float, tonic: int) -> list[Note]:
    """A major scale in eighths."""
    scale = (0, 2, 4, 5, 7, 9, 11)
    times = np.arange(start, end, 0.25).tolist()
    return [{"on": on, "off": on + 0.2, "pitch": tonic + scale[k % 7]} for k, on in enumerate(times)]


def test_another_key_for_fifteen_seconds_leaves_the_key() -> None:
    assert "key" not in judged(in_key(0, END, 60))
    assert "key" not in judged(in_key(0, 20, 60), in_key(20, END, 67))  # the fifth has one other note
    far = judged(in_key(0, 20, 60), in_key(20, END, 66))
    assert 13 <= far["key"]["at"] <= 23 and far["key"]["distance"] > 0.45
    # A detour is none, and a few notes have no key.
    assert "key" not in judged(in_key(0, 20, 60), in_key(20, 26, 66), in_key(26, END, 60))
    assert "key" not in judged(in_key(4, CUT, 60), in_key(CUT, END, 66))


# ---- where the music ends and what it passes


def test_an_end_of_the_models_own_is_always_told() -> None:
    assert judged(steady(0, 32), ended=True)["ended"] == {"at": 32}
    assert list(judged(steady(0, CUT), ended=True)) == ["nothing"]
    both = judged(steady(0, 32), steady(26, 32, at_once=30), ended=True)
    assert list(both) == ["storm", "ended"]


def test_what_is_said_of_the_training_length_is_what_was_played() -> None:
    assert judged(steady(0, END), beyond=None)["within"] == {"at": END}
    assert judged(steady(0, END), beyond=END - 2)["reached"] == {"at": END - 2}


def test_twice_as_many_notes_a_second_are_told() -> None:
    found = judged(steady(0, BEYOND), steady(BEYOND, END, pace=10))
    assert found["denser"]["ratio"] == pytest.approx(2.5, rel=0.05)
    assert "steady" in judged(steady(0, BEYOND), steady(BEYOND, END, pace=6))


# ---- the theme


def cards() -> list[Performance]:
    found = []
    for preset in presets():
        whole = read_notes(preset["notes"], preset["pedals"])
        found.append(apply_pedal(slice_time(whole, 0, preset["end"] / 1000)))
    return found


CARDS = cards()
NAMES = [preset["name"] for preset in presets()]


def test_alignment_and_shares_of_motifs_are_the_librarys() -> None:
    random = np.random.default_rng(3)
    onset = np.sort(random.uniform(5, 40, 200))
    noise = make_notes(onset, onset + 0.3, random.integers(40, 80, 200))
    passage = np.concatenate([noise, shift(CARDS[2], 12.0).notes])
    performance = Performance(np.sort(passage, order=["onset", "pitch"]))
    later = shift(performance, -5.0)
    found = call("music/alignment", "alignments", list(map(notes_of, CARDS)), notes_of(performance), 5, 45)
    expected = [melodic_alignment(card.notes, apply_pedal(later).notes, 40.0) for card in CARDS]
    assert found == pytest.approx(expected, abs=1e-6)
    # 30.000000000000004 s by subtraction: three times ten seconds, not four.
    odd = notes_of(shift(performance, 7.34))
    found = call("music/alignment", "alignments", list(map(notes_of, CARDS)), odd, 12.34, 42.34)
    expected = [melodic_alignment(card.notes, apply_pedal(later).notes, 30.0) for card in CARDS]
    assert found == pytest.approx(expected, abs=1e-6)
    shares = pattern_shares([known_patterns(card.notes) for card in CARDS], apply_pedal(performance).notes)
    for card, share in zip(CARDS, shares, strict=True):
        assert call("music/motifs", "motifShare", notes_of(card), notes_of(performance)) == pytest.approx(
            share
        )


def after(primer: Performance, answer: Performance) -> tuple[list[Note], float]:
    """A primer and what follows it, again and again until `END`; and where the primer ends."""
    cut = primer.duration
    notes = notes_of(primer)
    for at in np.arange(cut, END + 20, answer.duration):
        notes += notes_of(shift(answer, float(at)))
    return [note for note in notes if note["on"] < END + 20], cut


@pytest.mark.parametrize("name", ["bach-prelude-c", "mozart-sonata-c", "fur-elise"])
def test_a_primer_that_comes_again_brings_its_theme_back_and_another_piece_does_not(name: str) -> None:
    primer = CARDS[NAMES.index(name)]
    others = [notes_of(card) for card in CARDS]
    again, cut = after(primer, primer)
    found = judged(again, cut=cut, others=others)
    assert found["back"]["notes"] > 2 * found["back"]["other"]
    higher = primer.notes.copy()
    higher["pitch"] += 5
    transposed, cut = after(primer, Performance(higher))
    assert "back" in judged(transposed, cut=cut, others=others)
    strange, cut = after(primer, CARDS[NAMES.index("joplin-entertainer")])
    assert "back" not in judged(strange, cut=cut, others=others)


def test_a_motif_that_comes_by_once_is_not_the_theme() -> None:
    """Two in a hundred notes are made of the primer's motifs, under one in a hundred of any other piece's."""
    primer, other = (CARDS[NAMES.index(name)] for name in ("two-bar-loop", "chopin-black-keys"))
    cut, at, notes, random = primer.duration, primer.duration, notes_of(primer), np.random.default_rng(0)
    for piece in (other, primer) * 4:
        loose = piece.notes.copy()  # nobody's motifs, but still the notes of both pieces
        loose["onset"] = np.maximum(0, loose["onset"] + random.uniform(-0.12, 0.12, len(loose)))
        loose["offset"] = loose["onset"] + 0.2
        notes += notes_of(shift(Performance(np.sort(loose, order=["onset", "pitch"])), at))
        at += piece.duration
    once = [cut + 20, cut + 21.5]
    notes = [note for note in notes if note["on"] < cut + 40 and not once[0] <= note["on"] < once[1]]
    notes += notes_of(shift(slice_time(primer, 0, 1.5), once[0]))
    passage = sorted((note for note in notes if note["on"] >= cut), key=lambda note: note["on"])
    strange = [notes_of(card) for card in CARDS if card is not primer]
    share = call("music/motifs", "motifShare", notes_of(primer), passage)
    assert max(call("music/motifs", "motifShare", each, passage) for each in strange) < share < 0.03
    found = call("music/theme", "findTheme", notes_of(primer), passage, cut, cut + 40, strange)
    assert found["back"] is None


@pytest.mark.parametrize("calm", [5, 22])
def test_a_theme_is_looked_for_until_the_music_piles_up(calm: float) -> None:
    primer = CARDS[NAMES.index("mozart-sonata-c")]
    again, cut = after(primer, primer)
    storm = steady(cut + calm, cut + calm + 15, pace=8, at_once=20)
    found = judged(again, storm, cut=cut, others=[notes_of(card) for card in CARDS])
    assert found["storm"]["at"] == pytest.approx(cut + calm, abs=2)
    assert ("back" in found) == (calm > 15) and "gone" not in found


def test_nothing_is_said_of_a_theme_without_other_primers_or_with_few_notes() -> None:
    primer = CARDS[NAMES.index("bach-prelude-c")]
    again, cut = after(primer, primer)
    few = [notes_of(card) for card in CARDS[:5]]
    assert not {"back", "gone"} & set(judged(again, cut=cut, others=few))
    short = judged(steady(4, CUT, at_once=1), steady(CUT, END), others=[notes_of(card) for card in CARDS])
    assert not {"back", "gone"} & set(short)


# ---- words


def said(name: str, *found: dict[str, Any]) -> str:
    return str(call("music/sentences", "verdictSentence", name, found))


STORM = {"kind": "storm", "at": 24.2, "count": 107, "past": False}
BACK = {"kind": "back", "notes": 5.21, "other": 1.3}
GONE = {"kind": "gone", "notes": 1.2, "other": 1.3}
ENDED = {"kind": "ended", "at": 62}
STEADY = {"kind": "steady", "at": 24, "count": 9}


def test_the_verdict_is_a_sentence_with_its_figures() -> None:
    assert said("Vanilla", STORM) == "Vanilla piles up at 0:24 (up to 107 notes at once)."
    past = said("Vanilla", {**STORM, "past": True}, GONE)
    assert past == (
        "Vanilla piles up at 0:24, past its training length (up to 107 notes at once); before that it does "
        "not bring the theme back (1.2 notes in a row follow the primer, 1.3 another piece’s)."
    )
    assert said("Vanilla", STORM, BACK, ENDED) == (
        "Vanilla piles up at 0:24 (up to 107 notes at once) and ends by itself at 1:02; before that it "
        "brings the theme back (5.2 notes in a row follow the primer, "
        "at most 1.3 another piece’s)."
    )
    assert said("Relative", BACK) == (
        "Relative brings the theme back (5.2 notes in a row follow the primer, at most 1.3 another piece’s)."
    )
    assert said("RoPE", {**BACK, "motifs": {"own": 0.18, "other": 0.034}}) == (
        "RoPE brings the theme back "
        "(18 % of it is made of the primer’s motifs, at most 3 % of another piece’s)."
    )
    assert said("RoPE", ENDED) == "RoPE ends by itself at 1:02."
    assert said("mine", ENDED).startswith("Mine ends")
    steady_end = said("RoPE", STEADY, {"kind": "key", "at": 40, "distance": 0.512}, ENDED)
    assert steady_end == (
        "RoPE plays on past its training length (at most 9 notes at once), leaves the key at 0:40 (0.51 away "
        "from the primer’s) and ends by itself at 1:02."
    )


def headline(**verdicts: list[dict[str, Any]]) -> Any:
    found = [{"name": name, "verdict": verdict} for name, verdict in verdicts.items()]
    return call("music/sentences", "answerWords", found)


def test_the_headline_says_what_came_of_every_model() -> None:
    past = {**STORM, "past": True}
    assert headline(Vanilla=[past, GONE], Relative=[STEADY, BACK], RoPE=[STEADY, GONE]) == [
        "Relative brings the theme back. RoPE does not bring the theme back. ",
        "Vanilla piles up past the training length.",
    ]
    assert headline(mine=[STEADY, BACK], RoPE=[BACK]) == ["Mine and RoPE bring the theme back.", ""]
    assert headline(Relative=[STEADY, BACK, ENDED], RoPE=[{"kind": "within", "at": 9}, ENDED]) == [
        "Relative brings the theme back. ",
        "Relative at 1:02 and RoPE at 1:02 end by themselves.",
    ]
    assert headline(Vanilla=[STEADY], RoPE=[STEADY, ENDED]) == [
        "RoPE ends by itself at 1:02. Vanilla plays on past the training length.",
        "",
    ]
    assert headline(RoPE=[{"kind": "within", "at": 9}]) is None


def test_several_takes_are_counted_in_one_sentence() -> None:
    verdicts = {"Vanilla": [[STORM, GONE]] * 4 + [[STEADY, BACK]], "Relative": [[BACK]] * 5}
    found = [{"name": name, "verdicts": each} for name, each in verdicts.items()]
    assert call("music/sentences", "seriesWords", found, 5, {"theme": 0.5, "form": 0}) == (
        "Of 5 takes with theme 0.5, the theme comes back with Vanilla in 1 and Relative in 5; "
        "Vanilla piles up in 4."
    )
    calm = [{"name": "RoPE", "verdicts": [[STEADY]] * 5}]
    plain, both = {"theme": 0, "form": 0}, {"theme": 0.5, "form": 1}
    assert (
        call("music/sentences", "seriesWords", calm, 5, plain)
        == "Of 5 takes without theme, none shows a fault."
    )
    assert call("music/sentences", "themeWords", both) == "with theme 0.5 and form 1"
