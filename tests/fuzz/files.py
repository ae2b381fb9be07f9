"""What musictx writes and reads again, with random damage: checkpoints, corpora, runs, votes, choices."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import itertools
import json
import re
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from musictx.checkpoint import load_model, read_card
from musictx.corpus import BatchSource, build_corpus, consecutive_chunks, open_corpus
from musictx.errors import MusictxError
from musictx.events import decode, encode
from musictx.export.repository import publish_model
from musictx.lab.votes import Rules, read_votes, report_votes
from musictx.lab.votes.report import to_csv
from musictx.midi import read_midi
from musictx.sampling import continue_performance
from musictx.shipped import shipped_folder, shipped_primer
from musictx.training.choices import read_choices
from tests.fuzz.commands import CHOICE
from tests.fuzz.models import SCHEMES, save_small_model
from tests.fuzz.mutation import damage_bytes, damage_json

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from training_helpers import tiny_run

MODEL = ("config.json", "card.json", "model.safetensors")
CORPUS = ("index.json", "tokens.bin")
RUN = ("run.json", "state.pt", "metrics.jsonl")
FILES = (
    *(f"{scheme}/{name}" for scheme in SCHEMES for name in MODEL),
    *(f"corpus/{name}" for name in CORPUS * 3),
    *(f"run/{name}" for name in RUN),
    *("votes.json", "votes.sqlite", "choices.jsonl") * 2,
)
VOTE: dict[str, Any] = {
    "id": 1,
    "voted_at": "2026-01-01T00:00:00+00:00",
    "choice": "rope",
    "lane_order": '["rope", "vanilla", "relative"]',
    "seed": 3,
    "settings": '{"seconds": 30.0, "temperature": 1.0}',
    "primer_name": "Für Elise",
    "primer_sha256": "00",
    "heard_seconds": 12.5,
    "verdict": "chosen",
    "visitor": "a",
    "heard": '{"rope": 8.0, "vanilla": 9.0, "relative": 7.0}',
    "models": '{"rope": "00"}',
}


class Files:
    """Files in a folder; a case is one of them, damaged: JSON with its ``name`` and ``content`` (base 64)."""

    suffix, seconds, megabytes = ".json", 60.0, 1500

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.folder = folder / "files"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for scheme in SCHEMES:
            save_small_model(self.folder / scheme, scheme)
        build_corpus([shipped_folder("primers")], self.folder / "corpus", workers=1)
        with contextlib.redirect_stdout(io.StringIO()):
            tiny_run(self.folder / "run", steps=2).fit()
        rows = [
            {**VOTE, "id": k, "visitor": str(k % 5), "choice": ("rope", "vanilla")[k % 2]} for k in range(12)
        ]
        (self.folder / "votes.json").write_text(json.dumps(rows))
        _write_votes(self.folder / "votes.sqlite", rows)
        (self.folder / "choices.jsonl").write_text(f"{json.dumps(CHOICE)}\n" * 2)
        self.primer = read_midi(shipped_primer("fur-elise"))
        self.whole = {name: (self.folder / name).read_bytes() for name in set(FILES)}
        self.run, self.published = folder / "run", folder / "published"

    def make(self, random: Random) -> bytes:
        """A file and its content."""
        name = random.choice(FILES)
        content = damage(name, self.whole[name], random)
        return json.dumps({"name": name, "content": base64.b64encode(content).decode()}).encode()

    def check(self, case: Path) -> None:
        """Use the file."""
        sent = json.loads(case.read_bytes())
        path = self.folder / sent["name"]
        path.write_bytes(base64.b64decode(sent["content"]))
        try:
            self._use(path)
        except MusictxError as error:
            assert "\n" not in str(error) and 5 < len(str(error)) < 2_000, f"a sentence: {str(error)[:300]!r}"
        finally:
            path.write_bytes(self.whole[sent["name"]])

    def _use(self, path: Path) -> None:
        if path.name.startswith("votes"):
            votes, rules = read_votes(path), Rules()
            table = to_csv(votes, rules)
            table.encode()
            check_table(table)
            json.dumps(report_votes(votes, rules), allow_nan=False)
        elif path.name.startswith("choices"):
            for choice in read_choices(path):
                for take in choice.kept + choice.rejected:
                    encode(take)
        elif path.parent.name == "corpus":
            use_corpus(path.parent)
        elif path.parent.name == "run":
            shutil.rmtree(self.run, ignore_errors=True)
            shutil.copytree(path.parent, self.run)
            tiny_run(self.run, steps=3).fit(resume=True)
        else:
            json.dumps(read_card(path.parent))
            model = load_model(path.parent)
            shutil.rmtree(self.published, ignore_errors=True)
            publish_model(path.parent, self.published)
            music = continue_performance(model, self.primer, primer_end=2.0, tokens=10, seed=1)
            assert np.isfinite(music.notes["offset"]).all(), "music has times"

    def close(self) -> None:
        """Nothing was started."""


def check_table(table: str) -> None:
    """A spreadsheet finds no formula in it, and a terminal no commands."""
    for cell in itertools.chain(*csv.reader(io.StringIO(table))):
        assert not re.search("[\x00-\x1f\x7f-\x9f]", cell), f"a control character: {cell!r}"
        if cell[:1] in ("=", "+", "-", "@"):
            float(cell)


def use_corpus(folder: Path) -> None:
    """Everything that training and evaluation do with a corpus."""
    corpus = open_corpus(folder)
    corpus.fingerprint()
    for number in range(len(corpus)):
        decode(corpus.piece(number))
    for _ in zip(range(3), consecutive_chunks(corpus, 64), strict=False):
        pass
    BatchSource(corpus, length=64, batch=2).batch(0)


def damage(name: str, whole: bytes, random: Random) -> bytes:
    """A file's content with damage to what it says, or to its bytes."""
    if name == "votes.sqlite":
        if random.random() < 0.5:
            return damage_bytes(whole, random)
        if random.random() < 0.3:
            return _odd_book(random)
        rows = [_odd_row(random) for _ in range(random.choice((1, 3)))]
        with tempfile.TemporaryDirectory() as folder:
            return _write_votes(Path(folder) / name, rows)
    if name.endswith(".jsonl"):
        lines = [damage_json(json.loads(line), random) for line in whole.splitlines()]
        return b"\n".join(lines)
    if name.endswith(".json") and random.random() < 0.8:
        return damage_json(json.loads(whole), random)
    if name.endswith(".safetensors") and random.random() < 0.5:
        size = int.from_bytes(whole[:8], "little")
        head = damage_json(json.loads(whole[8 : 8 + size]), random)
        length = len(head) if random.random() < 0.9 else random.choice((0, 2**31, 2**63))
        return length.to_bytes(8, "little") + head + whole[8 + size :]
    if name.endswith(".pt") and random.random() < 0.6:
        return _odd_state(whole, random)
    return damage_bytes(whole, random)


