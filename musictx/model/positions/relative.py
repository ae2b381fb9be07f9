"""``relative``: a learned embedding for each distance, in the logits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musictx.model.config import ModelConfig
from musictx.model.positions.base import Formula, Positions


class Relative(Positions):
    """A learned embedding for each distance, per layer and head, in the logits (Shaw et al. 2018).

    Distances beyond the table use its last row or add nothing (``beyond``). Music Transformer's relative
    attention (Huang et al. 2018) is this, computed by the skew: see `musictx.model.attention`.
    """

    title = "Relative"
    engine_supports, shift_invariant = True, True

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        d, self.beyond = config.head_width, config.beyond
        shape = (config.layers, config.heads, config.largest_distance, d)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(shape), std=d**-0.5))

    @classmethod
    def extra_parameters(cls, config: ModelConfig) -> int:  # noqa: D102
        return config.layers * config.width * config.largest_distance

    @classmethod
    def for_context(cls, config: ModelConfig, length: int) -> ModelConfig:  # noqa: D102
        return replace(config, context_length=length, max_distance=config.largest_distance)

    @classmethod
    def extrapolation_options(cls, config: ModelConfig, length: int) -> dict[str, dict[str, Any]]:  # noqa: D102
        other = "zero" if config.beyond == "clamp" else "clamp"
        return {other: {"beyond": other}}

    def formula(self) -> Formula:  # noqa: D102
        return Formula()

    def table(self, layer: int) -> Tensor:  # noqa: D102
        table = self.weight[layer]
        return zero_beyond(table) if self.beyond == "zero" else table


def zero_beyond(table: Tensor) -> Tensor:
    """A table [shape=(H, M, d)] with one more row, by which distances beyond the others add nothing."""
    return F.pad(table, (0, 0, 0, 1))
