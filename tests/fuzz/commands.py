"""Command lines with unexpected options, values and files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from random import Random

import torch

from musictx.cli import main
from musictx.shipped import shipped_primer
from tests.fuzz.models import save_small_model

NUMBERS = ("0", "1", "2", "-1", "0.5", "3", "1e9", "1e20", "1e400", "-1e20", "nan", "inf", "-inf", "9" * 20)
TEXTS = (
    "",
    " ",
    "x",
    "-",
    "--",
    "0x10",
    "3,5",
    "½",
    "１",
    "\udcff",
    "a" * 300,
    "\n",
    "*",
    "%s",
    "{}",
    "[red]",
    "~",
)
INPUTS = (
    *("primer.mid",) * 6,
    *("broken.mid", "empty.mid", "text.mid", "folder", "loop.mid", "missing.mid", "long" * 90 + ".mid"),
    *(
        "/dev/null",
        "./primer.mid",
        "folder/../primer.mid",
        "\udcff.mid",
        "nowhere/primer.mid",
        "odd [b].mid",
        "-",
    ),
)
OUTPUTS = (
    *("out.mid",) * 5,
    *(
        "out.wav",
        "out.png",
        "out",
        "folder",
        "loop.mid",
        "nowhere/out.mid",
        "primer.mid",
        "long" * 90,
        "\udcff.wav",
    ),
    *("/dev/null", "/dev/full", "", ".", "odd [b].mid", "OUT.PNG", "out.pdf", "out.svg"),
)
FOLDERS = ("music", "music", "music", "folder", "missing", "primer.mid", "model", "loop.mid", "", "corpus")
MODELS = (
    "model",
    "model",
    "model",
    "missing",
    "folder",
    "broken-model",
    "primer.mid",
    "",
    "\udcff",
    "loop.mid",
)
SAMPLING = {
    "--temperature": NUMBERS,
    "--top-k": NUMBERS,
    "--top-p": NUMBERS,
    "--min-p": NUMBERS,
    "--seed": NUMBERS,
}
FILES = {"--audio": OUTPUTS, "--roll": OUTPUTS}

CHOICE = {
    "primer": [[0.0, 0.48, 60, 80], [0.5, 0.97, 64, 72]],
    "cut": 1.0,
    "kept": [[[1.0, 1.45, 67, 75], [1.5, 2.0, 72, 70]]],
    "rejected": [[[1.0, 1.1, 30, 120]], [[1.2, 1.3, 31, 120]]],
}

# For each command its arguments, options that it needs, and others.
COMMANDS: dict[
    str, tuple[tuple[tuple[str, ...], ...], dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]
] = {
    "continue": (
        (INPUTS,),
        {"-o": OUTPUTS, "--model": MODELS, "--tokens": ("5", "5", "5", "0", "-1", "x", "9" * 20)},
        {
            **SAMPLING,
            **FILES,
            "--seconds": NUMBERS,
            "--primer-start": NUMBERS,
            "--primer-end": NUMBERS,
            "--track": (*NUMBERS, *TEXTS, "piano", "9" * 5000),
            "--theme": NUMBERS,
            **dict.fromkeys(("--denser", "--lower", "--softer", "--steady", "--no-steady"), ()),
            "--variations": NUMBERS,
            "--takes": NUMBERS,
            "--bars": NUMBERS,
            "--beat": ("loose", "strict", *TEXTS),
            "--window": NUMBERS,
            "--rope-scaling": ("none", "ntk", "yarn", *TEXTS),
            "--rope-factor": NUMBERS,
            "--copy-check": FOLDERS,
            "--only-continuation": (),
            "--no-early-end": (),
            "--no-int8": (),
            "--one-track": (),
        },
    ),
    "fill": (
        (INPUTS,),
        {"-o": OUTPUTS, "--from": ("1", "1", *NUMBERS), "--to": ("2", "2", *NUMBERS), "--model": MODELS},
        {**SAMPLING, **FILES, "--takes": NUMBERS, "--candidates": NUMBERS, "--no-int8": ()},
    ),
    "render": ((INPUTS, OUTPUTS), {}, {}),
    "info": ((MODELS,), {}, {"--json": ()}),
    "encode": ((FOLDERS,), {"-o": ("corpus", *OUTPUTS)}, {}),
    "votes": (
        (("votes.json", "votes.sqlite", *INPUTS),),
        {},
        {
            "--least-heard": NUMBERS,
            "--seed": NUMBERS,
            "--csv": (*OUTPUTS, "votes.json", "votes.sqlite", "./votes.sqlite"),
            "--json": (),
        },
    ),
    "evaluate": (
        (MODELS, FOLDERS),
        {"--context": ("16", "16", *NUMBERS), "--pieces": ("1", "1", *NUMBERS)},
        {
            "-o": OUTPUTS,
            "--json": (),
            "--precision": ("bfloat16", *TEXTS),
            "--tokens-at-once": NUMBERS,
            "--device": TEXTS,
        },
    ),
    "train": (
        (FOLDERS,),
        {"-o": ("run", "run", *OUTPUTS), "--steps": ("1", "1", "0", "-1", "x"), "--minutes": ("0.01", "0")},
        {
            "--size": ("tiny", "tiny", *TEXTS),
            "--context": ("16", *NUMBERS),
            "--batch": ("1", "2", "0", "-1", "9" * 20),
            "--position": ("rope", "vanilla", *TEXTS),
            "--validation": FOLDERS,
            "--from": MODELS,
            "--tokens": ("25x", "1k", "k", "nank", "infk", *TEXTS),
            "--seed": NUMBERS,
            "--dropout": NUMBERS,
            "--lr": NUMBERS,
            "--matrix-lr": NUMBERS,
            "--warmup": (*NUMBERS, "9" * 30),
            "--hours": (*NUMBERS, "1e308"),
            "--devices": ("1", "0", "-1", "99", "9" * 30, "x"),
            "--nodes": ("1", "0", "-1", "2", "9" * 30, "x"),
            "--strategy": ("auto", "ddp", "x"),
            "--decay": NUMBERS,
            "--curriculum": ("8:0.5", "4:0.2,8:0.2", "8", ":", "8:x", *NUMBERS),
            "--repeat-notes": NUMBERS,
            "--weight-decay": NUMBERS,
            "--validate-every": NUMBERS,
            "--patience": NUMBERS,
            "--repeats": NUMBERS,
            "--mix": ("1", "1,1", "0,1", "nan", *TEXTS),
            "--precision": TEXTS,
            "--optimizer": ("adamw", *TEXTS),
            "--fact": ("a=b", "=", "a", *TEXTS),
            "--resume": (),
        },
    ),
    "tune": (
        (MODELS, ("choices.jsonl", "choices.jsonl", "votes.json", *FOLDERS)),
        {"-o": ("run", "run", *OUTPUTS), "--passes": ("0.1", *NUMBERS), "--minutes": ("0.01", "0")},
        {
            "--music": FOLDERS,
            "--validation": FOLDERS,
            "--any-model": (),
            "--beta": NUMBERS,
            "--likelihood": NUMBERS,
            "--tolerance": NUMBERS,
            "--lr": NUMBERS,
            "--batch": ("1", *NUMBERS),
            "--seed": NUMBERS,
            "--resume": (),
        },
    ),
    "app": ((), {"--port": ("0", "-1", "99999999", "x", "1e3", "")}, {"--model": MODELS, "--host": TEXTS}),
    "export": ((MODELS, ("out.onnx", *OUTPUTS)), {}, {"--capacity": (*NUMBERS, "99999999999")}),
    "publish": ((MODELS, ("new", "model", *OUTPUTS)), {}, {}),
    "study": (
        (FOLDERS,),
        {"-o": ("study", "music", *OUTPUTS), "--model": MODELS, "--tokens": ("5", *NUMBERS)},
        {"--primers": ("1", *NUMBERS), "--seeds": ("1", *NUMBERS), "--primer-seconds": ("2", *NUMBERS)},
    ),
    "bench": (
        (("attention", "generate", "encode", "x", ""),),
        {"--repetitions": ("0", "-1", "x", "", "1.5")},
        {},
    ),
    "reproduce": ((("jsb", "x"),), {"--data": ("missing", "primer.mid", "")}, {}),
}


class CommandLines:
    """What somebody may type; a case is a JSON list of words."""

    suffix, seconds, megabytes = ".json", 60.0, 2500

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.folder = folder / "desk"

    def make(self, random: Random) -> bytes:
        """A command line."""
        name = random.choice((*COMMANDS, "continue", "continue", "fill", "train"))
        arguments, needed, others = COMMANDS[name]
        words = [name]
        for places in arguments:
            words.append(random.choice(places))
        chosen = random.sample(list(others), min(len(others), random.choice((0, 1, 1, 2, 3))))
        for option in [*needed, *chosen]:
            values = {**needed, **others}[option]
            # Half the values that are needed are the usual ones, so that what comes after them is reached.
            usual = option in needed and random.random() < 0.5
            words += [option, values[0] if usual else random.choice(values)] if values else [option]
        if random.random() < 0.1:
            words.insert(
                random.randrange(len(words) + 1), random.choice((*TEXTS, "--help", "--nothing", "--json"))
            )
        if random.random() < 0.1:
            words.pop(random.randrange(len(words)))
        return json.dumps(words).encode()

    def check(self, case: Path) -> None:
        """Run the command in this process, in a folder of its own."""
        words = json.loads(case.read_bytes())
        shutil.rmtree(self.folder, ignore_errors=True)
        set_desk(self.folder)
        before, read = (Path.cwd(), sys.argv), self._inputs()
        out, error = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        try:
            os.chdir(self.folder)
            sys.argv = ["musictx", *words]
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
                try:
                    main()
                    status = 0
                except SystemExit as end:
                    status = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            os.chdir(before[0])
            sys.argv = before[1]
        said = error.buffer.getvalue().decode("utf-8", "replace")
        printed = out.buffer.getvalue().decode("utf-8", "replace")
        assert "Traceback" not in said + printed, said[-2000:]
        now = self._inputs()
        assert all(now.get(place) == content for place, content in read.items()), "what is read stays"
        assert status in (0, 1, 2, 130), f"status {status}: {said[-500:]}"
        assert status == 0 or said.strip() or "--help" in words or len(words) < 2, "a failure is told"
        if (
            status == 0
            and "--json" in words
            and words[0] in ("info", "votes", "evaluate")
            and "--help" not in words
        ):
            json.loads(printed)

    def _inputs(self) -> dict[Path, bytes]:
        """Files that no output is named after, and those that some are, though they are read."""
        places = [*self.folder.glob("m*/**/*"), *self.folder.glob("votes.*")]
        return {place: place.read_bytes() for place in places if place.is_file()}

    def close(self) -> None:
        """Nothing was started."""


def set_desk(folder: Path) -> None:
    """Files of all kinds, good and bad."""
    folder.mkdir()
    primer = Path(shipped_primer("ode-to-joy")).read_bytes()
    for place in ("primer.mid", "odd [b].mid", "music/a.mid", "music/b/a.mid"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(primer)
    for number, name in enumerate(("fur-elise", "bach-prelude-c")):
        (folder / "music" / f"{number}.mid").write_bytes(Path(shipped_primer(name)).read_bytes())
    (folder / "music" / "broken.mid").write_bytes(primer[:40])
    (folder / "broken.mid").write_bytes(primer[:100])
    (folder / "empty.mid").write_bytes(b"")
    (folder / "text.mid").write_text("no music")
    (folder / "folder").mkdir()
    (folder / "loop.mid").symlink_to("loop.mid")
    (folder / "votes.json").write_text("[]")
    (folder / "choices.jsonl").write_text(json.dumps(CHOICE) + "\n")
    with contextlib.closing(sqlite3.connect(folder / "votes.sqlite")) as book:
        book.execute("CREATE TABLE votes (id INTEGER)")
    save_small_model(folder / "model", "rope")
    shutil.copytree(folder / "model", folder / "broken-model")
    (folder / "broken-model" / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
