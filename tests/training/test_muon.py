"""Muon, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from musictx.training import muon
from musictx.training.muon import Muon, orthogonalized

SHAPES = ((24, 8), (8, 24), (16, 16))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_all_directions_become_nearly_equal(shape: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    matrix = u * torch.logspace(-1, 1, len(v)) @ v
    before = matrix.clone()
    sizes = torch.linalg.svdvals(orthogonalized(matrix, dtype).float())
    assert float(sizes.min()) > 0.6 and float(sizes.max()) < 1.3
    assert torch.equal(matrix, before)  # gradients are clipped and logged elsewhere


@pytest.mark.parametrize("bfloat16", [True, False])
def test_steps_are_those_of_pytorch(monkeypatch: Any, bfloat16: bool) -> None:
    monkeypatch.setattr(muon, "computes_bfloat16", lambda device: bfloat16)
    torch.manual_seed(0)
    ours, theirs = ([nn.Parameter(torch.ones(shape)) for shape in SHAPES] for _ in range(2))
    mine = Muon(ours, lr=0.02, weight_decay=0.1)
    other = torch.optim.Muon(theirs, lr=0.02, weight_decay=0.1, momentum=0.95)
    for _ in range(4):
        for one, two in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape)
            two.grad = one.grad.clone()
        mine.step()
        other.step()
    tolerance = {"rtol": 0, "atol": 0} if bfloat16 else {"rtol": 0, "atol": 2e-3}  # of steps of 0.02
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, **tolerance)


def test_a_state_of_pytorchs_muon_is_gone_on_with() -> None:
    parameter = nn.Parameter(torch.ones(4, 8))
    theirs = torch.optim.Muon([parameter], lr=0.02, weight_decay=0.1)
    parameter.grad = torch.randn(4, 8)
    theirs.step()
    ours = Muon([parameter], lr=0.02, weight_decay=0.1)
    ours.load_state_dict(theirs.state_dict())
    before = parameter.detach().clone()
    ours.step()
    assert not torch.equal(parameter, before)
