"""The page as a folder of files: no server behind it, the models play in the browser."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import musictx
from musictx.errors import MusictxError
from musictx.export.repository import code_licence
from musictx.files import write_bytes

from ..head import STYLES, describe, policy, preloads
from ..models import LaneModel, differ_in_positions_only, load_models, web_file
from ..presets import presets

_HERE = Path(__file__).parent
_STATIC = _HERE.parent / "static"
_PIANO = Path(musictx.__file__).parent / "render" / "piano"
_SOURCES = {".c", ".h", ".sh", ".html", ".json"}  # of the page's folder; a browser needs none of them
_ALLOWED = policy("'wasm-unsafe-eval'")
_POLICY = f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">'
_MARK = "musictx/models.json"  # by this file a folder is known as a site


def write_site(
    folder: Path, models: Sequence[str | Path] | None = None, *, told: Callable[[str], None] = print
) -> dict[str, int]:
    """Write the page, the engine, models, samples and primers into a folder for any web host.

    Parameters
    ----------
    folder : Path
        A new or empty one, or a site that is to be written again.
    models : sequence of str or path, optional
        As for `app.models.load_models`.
    told : callable
        Is told each model's file and size.

    Returns
    -------
    dict of str to int
        Bytes of every file by its path in the folder.

    Raises
    ------
    MusictxError
        A model cannot be loaded or played in a browser, the folder holds other things, or cannot be written.
    """
    _check(folder)
    lanes = load_models(models)
    files = {**page_files(), **_described(lanes, told)}
    hashes = {path: _hash(content) for path, content in sorted(files.items())}
    names = [path for path in hashes if path.startswith("musictx/models/")]
    worker = (_HERE / "service-worker.js").read_text(encoding="utf-8")
    shell = {path: digest for path, digest in hashes.items() if path not in names}
    worker = worker.replace("const FILES = {};", f"const FILES = {json.dumps(shell, indent=1)};")
    worker = worker.replace("const MODELS = [];", f"const MODELS = {json.dumps(names)};")
    files["service-worker.js"] = worker.encode()
    _forget_models(folder, set(names))
    for path, content in files.items():
        write_bytes(folder / path, content)
    return {path: len(content) for path, content in files.items()}


def page_files() -> dict[str, bytes]:
    """Everything of a site except its models and the service worker, by path."""
    index = (_HERE / "index.html").read_text(encoding="utf-8")
    head = {"description": describe(), "styles": STYLES, "policy": [_POLICY], "modules": preloads("site.js")}
    for place, lines in head.items():
        index = index.replace(f"<!-- {place} -->", "\n    ".join(lines))
    studio = (_STATIC / "studio.html").read_text(encoding="utf-8")
    files = {"index.html": index.replace("<!-- studio -->", studio).encode()}
    for name in ("manifest.webmanifest", "icon.svg", "icon-192.png", "icon-512.png"):
        files[name] = (_HERE / name).read_bytes()
    for path in sorted(_STATIC.rglob("*")):
        if path.is_file() and path.suffix not in _SOURCES:
            files[f"musictx/static/{path.relative_to(_STATIC).as_posix()}"] = path.read_bytes()
    for path in sorted(_PIANO.iterdir()):
        files[f"musictx/piano/{path.name}"] = path.read_bytes()
    files["musictx/primers.json"] = _json(presets())
    return files | code_licence()


def _described(lanes: Sequence[LaneModel], told: Callable[[str], None]) -> dict[str, bytes]:
    """The models' files, and what the page is told of them."""
    files, facts = {}, []
    for lane in lanes:
        file, content = web_file(lane)
        files[file["address"]] = content
        facts.append({**lane.facts(), "file": file})
        told(f"{lane.name}: {len(content) / 1e6:.1f} MB")
    files[_MARK] = _json({"models": facts, "alike": differ_in_positions_only(lanes)})
    return files


def _check(folder: Path) -> None:
    if folder.is_file():
        raise MusictxError(f"{folder} is a file; a site needs a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).is_file():
        raise MusictxError(f"{folder} holds other things; choose a new or empty folder, or an earlier site")


def _forget_models(folder: Path, names: set[str]) -> None:
    """Remove models of an earlier site that this one does not have."""
    for path in (folder / "musictx" / "models").glob("*.bin"):
        if path.relative_to(folder).as_posix() not in names:
            path.unlink()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
