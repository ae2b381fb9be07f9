"""Every way a model can know the order of its tokens, behind one interface.

=============  ===================================================  ==========================
name           how order enters                                     beyond the training length
=============  ===================================================  ==========================
``vanilla``    sinusoids added to the embeddings                    computed on, never trained
``learned``    a learned vector a position, added                   ends there
``relative``   a learned embedding a distance, in the logits        clamp or zero (by config)
``rope``       queries and keys turned by their position            none, NTK-aware, YaRN, window
``alibi``      logits fall with the distance                        falls on
``none``       the causal mask alone                                nothing to extend
=============  ===================================================  ==========================

A scheme answers four questions, each with "nothing" by default: what is added to the embeddings, how
queries and keys are turned, which table of relative embeddings a layer has, and what is added to the
logits of each key.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from musictx.errors import MusictxError

if TYPE_CHECKING:
    from musictx.model.transformer import ModelConfig


class Order(NamedTuple):
    """What a scheme says of the positions start … end - 1 to all layers alike."""

    rotation: tuple[Tensor, Tensor] | None  # (T, d) each
    key_bias: Tensor | None  # (H, end)

    def rows(self, start: int, end: int) -> Order:
        """The same for a part of the positions, out of an order that starts at 0."""
        turn, bias = self
        return Order(
            None if turn is None else (turn[0][start:end], turn[1][start:end]),
            None if bias is None else bias[:, bias.shape[1] - end :],
        )


class Positions(nn.Module):
    """No positions at all, and the interface of the others (``none``)."""

    def order(self, start: int, end: int, like: Tensor) -> Order:
        """The order of the positions start … end - 1, on the device and in the dtype of `like`."""
        return Order(self.rotation(start, end, like), self.key_bias(end, like))

    def embed(self, x: Tensor, start: int) -> Tensor:
        """Add positions `start`, `start` + 1, … to the embeddings `x` [shape=(B, T, width)]."""
        added = self.added(start, start + x.shape[1], x)
        return x if added is None else x + added

    def added(self, start: int, end: int, like: Tensor) -> Tensor | None:
        """What is added to the embeddings at positions start … end - 1 [shape=(T, width)]."""
        return None

    def rotation(self, start: int, end: int, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines [shape=(T, d)] that turn queries and keys at positions start … end - 1.

        Of each pair (i, i + d/2) the sine stands twice, first with a minus.
        """
        return None

    def table(self, layer: int) -> Tensor | None:
        """Relative embeddings of a layer [shape=(H, M, d)], by rising distance."""
        return None

    def key_bias(self, length: int, like: Tensor) -> Tensor | None:
        """What is added to the logits of each key [shape=(H, length)]."""
        return None

    @property
    def limit(self) -> int | None:
        """Number of positions that the scheme has, if it ends."""
        return None


class Sinusoidal(Positions):
    """Fixed sinusoids, added to the embeddings (Vaswani et al. 2017, section 3.5): ``vanilla``."""

    frequency: Tensor

    def __init__(self, config: ModelConfig):
        super().__init__()
        half = config.width // 2
        self.register_buffer("frequency", 10000.0 ** -(torch.arange(half) / half), persistent=False)

    def added(self, start: int, end: int, like: Tensor) -> Tensor:  # noqa: D102
        angle = torch.arange(start, end, device=like.device)[:, None] * self.frequency
        return torch.cat([angle.sin(), angle.cos()], -1).to(like.dtype)


class Learned(Positions):
    """One learned vector a position, added to the embeddings; it ends at the context length."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(config.context_length, config.width))

    def added(self, start: int, end: int, like: Tensor) -> Tensor:  # noqa: D102
        if end > len(self.weight):
            raise MusictxError(
                f"learned positions end at {len(self.weight)} tokens, but position {end} was asked for; "
                "use a shorter primer or length, or a model with relative, rope or alibi positions"
            )
        return self.weight[start:end].to(like.dtype)

    @property
    def limit(self) -> int:  # noqa: D102
        return len(self.weight)


class Relative(Positions):
    """A learned embedding for each distance, per layer and head, in the logits (Shaw et al. 2018)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        d = config.head_width
        shape = (config.layers, config.heads, config.largest_distance, d)
        self.weight = nn.Parameter(torch.randn(shape) * d**-0.5)

    def table(self, layer: int) -> Tensor:  # noqa: D102
        return self.weight[layer]


class Rotary(Positions):
    """Queries and keys turned by an angle that grows with the position (Su et al. 2021): ``rope``.

    ``rope_scaling`` stretches the angles for lengths beyond training by ``rope_factor``:
    ``ntk`` raises the base so that the slowest pair turns `factor` times slower (bloc97 2023);
    ``yarn`` slows the pairs that turn less than once in the training length and leaves the fast ones,
    with a ramp between, and sharpens the attention (Peng et al. 2023, sections 3.2 to 3.4).
    """

    frequency: Tensor

    def __init__(self, config: ModelConfig):
        super().__init__()
        d, factor, base = config.head_width, config.rope_factor, config.rope_base
        exponent = torch.arange(0, d, 2, dtype=torch.float64) / d
        self.gain = 1.0
        if config.rope_scaling == "ntk":
            base *= factor ** (d / max(1, d - 2))  # a single pair has no slower one: any base is the same
        frequency = base**-exponent
        if config.rope_scaling == "yarn" and factor > 1:
            turns = config.context_length * frequency / (2 * math.pi)
            keep = ((turns - 1) / (32 - 1)).clamp(0, 1)
            frequency = frequency * (keep + (1 - keep) / factor)
            self.gain = 0.1 * math.log(factor) + 1.0
        self.register_buffer("frequency", frequency.float(), persistent=False)

    def rotation(self, start: int, end: int, like: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102
        angle = torch.arange(start, end, device=like.device)[:, None] * self.frequency
        cos, sin = (angle.cos() * self.gain).to(like.dtype), (angle.sin() * self.gain).to(like.dtype)
        return torch.cat([cos, cos], -1), torch.cat([-sin, sin], -1)


class ALiBi(Positions):
    """Logits that fall linearly with the distance, faster in some heads (Press et al. 2021)."""

    slope: Tensor

    def __init__(self, config: ModelConfig):
        super().__init__()
        heads = torch.arange(1, config.heads + 1)
        self.register_buffer("slope", 2.0 ** (-8.0 * heads / config.heads), persistent=False)

    def key_bias(self, length: int, like: Tensor) -> Tensor:  # noqa: D102
        # -slope · (i - j), less what depends on the query i alone, which the softmax removes;
        # counted back from the last key so that the largest numbers stand with the farthest keys.
        back = torch.arange(1 - length, 1, device=like.device)
        return self.slope[:, None] * back

    # Rotation and table: none.


SCHEMES: dict[str, Any] = {
    "vanilla": Sinusoidal,
    "learned": Learned,
    "relative": Relative,
    "rope": Rotary,
    "alibi": ALiBi,
    "none": lambda config: Positions(),
}


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


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor] | None) -> Tensor:
    """Turn each pair (i, i + d/2) of `x` [shape=(B, H, T, d)] by its position's angle.

    References
    ----------
    Su et al., "RoFormer" (2021), equation 34, with the pairs split in halves.
    """
    if rotation is None:
        return x
    cos, sin = (part.to(x.dtype) for part in rotation)
    return _Rotate.apply(x, cos, sin) if torch.is_grad_enabled() else _turn(x, cos, sin)
