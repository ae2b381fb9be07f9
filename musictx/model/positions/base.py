"""What a position scheme tells the rest of musictx, ``Positions``, and says of some tokens, ``Order``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from musictx.model.config import ModelConfig


class Order(NamedTuple):
    """What a scheme gives all layers for the positions `start` … `start` + T - 1."""

    start: int = 0
    added: Tensor | None = None  # (T, width), to the embeddings
    rotation: tuple[Tensor, Tensor] | None = None  # cosines and sines, (T, d) each or (B, 1, T, d)
    bias: Tensor | None = None  # (H, start + T), to the logits, by the distance from query to key
    state: Tensor | None = None  # (B, …), what the scheme remembers of the tokens up to here


class Positions(nn.Module):
    """The interface of all schemes, each of whose questions has the answer "nothing".

    A scheme says what is added to the embeddings, by which angles queries and keys are turned, which
    relative embeddings a layer has, and what is added to the logit of each distance.
    """

    has_kernel: ClassVar[bool] = False  # may `musictx.sampling.engine` decode with it?
    shift_invariant: ClassVar[bool] = False  # is music the same wherever in the context it stands?
    beginning: ClassVar[tuple[int, ...]] = ()  # the state before the first token, of a scheme that has one
    changeable: ClassVar[frozenset[str]] = frozenset()  # its settings that may change after training

    def __init__(self, config: ModelConfig):
        super().__init__()

    @classmethod
    def table_numbers(cls, config: ModelConfig) -> int:
        """Trained numbers that the scheme has, which models of one size get elsewhere instead."""
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
    def longer_rules(cls, config: ModelConfig, length: int) -> dict[str, dict[str, Any]]:
        """Ways of its own to go on past the training length, to `length`: name → settings."""
        return {}

    @property
    def limit(self) -> int | None:
        """Number of positions that the scheme has, if it ends."""
        return None

    def order(self, tokens: Tensor, start: int = 0, state: Tensor | None = None) -> Order:
        """The order of some tokens.

        Parameters
        ----------
        tokens : Tensor [shape=(B, T), dtype=int64]
        start : int
            Position of the first of them.
        state : Tensor, optional
            Of the `Order` of the tokens before. A scheme that looks at positions alone has none.

        Returns
        -------
        Order
        """
        end = start + tokens.shape[1]
        places, state = self.coordinates(tokens, start, state)
        return Order(start, self.added(start, end), self.rotation(places), self.distance_bias(end), state)

    def coordinates(self, tokens: Tensor, start: int, state: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Where tokens stand [shape=(T, n) or (B, T, n)], and the state after them.

        The first coordinate is the index; by default there is no other.
        """
        return torch.arange(start, start + tokens.shape[1], device=tokens.device)[:, None], None

    def added(self, start: int, end: int) -> Tensor | None:
        """What is added to the embeddings at positions start … end - 1 [shape=(T, width)]."""
        return None

    def rotation(self, coordinates: Tensor) -> tuple[Tensor, Tensor] | None:
        """Cosines and sines that turn queries and keys [shape=(T, d) or (B, 1, T, d)], for `rotate`."""
        return None

    def table(self, layer: int) -> Tensor | None:
        """Relative embeddings of a layer [shape=(H, M, d)], by rising distance."""
        return None

    def distance_bias(self, length: int) -> Tensor | None:
        """What is added to the logits of keys at the distances 0 … length - 1 [shape=(H, length)]."""
        return None
