"""Votes: simulated visitors' preferences are found, and none where there are none."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from typer.testing import CliRunner
from voters import simulate

from musictx.app.votes import VoteBook
from musictx.cli import app
from musictx.errors import MusictxError
from musictx.lab.votes import Rules, Vote, fit_strengths, judge_votes, read_votes, report_votes, votes_needed
from musictx.lab.votes.power import still_needed
from musictx.lab.votes.report import to_csv
from musictx.lab.votes.rules import AGAIN, TOO_LITTLE
from musictx.lab.votes.shares import flip_test, letter_bias, pair_tests, shares, tally
from musictx.lab.votes.strengths import strengths

EQUAL = {"vanilla": 0.0, "relative": 0.0, "rope": 0.0}


def least_p(votes):
    return min(test["holm"] for test in pair_tests(tally(votes)))


# Tests of preference


def test_the_flip_test_is_the_sign_test_when_everybody_votes_once():
    for wins, losses in ((9, 1), (6, 4), (5, 5), (17, 3)):
        differences = np.repeat([1, -1, 0], [wins, losses, 4])
        assert flip_test(differences) == pytest.approx(binomtest(wins, wins + losses).pvalue)


def test_the_flip_test_is_what_all_flips_give():
    differences = np.array([3, 1, 1, -2, 4])
    sums = [np.dot(signs, differences) for signs in product((-1, 1), repeat=5)]
    assert flip_test(differences) == pytest.approx(np.mean(np.abs(sums) >= differences.sum()))
    assert flip_test(np.zeros(3, int)) == flip_test(np.zeros(0, int)) == 1.0


def test_one_visitor_with_many_votes_proves_nothing_about_others():
    votes = simulate({"vanilla": 0.0, "relative": 9.0}, visitors=1, votes_each=[40])
    (pair,) = pair_tests(tally(votes))
    assert {pair["first_chosen"], pair["second_chosen"]} == {0, 40}
    assert pair["p"] == 1.0


def test_a_preference_is_found():
    votes = simulate({**EQUAL, "relative": 1.2}, visitors=60, votes_each=[1, 2, 4], own_taste=0.5, seed=1)
    found = report_votes(votes)
    assert {p["first"] if p["first_chosen"] > p["second_chosen"] else p["second"] for p in found["pairs"]
            if p["holm"] < 0.05} == {"relative"}  # fmt: skip
    share = found["shares"]["relative"]
    assert share["low"] > share["chance"] == pytest.approx(1 / 3)
    assert found["shares"]["vanilla"]["share"] < 1 / 3


@pytest.mark.parametrize("taste", [0.0, 1.0])
def test_no_preference_is_found_where_there_is_none(taste):
    """At the 5 % level at most one null study in twenty finds something, also when visitors are of strong
    and different tastes and some vote far more often than others."""
    studies = [
        simulate(EQUAL, visitors=25, votes_each=[1, 1, 2, 9], own_taste=taste, seed=seed)
        for seed in range(120)
    ]
    false = np.mean([least_p(votes) < 0.05 for votes in studies])
    assert false <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5


def test_votes_counted_as_if_independent_would_find_preferences_that_are_not_there():
    """Why visitors and not votes are flipped."""
    false = 0
    for seed in range(100):
        votes = simulate(
            {"vanilla": 0.0, "rope": 0.0}, visitors=10, votes_each=[12], own_taste=1.5, seed=seed
        )
        wins = sum(v.choice == "rope" for v in votes)
        false += binomtest(wins, len(votes)).pvalue < 0.05
    assert false > 20


def test_intervals_hold_the_true_share_as_often_as_they_say():
    inside = 0
    for seed in range(100):
        votes = simulate(EQUAL, visitors=40, votes_each=[1, 3], own_taste=0.8, seed=seed)
        share = shares(tally(votes), seed=seed)["rope"]
        inside += share["low"] <= 1 / 3 <= share["high"]
    assert inside / 100 > 0.9


# Strengths


def test_strengths_of_two_lanes_are_the_log_odds():
    fitted = fit_strengths(np.array([[True, True]]), np.array([[30.0, 10.0]]), ridge=1e-9)
    assert fitted[0] - fitted[1] == pytest.approx(np.log(3), abs=1e-6)


def test_strengths_are_recovered_from_lanes_that_vary():
    tastes = {"a": -1.0, "b": -0.3, "c": 0.3, "d": 1.0}
    votes = simulate(tastes, visitors=1500, votes_each=[2], lanes=2, alike=0.0, seed=3)
    found = strengths(tally(votes), repeats=200)
    assert found["sets"] == 6 and found["connected"]
    for name, taste in tastes.items():
        strength = found["strengths"][name]
        assert strength["log_odds"] == pytest.approx(taste, abs=0.12)
        assert strength["low"] < strength["log_odds"] < strength["high"]


def test_few_votes_pull_towards_equal_and_ties_more_so():
    sets = np.array([[True, True]])
    few, many = fit_strengths(sets, np.array([[[3.0, 0.0]], [[300.0, 0.0]]]))
    assert 0 < few[0] < many[0]
    tied = fit_strengths(sets, np.array([[3.0 + 5, 5.0]]))
    assert 0 < tied[0] < few[0]


def test_groups_that_never_met_are_told():
    votes = simulate({"a": 0, "b": 0}, visitors=9) + simulate({"c": 0, "d": 0}, visitors=9)
    assert not strengths(tally(votes), repeats=10)["connected"]
    bridge = simulate({"b": 0, "c": 0}, visitors=1)
    assert strengths(tally(votes + bridge), repeats=10)["connected"]


# Letters, primers, power


def test_a_bias_for_a_letter_is_found_and_none_where_there_is_none():
    biased = simulate({**EQUAL, "relative": 1.0}, visitors=80, letter_bias=1.0, seed=4)
    found = letter_bias(biased)
    assert found["p"] < 0.01 and found["letters"]["A"]["chosen"] > found["letters"]["A"]["expected"]
    # A preference for a model is none for a letter.
    p = [letter_bias(simulate({**EQUAL, "rope": 2.0}, visitors=60, seed=s))["p"] for s in range(100)]
    assert np.mean(np.array(p) < 0.05) <= 0.08
    few = [letter_bias(simulate(EQUAL, visitors=8, seed=s))["p"] for s in range(60)]
    assert np.mean(np.array(few) < 0.05) <= 0.1 and min(few) > 0


def test_a_test_with_as_many_votes_as_needed_finds_the_preference_four_times_in_five():
    for share, chance in ((0.5, 1 / 3), (0.7, 0.5), (0.3, 0.5)):
        votes = votes_needed(share, chance)
        rng = np.random.default_rng(5)
        p = [binomtest(int(k), votes, chance).pvalue for k in rng.binomial(votes, share, 400)]
        assert 0.77 < np.mean(np.array(p) < 0.05) < 0.9
    assert votes_needed(0.5, 0.5) is None and votes_needed(0.5001, 0.5) is None
    assert votes_needed(0.6, level=0.01) > votes_needed(0.6) > votes_needed(0.7)


def test_votes_still_needed_grow_with_the_votes_that_say_nothing():
    """Of the votes in which both stand, only those for one of the two decide, and those of one visitor
    count for less."""
    pair = {"votes": 40, "first_chosen": 15, "second_chosen": 5, "crowding": 1.0}
    alone = still_needed(pair, 1)
    assert alone["share"] == 0.75
    assert alone["needed"] == 2 * votes_needed(15.5 / 21)
    assert alone["more"] == alone["needed"] - 40
    assert still_needed(pair, 3)["needed"] > alone["needed"]
    assert still_needed({**pair, "crowding": 2.0}, 1)["needed"] == 2 * alone["needed"]
    assert still_needed({**pair, "votes": 400, "first_chosen": 150, "second_chosen": 50}, 1)["more"] == 0


def test_votes_of_one_visitor_crowd_and_those_of_many_do_not():
    taste = {"vanilla": 0.0, "rope": 0.0}
    alone = simulate(taste, visitors=200, seed=1)
    crowd = simulate(taste, visitors=20, votes_each=[10], own_taste=2.0, seed=1)
    assert pair_tests(tally(alone))[0]["crowding"] == pytest.approx(1.0, abs=0.01)
    assert pair_tests(tally(crowd))[0]["crowding"] > 3


def test_visitors_who_vote_often_and_alike_are_still_few():
    """Two visitors, ten votes each for one model: the test has p 0.5, so more visitors are needed."""
    votes = [vote(lanes=("a", "b"), choice="a", visitor=who, seed=k) for who in "12" for k in range(10)]
    (pair,) = pair_tests(tally(votes))
    assert pair["p"] == 0.5 and pair["crowding"] == 10
    assert still_needed(pair, 1)["more"] > 20


# What counts


def vote(**changes):
    base = Vote(lanes=("a", "b", "c"), choice="b", visitor="1", primer_sha256="x", seed=1,
                heard={"a": 9.0, "b": 30.0, "c": 6.0})  # fmt: skip
    return replace(base, **changes)


def test_votes_are_left_out_by_the_rules():
    votes = [
        vote(heard={"a": 2.0, "b": 30.0, "c": 6.0}),
        vote(),
        vote(choice="c"),  # again
        vote(visitor="2"),
        vote(seed=2),
        vote(visitor=None, heard=None, heard_seconds=14.0),
        vote(visitor=None, heard=None, heard_seconds=16.0),
        vote(visitor=None, heard=None),
    ]
    assert judge_votes(votes) == [TOO_LITTLE, None, AGAIN, None, None, TOO_LITTLE, None, None]
    assert judge_votes([vote(models={"a": "1"}), vote(models={"a": "2"})]) == [None] * 2  # other music
    assert judge_votes(votes, Rules(least_heard=7.0, once=False)) == [TOO_LITTLE] * 7 + [None]
    short = [vote(settings={"seconds": s}, heard={"a": 3.6, "b": 3.7, "c": 4}) for s in (4, 4.2, "x", None)]
    assert judge_votes(short) == [None, *[TOO_LITTLE] * 3]
    assert judge_votes(votes, Rules(least_heard=0.0, once=False)) == [None] * 8
    with pytest.raises(MusictxError, match="least-heard is -1"):
        Rules(least_heard=-1)
    with pytest.raises(MusictxError, match=f"1 {TOO_LITTLE}"):
        report_votes(votes[:1])


def test_verdicts_without_a_choice_are_counted_and_ties_give_no_preference():
    votes = [vote(visitor=str(i), verdict=v, choice=None) for i, v in enumerate(["none", "alike", "alike"])]
    found = report_votes(votes)
    assert found["shares"]["alike"]["share"] == pytest.approx(2 / 3)
    assert found["shares"]["none"]["chosen"] == 1 and found["shares"]["a"]["chosen"] == 0
    assert {found["shares"][name]["chance"] for name in "abc"} == {0.0}  # nobody chose a lane
    chosen = [vote(visitor=f"c{k}", choice=name) for k, name in enumerate("abc")]
    assert report_votes(votes + chosen)["shares"]["a"]["chance"] == pytest.approx(1 / 6)
    assert {p["p"] for p in found["pairs"]} == {1.0} and {p["needed"] for p in found["pairs"]} == {None}
    assert {s["log_odds"] for s in found["strengths"]["strengths"].values()} == {0.0}


def test_other_weights_under_the_same_name_are_another_lane():
    old = [vote(visitor=str(i), models={"a": "f" * 9, "b": "0" * 9, "c": "1" * 9}) for i in range(3)]
    new = [vote(visitor=str(i), models={"a": "f" * 9, "b": "2" * 9, "c": "1" * 9}) for i in range(4)]
    found = report_votes(old + [replace(v, seed=7) for v in new])
    assert set(found["shares"]) == {"a", "b@0000000", "b@2222222", "c"}
    assert found["shares"]["b@2222222"]["votes"] == 4 and found["strengths"]["sets"] == 2


# The file and the command

HASHES = {"vanilla": "aa", "relative": "bb", "rope": "cc"}  # of the weights in the lanes
SENT = {
    "order": ["rope", "vanilla", "relative"],
    "choice": "relative",
    "settings": {"seed": 7},
    "notes": [[0, 500, 60, 64]],
    "length": 2000,
    "primer_name": "mine",
    "visitor": "90210",
    "heard": {"rope": 12, "vanilla": 8.5, "relative": 20},
}


def test_what_the_page_sends_is_what_is_read(tmp_path: Path):
    path = tmp_path / "votes.sqlite"
    book = VoteBook(HASHES, path)
    book.add(SENT)
    book.add({**SENT, "choice": None, "verdict": "alike", "order": ["rope", "real"], "heard": None})
    first, second = read_votes(path)
    assert (first.lanes, first.choice, first.letter) == (("rope", "vanilla", "relative"), "relative", 2)
    assert (first.visitor, first.heard, first.models) == ("90210", SENT["heard"], HASHES)
    assert (first.seed, first.primer, first.verdict) == (7, "mine", "chosen")
    assert (second.verdict, second.choice, second.models) == ("alike", None, {"rope": "cc"})
    for wrong in ({"choice": "rop"}, {"choice": None, "verdict": "x"}, {"order": ["rope", "rope"]}):
        with pytest.raises(MusictxError):
            book.add({**SENT, **wrong})
    assert len(book.all()) == 2


def test_votes_from_before_visitors_were_counted_are_read_and_the_file_goes_on(tmp_path: Path):
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE votes (id INTEGER PRIMARY KEY, voted_at TEXT NOT NULL, choice TEXT, lane_order TEXT"
            " NOT NULL, seed INTEGER NOT NULL, settings TEXT NOT NULL, primer_name TEXT NOT NULL,"
            " primer_sha256 TEXT NOT NULL, heard_seconds REAL)"
        )
        row = ("2026-01-01T00:00:00+00:00", None, '["rope","vanilla","relative"]', 1, "{}", "x", "y", 90.0)
        old.execute(f"INSERT INTO votes VALUES (1, {', '.join('?' * 8)})", row)
    (before,) = read_votes(path)
    assert (before.verdict, before.visitor, before.heard_seconds) == ("unsure", None, 90.0)
    VoteBook(HASHES, path).add(SENT)
    assert [v.visitor for v in read_votes(path)] == [None, "90210"]


def test_the_command_reports_and_writes_csv(tmp_path: Path):
    path, table = tmp_path / "votes.sqlite", tmp_path / "votes.csv"
    book = VoteBook(HASHES, path)
    for i, choice in enumerate(["relative", "relative", "rope", None]):
        book.add({**SENT, "choice": choice, "visitor": str(i)})
    book.add({**SENT, "visitor": "9", "heard": {"rope": 1}})
    told = CliRunner().invoke(app, ["votes", str(path), "--csv", str(table)])
    assert told.exit_code == 0
    assert "4 votes of 4 visitors" in told.stdout and TOO_LITTLE in told.stdout
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [r["letter"] for r in rows] == ["C", "C", "A", "", "C"]
    assert [r["excluded"] for r in rows] == ["", "", "", "", TOO_LITTLE]
    assert rows[0]["heard_vanilla"] == "8.5"
    assert table.read_text() == to_csv(read_votes(path))
    as_json = CliRunner().invoke(app, ["votes", str(path), "--json", "--least-heard", "0", "--again"])
    found = json.loads(as_json.stdout)
    assert found["votes"] == 5 and found["shares"]["relative"]["chosen"] == 3


@pytest.mark.parametrize("name", ["other.sqlite", "votes.json"])
def test_a_table_is_not_written_over_votes_that_are_not_read(tmp_path: Path, name: str):
    read, other = tmp_path / "votes.sqlite", tmp_path / name
    for path in (read, tmp_path / "other.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as book:
            book.execute("CREATE TABLE votes (id INTEGER)")
    (tmp_path / "votes.json").write_text("[]")
    before = other.read_bytes()
    told = CliRunner().invoke(app, ["votes", str(read), "--csv", str(other)])
    assert isinstance(told.exception, MusictxError) and "choose another name" in str(told.exception)
    assert other.read_bytes() == before


def test_a_file_without_votes_is_named(tmp_path: Path):
    with pytest.raises(MusictxError, match=r"nothing\.sqlite"):
        read_votes(tmp_path / "nothing.sqlite")
    (tmp_path / "text").write_text("no votes")
    with pytest.raises(MusictxError, match="cannot be read as votes"):
        read_votes(tmp_path / "text")


def test_a_row_of_a_damaged_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    row = {
        **{"id": 1, "voted_at": "", "choice": "rope", "lane_order": '["rope", "vanilla"]', "seed": 1},
        **{"settings": "{}", "primer_name": "", "primer_sha256": "", "heard_seconds": None},
    }
    path = tmp_path / "votes.json"
    path.write_text(json.dumps([row]))
    assert len(read_votes(path)) == 1
    odd = (
        {"heard": "[1]"},
        {"heard": '{"rope": "x"}'},
        {"models": '{"rope": []}'},
        {"primer_name": []},
        {"heard_seconds": float("inf")},
        {"lane_order": '[["rope"], "vanilla"]'},
        {"heard": "[" * 100_000},
        {"verdict": [0] * 10_000},
        {"primer_name": "\ud800"},
        {"settings": r'{"seed": "\ud800"}'},
    )
    for change in odd:
        path.write_text(json.dumps([row | change]))
        with pytest.raises(MusictxError, match="cannot be read as votes") as fault:
            read_votes(path)
        assert len(str(fault.value)) < 500


def row_of(**change) -> dict:
    usual = {
        **{"id": 1, "voted_at": "2026-01-01", "choice": "rope", "lane_order": '["rope", "vanilla"]'},
        **{"seed": 1, "settings": "{}", "primer_name": "a", "primer_sha256": "00", "heard_seconds": 99.0},
    }
    return usual | change


def test_a_spreadsheet_finds_no_formula_and_a_terminal_no_commands(tmp_path):
    path = tmp_path / "votes.json"
    names = ("=HYPERLINK(1)", "+1", "-1", "@a", "a\x1b[2Jb", "a\rb\x9b")
    path.write_text(json.dumps([row_of(id=k, primer_name=name) for k, name in enumerate(names)]))
    rows = list(csv.DictReader(io.StringIO(to_csv(read_votes(path)))))
    told = ["'=HYPERLINK(1)", "'+1", "'-1", "'@a", "a\ufffd[2Jb", "a\ufffdb\ufffd"]
    assert [row["primer"] for row in rows] == told
    done = CliRunner().invoke(app, ["votes", str(path)])
    assert done.exit_code == 0 and not set("\x1b\r\x9b") & set(done.output)


def test_a_view_that_never_ends_is_refused(tmp_path):
    path = tmp_path / "votes.sqlite"
    with sqlite3.connect(path) as book:
        endless = "WITH RECURSIVE t(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM t) SELECT id FROM t"
        book.execute(f"CREATE VIEW votes AS {endless}")
    with pytest.raises(MusictxError, match="votes is a view there, not a table"):
        read_votes(path)
