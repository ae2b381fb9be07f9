"""Optimisers and the learning-rate schedule."""

from __future__ import annotations

import torch
from torch import nn

from musictx.model import MusicTransformer
from musictx.training.muon import Muon


def schedule(progress: float, step: int, *, warmup: int, decay: float) -> float:
    """Factor on the peak learning rate: linear warm-up, constant, then linear to 0.

    Parameters
    ----------
    progress : float
        Share of the budget that is used up, 0 to 1.
    step : int
    warmup : int
        Steps of the warm-up.
    decay : float
        Last share of the budget in which the rate falls.
    """
    rising = min(1.0, (step + 1) / max(1, warmup))
    falling = min(1.0, (1.0 - progress) / decay) if decay > 0 else 1.0
    return rising * max(0.0, falling)


def make_optimizers(
    model: MusicTransformer, *, kind: str, matrix_lr: float, lr: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """One AdamW for everything, or Muon for the hidden matrices beside it.

    Parameters
    ----------
    model : MusicTransformer
    kind : {"muon", "adamw"}
    matrix_lr : float
        Peak rate of Muon, for the matrices inside the layers.
    lr : float
        Peak rate of AdamW, for all else (embeddings, norms, relative tables, head).
    weight_decay : float
        For matrices inside the layers only.
    """
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (hidden if name.startswith("layers.") and parameter.ndim == 2 else rest).append(parameter)
    fused = all(p.device.type in ("cpu", "cuda") for p in rest)
    if kind == "adamw":
        groups = [
            {"params": hidden, "weight_decay": weight_decay},
            {"params": rest, "weight_decay": 0.0},
        ]
        optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), fused=fused)
        ]
    else:
        optimizers = [
            Muon(hidden, lr=matrix_lr, weight_decay=weight_decay),
            torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.95), weight_decay=0.0, fused=fused),
        ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def set_rate(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Set every group's rate to its peak times `factor`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
