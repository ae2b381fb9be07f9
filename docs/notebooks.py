"""``python -m docs.notebooks [NAME …]``: execute notebooks and keep what they print, draw and play."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbclient
import nbformat

FOLDER = Path(__file__).parent / "tutorials"


def execute(path: Path, place: Path) -> nbformat.NotebookNode:
    """A notebook with its outputs, executed in a folder; a cell that fails raises its error."""
    notebook = nbformat.read(path, as_version=4)
    scripts = Path(sys.executable).parent  # where the `musictx` of this Python is
    environment = {**os.environ, "PATH": os.pathsep.join([str(scripts), os.environ["PATH"]])}
    client = nbclient.NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": place}})
    client.execute(env=environment)
    return notebook


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Outputs in which what is printed in several pieces, one after the other, is one text."""
    whole: list[nbformat.NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == whole[-1].output_type == "stream":
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def main(wanted: list[str]) -> None:
    """Execute the notebooks of these names, or all, and write them again."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        if wanted and path.stem not in wanted:
            continue
        with tempfile.TemporaryDirectory() as place:
            notebook = execute(path, Path(place))
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of day
            if cell.cell_type == "code":
                cell.outputs = joined(cell.outputs)
        nbformat.write(notebook, path)
        print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
