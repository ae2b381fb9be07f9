"""``learned``: a learned vector for each position, added to the embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musictx.errors import MusictxError
from musictx.model.config import ModelConfig
from musictx.model.positions.base import Formula, Positions


class Learned(Positions):
    """One learned vector for each position, added to the embeddings; it ends at the context length."""

    title = "Learned"
    engine_supports = True

    def __init__(self, config: ModelConfig):
        super().__init__(config)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(config.context_length, config.width), std=0.1))

    @classmethod
    def extra_parameters(cls, config: ModelConfig) -> int:  # noqa: D102
        return config.context_length * config.width

    @classmethod
    def for_context(cls, config: ModelConfig, length: int) -> ModelConfig:  # noqa: D102
        if length != config.context_length:
            raise MusictxError(
                f"--context {length} does not fit a model with learned positions: it has them for "
                f"{config.context_length} tokens; models with other positions can change"
            )
        return config

    @property
    def limit(self) -> int:  # noqa: D102
        return len(self.weight)

    def formula(self) -> Formula:  # noqa: D102
        return Formula(vectors=self.weight)

    def absolute(self, start: int, end: int) -> Tensor:  # noqa: D102
        if end > len(self.weight):
            raise MusictxError(
                f"learned positions end at {len(self.weight)} tokens, but position {end} was asked for; "
                "use a shorter primer or length, or a model with relative, rope or alibi positions"
            )
        return self.weight[start:end]
