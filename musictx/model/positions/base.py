"""What a position scheme tells the others: ``Positions``, ``PositionTerms`` of some, ``Formula`` of all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from musictx.model.config import ModelConfig


class PositionTerms(NamedTuple):
    """What a scheme gives all layers for the positions `start` … `start` + T - 1."""

    start: int = 0
    absolute: Tensor | None = None  # (T, width), to the embeddings
    rope_cos_sin: tuple[Tensor, Tensor] | None = None  # cosines and sines, (T, d) each
    bias: Tensor | None = None  # (H, start + T), to the logits, by the distance from query to key


class Formula(NamedTuple):
    """The order in the numbers that engines of other languages compute it from, such as the browser's."""

    sinusoids: Tensor | None = None  # (width / 2,), frequencies of what is added to the embeddings
    vectors: Tensor | None = None  # (n, width), one added at each position
    rotations: Tensor | None = None  # (d / 2,), radians from one position to the next
    gain: float = 1.0  # a factor of the rotations' cosines and sines
    slopes: Tensor | None = None  # (H,), by which logits fall with the distance


class Positions(nn.Module):
    """The interface of all schemes, each of whose questions has the answer "nothing".

    A scheme says what is added to the embeddings, by which angles queries and keys are turned, which
    relative embeddings a layer has, and what is added to the logit of each distance.
    """

    title: ClassVar[str] = ""  # as people write it, where that is not the name
    engine_supports: ClassVar[bool] = False  # may `musictx.sampling.engine` decode with it?
    shift_invariant: ClassVar[bool] = False  # is music the same wherever in the context it stands?
    changeable: ClassVar[frozenset[str]] = frozenset()  # its settings that may change after training

    def __init__(self, config: ModelConfig):
        super().__init__()

    @classmethod
    def extra_parameters(cls, config: ModelConfig) -> int:
        """Trainable parameters of the scheme, which models of one size get elsewhere instead."""
        return 0

    @classmethod
    def default_window(cls, context_length: int) -> int | None:
        """Window of a new model, if it should have one."""
        return None

    @classmethod
    def for_context(cls, config: ModelConfig, length: int) -> ModelConfig:
        """The shape of the same weights for training on contexts of another length."""
        return replace(config, context_length=length)

    @classmethod
    def extrapolation_options(cls, config: ModelConfig, length: int) -> dict[str, dict[str, Any]]:
        """Ways of its own to go on past the training length, to `length`: name → settings."""
        return {}

    @property
    def limit(self) -> int | None:
        """Number of positions that the scheme has, if it ends."""
        return None

    def terms(self, start: int, end: int) -> PositionTerms:
        """The order of the tokens at positions start … end - 1."""
        return PositionTerms(
            start, self.absolute(start, end), self.rope_cos_sin(start, end), self.distance_bias(end)
        )

    def formula(self) -> Formula | None:
        """The order as `Formula` has it, beside the tables of `table`; None if it cannot be said so."""
        return None

    def absolute(self, start: int, end: int) -> Tensor | None:
        """What is added to the embeddings at positions start … end - 1 [shape=(T, width)]."""
        return None

    def rope_cos_sin(self, start: int, end: int) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines that turn queries and keys [shape=(T, d)], for `apply_rope`."""
        return None

    def table(self, layer: int) -> Tensor | None:
        """Relative embeddings of a layer [shape=(H, M, d)], by rising distance."""
        return None

    def distance_bias(self, length: int) -> Tensor | None:
        """What is added to the logits of keys at the distances 0 … length - 1 [shape=(H, length)]."""
        return None
