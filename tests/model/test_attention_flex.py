"""Flex attention, here without its compiler and forward only: the definition's values."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from musictx.model.attention import reference_attention
from musictx.model.attention_flex import flex_attention, suits


@pytest.mark.parametrize(
    "how",
    [
        {"table": 40},
        {"table": 40, "beyond": "zero"},
        {"table": 200, "window": 30},
        {"table": 1, "bias": True},
        {"bias": True, "window": 200},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@torch.no_grad()
def test_flex_attention_is_the_definition(how: dict[str, Any]) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, 128, 16)
    options = {
        "table": torch.randn(2, how["table"], 16) if "table" in how else None,
        "bias": torch.randn(2, 128) if "bias" in how else None,
        "beyond": how.get("beyond", "clamp"),
        "window": how.get("window"),
    }
    expected = reference_attention(q, k, v, **options)
    torch.testing.assert_close(flex_attention(q, k, v, **options), expected, atol=2e-5, rtol=1e-4)


def test_a_processor_takes_the_other_way() -> None:
    assert not suits(torch.randn(1, 1, 128, 4))
