"""Models as ONNX: the logits of the model for every position scheme, and an example that plays on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from musictx.errors import MusictxError
from musictx.events import decode
from musictx.export.onnx_model import export_onnx
from musictx.model import ModelConfig, MusicTransformer

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra `onnx`")
pytest.importorskip("onnxscript", reason="needs the extra `onnx`")

README = Path(__file__).resolve().parents[2] / "musictx" / "export" / "README.md"
EXAMPLE = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("vanilla", {}),
    ("relative", {"max_distance": 6, "beyond": "zero"}),
    ("relative", {"max_distance": 9}),
    ("rope", {"window": 9, "rope_scaling": "yarn", "rope_factor": 2.0}),
    ("learned", {}),
    ("alibi", {"norm": "rms", "activation": "relu_squared"}),
    ("none", {"activation": "swiglu"}),
]


def _model(position: str, **settings: Any) -> MusicTransformer:
    torch.manual_seed(0)
    sizes = {"layers": 2, "width": 32, "heads": 4, "feed_forward": 48, "context_length": 64}
    model = MusicTransformer(ModelConfig(position, **{**sizes, **settings})).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize(("position", "settings"), CASES, ids=str)
def test_a_file_gives_the_models_logits(tmp_path: Path, position: str, settings: dict[str, Any]) -> None:
    """A primer at once, single tokens, several more at once, up to the last place of the cache."""
    model, path = _model(position, **settings), tmp_path / "model.onnx"
    assert export_onnx(model, path, capacity=40) < 1e-5
    session = onnxruntime.InferenceSession(path)
    stored = [each for each in session.get_inputs() if "." in each.name]
    cache = {each.name: np.zeros(each.shape, np.float32) for each in stored}
    tokens = torch.randint(0, 388, (40,), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = model(tokens[None])[0].numpy()
    position = 0
    for count in (17, 1, 1, 5, 1, 14, 1):
        inputs = {"tokens": tokens[position : position + count].numpy(), "position": np.array(position)}
        logits, *new = session.run(None, {**inputs, **cache})
        for each, rows in zip(stored, new, strict=True):
            cache[each.name][:, position : position + count] = rows
        position += count
        np.testing.assert_allclose(logits, expected[position - 1], atol=1e-5)
    assert position == len(tokens)


@pytest.mark.parametrize("position", ["relative", "rope"])
def test_the_example_plays_on_without_musictx(tmp_path: Path, position: str) -> None:
    """With nothing but its two libraries, it draws what the model finds likely."""
    model, path = _model(position), tmp_path / "model.onnx"
    export_onnx(model, path, capacity=40)
    alone = "import sys; sys.modules['torch'] = sys.modules['musictx'] = None"
    code = f"{alone}; sys.argv = {['', str(path), '30']}; exec({EXAMPLE!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    tokens = np.array(ran.stdout.split(), int)
    assert len(tokens) == 30
    decode(tokens)  # raises if one is no event


@pytest.mark.parametrize("capacity", [0, 10, 65])
def test_an_impossible_capacity_is_refused(tmp_path: Path, capacity: int) -> None:
    with pytest.raises(MusictxError, match=f"capacity is {capacity}; it must be at least 24 and at most 64"):
        export_onnx(_model("learned"), tmp_path / "model.onnx", capacity=capacity)


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MusictxError, match=r"onnxscript is not installed: pip install 'musictx\[onnx\]'"):
        export_onnx(_model("none"), tmp_path / "model.onnx")