def _odd_state(whole: bytes, random: Random) -> bytes:
    """A state of a run with other values, as `torch.save` writes it."""
    state = torch.load(io.BytesIO(whole), weights_only=True)
    name = random.choice(list(state))
    values = (None, "x", -1, 10**30, float("nan"), 0.5, [], {}, True, torch.zeros(3), torch.zeros(0))
    if random.random() < 0.2:
        del state[name]
    elif isinstance(state[name], dict) and state[name] and random.random() < 0.7:
        state[name][random.choice(list(state[name]))] = random.choice(values)
    else:
        state[name] = random.choice(values)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _odd_book(random: Random) -> bytes:
    """A database whose votes are something else."""
    columns = ", ".join(VOTE)
    endless = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT x"
    made = random.choice(
        (
            f"CREATE VIEW votes AS {endless} AS id FROM t",
            f"CREATE VIEW Votes AS {endless} AS lane_order FROM t",
            "CREATE VIEW votes AS SELECT zeroblob(1000000000) AS id",
            f"CREATE TABLE votes ({columns.replace('seed', 'seed AS (hex(zeroblob(100000000)))')})",
            f"CREATE TABLE votes ({columns}) STRICT",
            "CREATE TABLE votes (id)",
            "CREATE TABLE other (id)",
            f"CREATE TABLE votes ({columns}); CREATE TRIGGER t AFTER INSERT ON votes "
            "BEGIN DELETE FROM votes; END",
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book"
        with contextlib.closing(sqlite3.connect(path)) as book, contextlib.suppress(sqlite3.Error):
            book.executescript(made)
            book.execute("INSERT INTO votes (id, lane_order) VALUES (1, '[\"rope\"]')")
            book.commit()
        return path.read_bytes() if path.exists() else b""


def _odd_row(random: Random) -> dict[str, Any]:
    row = {**VOTE, "id": random.randrange(1000)}
    for _ in range(random.choice((1, 2))):
        name = random.choice(list(row))
        texts = (
            "=1+1",
            "@a",
            "-",
            "\x1b[2J",
            "",
            "x",
            "[]",
            "{}",
            "[1]",
            '{"a": []}',
            "null",
            '["rope"]',
            "[" * 100_000,
            '{"rope": "x"}',
        )
        numbers = (None, 0, -1, 1.5, float("inf"), 2**62, b"\xff\x00")
        row[name] = random.choice((*texts, *numbers)) if name != "id" else random.randrange(9)
    return row


def _write_votes(path: Path, rows: list[dict[str, Any]]) -> bytes:
    """Rows in a file of votes whose columns take anything; its content."""
    with contextlib.closing(sqlite3.connect(path)) as book, book:
        book.execute(f"CREATE TABLE votes ({', '.join(VOTE)})")
        for row in rows:
            book.execute(f"INSERT INTO votes VALUES ({', '.join('?' * len(row))})", [*row.values()])
    return path.read_bytes()
