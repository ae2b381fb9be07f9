"""``MusicTransformer``: a decoder-only transformer, its position scheme a setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from musictx.model.attention import attend, attend_cached
from musictx.model.config import ModelConfig
from musictx.model.positions import SCHEMES, Order, Positions, rotate

if TYPE_CHECKING:
    from musictx.sampling.cache import Cache, LayerCache


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


def _swiglu(x: Tensor) -> Tensor:
    gate, value = x.chunk(2, -1)
    return F.silu(gate) * value


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "relu": torch.relu,
    "relu_squared": _ReluSquared.apply,
    "swiglu": _swiglu,
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
    """Two linear maps with an activation between, at each position alone.

    SwiGLU (Shazeer 2020) is gated: it maps up twice, and is narrower, so that it has as many weights.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        gated = config.activation == "swiglu"
        inner = round(2 * config.feed_forward / 3) if gated else config.feed_forward
        self.up = nn.Linear(config.width, 2 * inner if gated else inner, bias=False)
        self.down = nn.Linear(inner, config.width, bias=False)
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

    Examples
    --------
    >>> import torch
    >>> from musictx import ModelConfig, MusicTransformer
    >>> model = MusicTransformer(ModelConfig(layers=1, width=32)).eval()
    >>> model(torch.tensor([[389, 375, 60]])).shape  # one row of logits per token
    torch.Size([1, 3, 391])
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
