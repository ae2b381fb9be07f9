"""Optimisers and the learning-rate schedule."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from musictx.model import MusicTransformer
from musictx.training.muon import Muon
from musictx.training_settings import TrainingConfig


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


def make_optimizers(model: MusicTransformer, config: TrainingConfig) -> list[torch.optim.Optimizer]:
    """One AdamW for everything, or Muon for the matrices inside the layers beside it.

    Weights decay inside the layers only, not in embeddings, norms, relative tables and head.
    """
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (hidden if name.startswith("layers.") and parameter.ndim == 2 else rest).append(parameter)
    fused = all(p.device.type in ("cpu", "cuda") for p in rest)
    adamw = partial(torch.optim.AdamW, lr=config.lr, betas=(0.9, 0.95), weight_decay=0.0, fused=fused)
    decay: dict[str, Any] = {"params": hidden, "weight_decay": config.weight_decay}
    if config.optimizer == "adamw":
        optimizers: list[torch.optim.Optimizer] = [adamw([decay, {"params": rest}])]
    else:
        optimizers = [Muon(**decay, lr=config.matrix_lr), adamw(rest)]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def set_rate(optimizers: list[torch.optim.Optimizer], factor: float) -> None:
    """Set every group's rate to its peak times `factor`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
