"""``ModelConfig``: everything that makes one model differ from another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from musictx.errors import MusictxError, require
from musictx.events import VOCABULARY_SIZE

LARGEST, MAX_LAYERS = 2**24, 1000  # far above any model; keeps a damaged file from asking for the impossible
Activation = Literal["gelu", "relu", "relu_squared", "swiglu"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)


@dataclass(frozen=True)
class ModelConfig:
    """Everything that makes one model differ from another.

    Examples
    --------
    >>> from musictx import ModelConfig
    >>> ModelConfig(position="rope", width=256, heads=4).head_width
    64
    """

    position: str = "relative"  # a name in musictx.model.positions.SCHEMES
    vocabulary: int = VOCABULARY_SIZE
    layers: int = 6
    width: int = 256
    heads: int = 4
    feed_forward: int = 1024  # width inside the feed-forward
    context_length: int = 1024  # tokens seen at once in training
    max_distance: int | None = None  # rows of the relative table; None: half the context length
    # Distances beyond the table use its last row (Shaw) or add nothing (tensor2tensor).
    beyond: Literal["clamp", "zero"] = "clamp"
    rope_base: float = 10000.0
    rope_scaling: Literal["none", "ntk", "yarn"] = "none"
    rope_factor: float = 1.0  # lengths up to factor · context_length
    window: int | None = None  # number of last tokens that a token sees, itself included; None: all
    norm: Literal["layer", "rms"] = "layer"
    activation: Activation = "relu_squared"
    dropout: float = 0.1  # on embeddings and on what each layer adds

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is Literal:
                value, allowed = getattr(self, name), get_args(kind)
                require(value in allowed, name, value, f"be one of {', '.join(allowed)}")
        sizes = ("vocabulary", "layers", "width", "heads", "feed_forward", "context_length")
        optional = ("max_distance", "window")
        for name in (*sizes, *(n for n in optional if getattr(self, n) is not None)):
            number, maximum = getattr(self, name), MAX_LAYERS if name == "layers" else LARGEST
            whole = type(number) is int and 1 <= number <= maximum
            require(whole, name, number, f"be a whole number from 1 to {maximum}")
        if self.width % (2 * self.heads):
            raise MusictxError(
                f"width {self.width} must be a multiple of twice the number of heads ({self.heads})"
            )
        rules: dict[str, tuple[str, Callable[[float], bool]]] = {
            "dropout": ("at least 0 and less than 1", lambda x: 0 <= x < 1),
            "rope_base": ("greater than 1 and at most 1e12", lambda x: 1 < x <= 1e12),
            "rope_factor": ("from 1 to 1e6", lambda x: 1 <= x <= 1e6),
        }
        for name, (words, holds) in rules.items():
            number = getattr(self, name)
            require(type(number) in (int, float) and holds(number), name, number, f"be a number {words}")

    @property
    def head_width(self) -> int:
        """Width of one head."""
        return self.width // self.heads

    @property
    def largest_distance(self) -> int:
        """Rows of the relative table."""
        return self.max_distance or max(1, self.context_length // 2)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)
