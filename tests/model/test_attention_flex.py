"""Flex attention, here without its compiler and its values alone; on CUDA its gradients too."""

from __future__ import annotations

import importlib.util
from functools import partial
from typing import Any

import pytest
import torch
from attention_helpers import with_rule

from musictx.lab.reference_attention import reference_attention
from musictx.model.attention_flex import flex_attention, suits

CASES: list[dict[str, Any]] = [
    {"table": 40},
    {"table": 40, "beyond": "zero"},
    {"table": 200, "window": 30},
    {"table": 1, "bias": True},
    {"bias": True, "window": 200},
]


@pytest.mark.parametrize("how", CASES, ids=str)
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@torch.no_grad()
def test_flex_attention_is_the_definition(how: dict[str, Any]) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, 128, 16)
    options = _options(how)
    expected = reference_attention(q, k, v, **options)
    found = with_rule(flex_attention, options.pop("beyond"))(q, k, v, **options)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def _options(how: dict[str, Any]) -> dict[str, Any]:
    return {
        "table": torch.randn(2, how["table"], 16) if "table" in how else None,
        "bias": torch.randn(2, 128) if "bias" in how else None,
        "beyond": how.get("beyond", "clamp"),
        "window": how.get("window"),
    }


@pytest.mark.parametrize("how", CASES, ids=str)
@pytest.mark.skipif(
    not torch.cuda.is_available() or importlib.util.find_spec("triton") is None,
    reason="needs a CUDA GPU and Triton, for which flex attention is compiled",
)
def test_compiled_on_cuda_its_gradients_are_those_of_the_definition(how: dict[str, Any]) -> None:
    """Of queries, keys, values and the table. No scheme trains a bias."""
    torch.manual_seed(0)
    inputs, options = torch.randn(3, 2, 2, 256, 16), _options(how)
    if options["bias"] is not None:
        options["bias"] = torch.randn(2, 256)

    def gradients(attention: Any, device: str, dtype: torch.dtype) -> list[torch.Tensor]:
        q, k, v = (x.to(device, dtype).requires_grad_() for x in inputs)
        given = {n: x.to(device, dtype) if isinstance(x, torch.Tensor) else x for n, x in options.items()}
        learned = [q, k, v]
        if given["table"] is not None:
            learned.append(given["table"].requires_grad_())
        attention(q, k, v, **given).sin().sum().backward()
        return [x.grad.double().cpu() for x in learned if x.grad is not None]

    found = gradients(with_rule(flex_attention, options.pop("beyond")), "cuda", torch.float32)
    expected = gradients(
        partial(reference_attention, beyond=how.get("beyond", "clamp")), "cpu", torch.float64
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)


def test_a_processor_takes_the_other_way() -> None:
    assert not suits(torch.randn(1, 1, 128, 4))
