"""A user's own ``app.py`` beside musictx, and what an installation puts among the user's modules."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from musictx.app.site import page_files
from musictx.shipped import shipped_folder

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD = "import hatchling.build as b, sys; print(getattr(b, sys.argv[1])(sys.argv[2]))"


@pytest.fixture(
    scope="module", params=["build_wheel", pytest.param("build_editable", marks=pytest.mark.slow)]
)
def installed(request, tmp_path_factory) -> Path:
    """Folder of an installation: what pip would put into site-packages."""
    pytest.importorskip("hatchling", reason="needs hatchling to build the package: pip install '.[test]'")
    folder = tmp_path_factory.mktemp(request.param)
    command = [sys.executable, "-c", BUILD, request.param, str(folder)]
    name = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.strip()
    with zipfile.ZipFile(folder / name) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


@pytest.mark.slow
def test_a_users_own_app_is_never_taken_for_the_demo(installed, tmp_path):
    paths = [installed, *(line for pth in installed.glob("*.pth") for line in pth.read_text().split("\n"))]
    _open_the_demo(tmp_path, paths)


@pytest.mark.slow
def test_a_plain_clone_opens_its_demo_beside_a_users_own_app(tmp_path):
    _open_the_demo(tmp_path, [REPOSITORY])


def _open_the_demo(folder: Path, paths: list[Path | str]) -> None:
    """From a folder with an ``app.py``, the command opens musictx's demo: here as far as a port in use."""
    (folder / "app.py").write_text("raise SystemExit('the file of the user was run')\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "musictx", "app", "--port", port]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(f"musictx: cannot listen at 127.0.0.1, port {port}")


def test_nothing_but_musictx_is_installed(installed):
    modules = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    if list(installed.glob("*.pth")):
        assert modules == {"_musictx.pth"}
        return
    assert modules == {"musictx"}
    package, shipped = installed / "musictx", installed / "musictx" / "_shipped"
    for source, place, pattern in (
        (REPOSITORY / "app", package / "app", "**/*.py"),
        (REPOSITORY / "app", package / "app", "static/**/*"),
        (shipped_folder("checkpoints"), shipped / "checkpoints", "*/model.safetensors"),
        (shipped_folder("primers"), shipped / "primers", "*.mid"),
    ):
        needed = {path.relative_to(source) for path in source.glob(pattern)}
        assert needed and needed <= {path.relative_to(place) for path in place.rglob("*")}


@pytest.mark.slow
@pytest.mark.parametrize("installed", ["build_wheel"], indirect=True)
def test_an_installed_musictx_writes_the_whole_site(installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "musictx", "site", "public"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    public = tmp_path / "public"
    written = {
        path.relative_to(public).as_posix(): path.read_bytes() for path in public.rglob("*") if path.is_file()
    }
    needed = page_files()  # as the clone has them
    assert {name: written.get(name) for name in needed} == needed
    models = json.loads(written["musictx/models.json"])["models"]
    assert [(model["key"], model["compared"]) for model in models] == [
        ("vanilla", True),
        ("relative", True),
        ("rope", True),
        ("grand", False),
    ]
    files = {model["file"]["address"]: model["file"]["bytes"] for model in models}
    assert {name: len(written[name]) for name in files} == files
    assert set(written) == {*needed, *files, "musictx/models.json", "service-worker.js"}
