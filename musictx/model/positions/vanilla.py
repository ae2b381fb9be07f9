"""``vanilla``: sinusoids added to the embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

from musictx.model.config import ModelConfig
from musictx.model.positions.base import Formula, Positions


class Sinusoidal(Positions):
    """Fixed sinusoids, added to the embeddings (Vaswani et al. 2017, section 3.5)."""

    title = "Vanilla"
    engine_supports = True
    frequency: Tensor

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        half = config.width // 2
        self.register_buffer("frequency", 10000.0 ** -(torch.arange(half) / half), persistent=False)

    def formula(self) -> Formula:  # noqa: D102
        return Formula(sinusoids=self.frequency)

    def absolute(self, start: int, end: int) -> Tensor:  # noqa: D102
        angle = torch.arange(start, end, device=self.frequency.device)[:, None] * self.frequency
        return torch.cat([angle.sin(), angle.cos()], -1)
