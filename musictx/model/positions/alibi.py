"""``alibi``: logits that fall with the distance."""

from __future__ import annotations

import torch
from torch import Tensor

from musictx.model.config import ModelConfig
from musictx.model.positions.base import Formula, Positions


class ALiBi(Positions):
    """Logits that fall linearly with the distance, faster in some heads (Press et al. 2021)."""

    engine_supports, shift_invariant = True, True
    slope: Tensor

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        heads = torch.arange(1, config.heads + 1)
        self.register_buffer("slope", 2.0 ** (-8.0 * heads / config.heads), persistent=False)

    def formula(self) -> Formula:  # noqa: D102
        return Formula(slopes=self.slope)

    def distance_bias(self, length: int) -> Tensor:  # noqa: D102
        return -self.slope[:, None] * torch.arange(length, device=self.slope.device)
