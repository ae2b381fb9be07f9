"""``rope``: queries and keys turned by an angle that grows with the position."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from musictx.model.config import ModelConfig
from musictx.model.positions.base import Formula, Positions


class Rotary(Positions):
    """Queries and keys turned by an angle that grows with the position (Su et al. 2021).

    ``rope_scaling`` scales the angles for lengths beyond training by ``rope_factor``:
    ``ntk`` raises the base so that the slowest pair turns `factor` times slower (bloc97 2023);
    ``yarn`` slows the pairs that turn less than once in the training length and leaves the fast ones,
    with a ramp between, and sharpens the attention (Peng et al. 2023, sections 3.2 to 3.4).
    """

    title = "RoPE"
    engine_supports, shift_invariant = True, True
    changeable = frozenset({"rope_base", "rope_scaling", "rope_factor"})
    frequency: Tensor  # (d / 2,), radians from one position to the next

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        pairs, factor, base = config.head_width // 2, config.rope_factor, config.rope_base
        exponent = torch.arange(pairs, dtype=torch.float64) / pairs
        if config.rope_scaling == "ntk":
            base *= factor ** (pairs / max(1, pairs - 1))  # one pair alone has no slower one: any base does
        frequency = base**-exponent
        self.gain = 1.0  # a factor of all cosines and sines
        if config.rope_scaling == "yarn" and factor > 1:
            turns = config.context_length * frequency / (2 * math.pi)
            keep = ((turns - 1) / (32 - 1)).clamp(0, 1)
            frequency = frequency * (keep + (1 - keep) / factor)
            self.gain = 0.1 * math.log(factor) + 1.0
        self.register_buffer("frequency", frequency.float(), persistent=False)

    @classmethod
    def default_window(cls, context_length: int) -> int:
        """The context length: it changes nothing in training, and past it predicts best.

        `musictx.lab.evaluation.extrapolation` compares it with the other rules.
        """
        return context_length

    @classmethod
    def for_context(cls, config: ModelConfig, length: int) -> ModelConfig:
        """A window as long as the context stays so."""
        window = length if config.window == config.context_length else config.window
        return replace(config, context_length=length, window=window)

    @classmethod
    def extrapolation_options(cls, config: ModelConfig, length: int) -> dict[str, dict[str, Any]]:  # noqa: D102
        factor = max(1.0, length / config.context_length)
        scaled = {s: {"rope_scaling": s, "rope_factor": factor, "window": None} for s in ("ntk", "yarn")}
        return {"base × 10": {"rope_base": 10 * config.rope_base, "window": None}, **scaled}

    def formula(self) -> Formula:  # noqa: D102
        return Formula(rotations=self.frequency, gain=self.gain)

    def rope_cos_sin(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Of each pair (i, i + d/2) the sine stands twice, first with a minus [shape=(T, d)]."""
        angle = torch.arange(start, end, device=self.frequency.device)[:, None] * self.frequency
        cos, sin = angle.cos() * self.gain, angle.sin() * self.gain
        return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)


def apply_rope(x: Tensor, rope_cos_sin: tuple[Tensor, Tensor] | None) -> Tensor:
    """Turn each pair (i, i + d/2) of `x` [shape=(B, H, T, d)] by its position's angle.

    References
    ----------
    Su et al., "RoFormer" (2021), equation 34, with the pairs split in halves.
    """
    if rope_cos_sin is None:
        return x
    cos, sin = (part.to(x.dtype) for part in rope_cos_sin)
    return _Rotate.apply(x, cos, sin) if torch.is_grad_enabled() else _turn(x, cos, sin)


class _Rotate(torch.autograd.Function):
    """Two fused products and no concatenation; the backward turns back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turn(x, cos, sin)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        cos, sin = ctx.saved_tensors
        return _turn(gradients[0], cos, -sin), None, None


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return (x * cos).addcmul_(x.roll(x.shape[-1] // 2, -1), sin)
