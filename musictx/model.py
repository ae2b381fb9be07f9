"""``ModelConfig`` and ``MusicTransformer``: a decoder-only transformer, its position scheme a setting."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musictx.attention import BeyondRule, attend, attend_cached
from musictx.engine import engine_for
from musictx.errors import MusictxError
from musictx.events import VOCABULARY_SIZE
from musictx.positions import SCHEMES, Order, Positions, rotate


@dataclass(frozen=True)
class ModelConfig:
    """Everything that makes one model differ from another."""

    position: str = "relative"  # a name in musictx.positions.SCHEMES
    vocabulary: int = VOCABULARY_SIZE
    layers: int = 6
    width: int = 256
    heads: int = 4
    kv_heads: int | None = None  # fewer key-value heads than heads: grouped; 1: multi-query; None: as heads
    feed_forward: int = 1024  # width inside the feed-forward
    context_length: int = 1024  # tokens seen at once in training
    max_distance: int | None = None  # rows of the relative table; None: half the context length
    beyond: BeyondRule = "clamp"  # distances beyond the table: "clamp" (Shaw) or "zero" (tensor2tensor)
    rope_base: float = 10000.0
    rope_scaling: Literal["none", "ntk", "yarn"] = "none"
    rope_factor: float = 1.0  # lengths up to factor · context_length
    window: int | None = None  # a token sees only so many last tokens, itself included
    norm: Literal["layer", "rms"] = "layer"
    norm_placement: Literal["pre", "post"] = "pre"
    activation: Literal["gelu", "relu", "relu_squared"] = "gelu"
    dropout: float = 0.1  # on embeddings and on what each layer adds

    def __post_init__(self) -> None:
        choices = {
            "position": tuple(SCHEMES),
            "beyond": ("clamp", "zero"),
            "rope_scaling": ("none", "ntk", "yarn"),
            "norm": ("layer", "rms"),
            "norm_placement": ("pre", "post"),
            "activation": tuple(ACTIVATIONS),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise MusictxError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(allowed)}"
                )
        sizes = ("vocabulary", "layers", "width", "heads", "feed_forward", "context_length")
        optional = ("kv_heads", "max_distance", "window")
        for name in (*sizes, *(n for n in optional if getattr(self, n) is not None)):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise MusictxError(
                    f"{name} is {getattr(self, name)!r}; it must be a whole number of at least 1"
                )
        if self.width % (2 * self.heads):
            raise MusictxError(
                f"width {self.width} must be a multiple of twice the number of heads ({self.heads})"
            )
        if self.heads % self.groups:
            raise MusictxError(f"heads ({self.heads}) must be a multiple of kv_heads ({self.kv_heads})")
        rules: dict[str, tuple[str, Callable[[float], bool]]] = {
            "dropout": ("at least 0 and less than 1", lambda x: 0 <= x < 1),
            "rope_base": ("greater than 1", lambda x: 1 < x < math.inf),
            "rope_factor": ("of at least 1", lambda x: 1 <= x < math.inf),
        }
        for name, (words, holds) in rules.items():
            number = getattr(self, name)
            if not isinstance(number, (int, float)) or not holds(number):
                raise MusictxError(f"{name} is {number!r}; it must be a number {words}")

    @property
    def head_width(self) -> int:
        """Width of one head."""
        return self.width // self.heads

    @property
    def groups(self) -> int:
        """Number of key-value heads."""
        return self.heads if self.kv_heads is None else self.kv_heads

    @property
    def largest_distance(self) -> int:
        """Rows of the relative table."""
        return self.max_distance or max(1, self.context_length // 2)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


class _ReluSquared(torch.autograd.Function):
    """``max(x, 0)²``, its backward in two passes over memory instead of four."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive = torch.relu(x)
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return (gradients[0] * positive).mul_(2)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "relu": torch.relu,
    "relu_squared": _ReluSquared.apply,
}


class Dropout(nn.Dropout):
    """`nn.Dropout`, three times as fast on a CPU: a byte is drawn for each number, not a float.

    There the share that is dropped is rounded to 1/256.
    """

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        dropped = min(round(256 * self.p), 255)
        if not (self.training and dropped) or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped
        return x * kept.to(x.dtype).mul_(256 / (256 - dropped))


def lean(module: nn.Module) -> Any:
    """The forward of a module in evaluation, without what `nn.Module` does around each call.

    Calling modules and looking up their attributes costs as much as a third of a decoding step. So
    here every `self` is a plain namespace with the same attributes, its children made lean likewise.
    """
    match module:
        case nn.Linear(weight=weight, bias=bias):
            return lambda x: F.linear(x, weight, bias)
        case nn.LayerNorm(normalized_shape=shape, weight=weight, bias=bias, eps=eps):
            return lambda x: torch.layer_norm(x, shape, weight, bias, eps)
        case nn.RMSNorm(normalized_shape=shape, weight=weight, eps=eps):
            return lambda x: torch.rms_norm(x, shape, weight, eps)
        case nn.Dropout() | nn.Identity():
            return lambda x: x
        case nn.ModuleList():
            return [lean(child) for child in module]
    own = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    children = {name: lean(child) for name, child in module.named_children()}
    return partial(type(module).forward, SimpleNamespace(**own, **children))


class LayerCache:
    """Keys and values of one layer, kept so that each new token costs one row of attention.

    The relative table is laid out by falling distance, in the order in which a step meets the keys.

    Parameters
    ----------
    config : ModelConfig
    batch, capacity : int
        Sequences, and positions to make room for.
    like : Tensor
        For device and dtype.
    table : Tensor [shape=(H, M, d)], optional
        Relative embeddings.
    """

    def __init__(self, config: ModelConfig, batch: int, capacity: int, like: Tensor, table: Tensor | None):
        rows = batch * config.groups
        self.keys = like.new_zeros(rows, capacity, config.head_width)
        self.values = like.new_zeros(rows, capacity, config.head_width)
        self.falling = None if table is None else table.flip(1).transpose(1, 2).contiguous()

    def append(self, k: Tensor, v: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Store keys and values [shape=(B, G, T, d)] at `start`; return all up to there.

        As `attend_cached` takes them: keys [shape=(B · G, d, n)] and values [shape=(B · G, n, d)].
        """
        length, d = k.shape[2:]
        self.keys.narrow(1, start, length).copy_(k.reshape(-1, length, d))
        self.values.narrow(1, start, length).copy_(v.reshape(-1, length, d))
        end = start + length
        return self.keys.narrow(1, 0, end).mT, self.values.narrow(1, 0, end)


class Cache:
    """The state of decoding: a `LayerCache` for each layer and the number of tokens seen.

    What a step needs of weights and positions is laid out here once: a cache belongs to the weights
    as they were when it was made.

    Parameters
    ----------
    model : MusicTransformer
    batch, capacity : int
        Sequences, and positions to make room for at first; more room is made when it is needed.
    int8 : bool
        An engine's steps read weights of 8 bits (see `musictx.engine`).
    """

    def __init__(self, model: MusicTransformer, batch: int, capacity: int, *, int8: bool = False):
        self.positions, self.like = model.positions, model.head.weight
        self.length, self.capacity = 0, 0
        self.parts = lean(model.layers), lean(model.norm), lean(model.head)
        tables = [model.positions.table(i) for i in range(model.config.layers)]
        self.layers = [LayerCache(model.config, batch, 0, self.like, table) for table in tables]
        self.make_room(min(capacity, model.positions.limit or capacity))
        self.engine = engine_for(model, self, int8=int8)

    def make_room(self, end: int) -> None:
        """Have room for `end` positions: at least twice the room before, so that growing costs little."""
        if end <= self.capacity:
            return
        limit = self.positions.limit or math.inf
        self.capacity = max(end, int(min(2 * self.capacity, limit)))
        self.added = self.positions.added(0, self.capacity, self.like)
        self.order = self.positions.order(0, self.capacity, self.like)
        for layer in self.layers:
            room = self.capacity - layer.keys.shape[1]
            layer.keys = F.pad(layer.keys, (0, 0, 0, room))
            layer.values = F.pad(layer.values, (0, 0, 0, room))

    def repeat(self, times: int) -> None:
        """Make `times` sequences of the one seen so far."""
        for layer in self.layers:
            layer.keys = layer.keys.repeat(times, 1, 1)
            layer.values = layer.values.repeat(times, 1, 1)


class Attention(nn.Module):
    """Causal multi-head self-attention; order enters through the position scheme."""

    def __init__(self, config: ModelConfig, positions: Positions, layer: int):
        super().__init__()
        self.config, self.layer = config, layer
        self.positions = (positions,)  # in a tuple: shared by all layers, registered once by the model
        d = config.head_width
        self.qkv = nn.Linear(config.width, (config.heads + 2 * config.groups) * d, bias=False)
        self.out = nn.Linear(config.heads * d, config.width, bias=False)

    def forward(self, x: Tensor, order: Order, cache: LayerCache | None = None, start: int = 0) -> Tensor:
        """Attend from positions start … start + T - 1 of `x` [shape=(B, T, width)]."""
        config, (positions,) = self.config, self.positions
        batch, length, _ = x.shape
        heads = self.qkv(x).view(batch, length, -1, config.head_width).transpose(1, 2)
        turned, v = heads.split([config.heads + config.groups, config.groups], 1)
        q, k = rotate(turned, order.rotation).split([config.heads, config.groups], 1)
        if cache is not None:
            keys, values = cache.append(k, v, start)
        if cache is None or start == 0:
            y = attend(
                q,
                k,
                v,
                table=positions.table(self.layer),
                beyond=config.beyond,
                key_bias=order.key_bias,
                window=config.window,
            )
        else:
            y = attend_cached(
                q,
                keys,
                values,
                falling=cache.falling,
                beyond=config.beyond,
                key_bias=order.key_bias,
                window=config.window,
            )
        return self.out(y.transpose(1, 2).reshape(batch, length, config.width))


class FeedForward(nn.Module):
    """Two linear maps with an activation between, at each position alone."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        return self.down(self.activation(self.up(x)))


class Layer(nn.Module):
    """Attention and feed-forward, each added to the stream, with the norm before or after."""

    def __init__(self, config: ModelConfig, positions: Positions, layer: int):
        super().__init__()
        norm = nn.LayerNorm if config.norm == "layer" else nn.RMSNorm
        self.attention, self.feed_forward = Attention(config, positions, layer), FeedForward(config)
        self.attention_norm, self.feed_forward_norm = norm(config.width), norm(config.width)
        self.dropout = Dropout(config.dropout)
        self.pre = config.norm_placement == "pre"

    def forward(  # noqa: D102
        self, x: Tensor, order: Order, cache: LayerCache | None = None, start: int = 0
    ) -> Tensor:
        if self.pre:
            x = x + self.dropout(self.attention(self.attention_norm(x), order, cache, start))
            return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(x + self.dropout(self.attention(x, order, cache, start)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class MusicTransformer(nn.Module):
    """A decoder-only transformer over event tokens.

    Parameters
    ----------
    config : ModelConfig

    References
    ----------
    Huang et al., "Music Transformer: generating music with long-term structure" (2018).
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions: Positions = SCHEMES[config.position](config)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config, self.positions, i) for i in range(config.layers))
        norm = nn.LayerNorm if config.norm == "layer" else nn.RMSNorm
        self.norm = norm(config.width) if config.norm_placement == "pre" else nn.Identity()
        self.head = nn.Linear(config.width, config.vocabulary, bias=False)
        self._initialise()

    def _initialise(self) -> None:
        """Embeddings of unit size, as the sinusoids; every layer adds nothing at first."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
        for layer in self.layers:
            assert isinstance(layer, Layer)
            nn.init.zeros_(layer.attention.out.weight)
            nn.init.zeros_(layer.feed_forward.down.weight)
        nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits of the next token at every position.

        Parameters
        ----------
        tokens : Tensor [shape=(B, T), dtype=int64]
        cache : Cache, optional
            Tokens seen before; these are appended. The first call takes a whole primer (prefill),
            later ones any number of tokens.

        Returns
        -------
        Tensor [shape=(B, T, vocabulary)]
        """
        layers, norm, head = self.layers, self.norm, self.head
        if cache is None:
            start = 0
            x = self.dropout(self.positions.embed(self.embedding(tokens), start))
            order = self.positions.order(start, tokens.shape[1], x)
        else:
            start, cache.length = cache.length, cache.length + tokens.shape[1]
            cache.make_room(cache.length)
            if cache.engine is not None and start > 0 and tokens.shape[1] == 1:
                return cache.engine.step(tokens, start)
            x = self.embedding(tokens)
            x = x if cache.added is None else x + cache.added[start : cache.length]
            order = cache.order.rows(start, cache.length)
            layers, norm, head = cache.parts
        for i, layer in enumerate(layers):
            x = layer(x, order, None if cache is None else cache.layers[i], start)
        return head(norm(x))

    def parameter_count(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device
