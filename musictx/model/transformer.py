"""``MusicTransformer``: a decoder-only transformer, its position scheme a setting."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from musictx.model.attention import attend
from musictx.model.config import ModelConfig
from musictx.model.layers import ACTIVATIONS, Dropout
from musictx.model.positions import Positions, PositionTerms, apply_rope, find_scheme


class Memory(Protocol):
    """Keys and values that a layer's attention has seen before; `musictx.sampling.cache` has one."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor, start: int, **options: Any) -> Tensor:
        """Remember keys and values from position `start` on, and attend to all so far.

        Parameters and result otherwise as `musictx.model.attention.attend`.
        """


class Attention(nn.Module):
    """Causal multi-head self-attention; order enters through the position scheme."""

    def __init__(self, config: ModelConfig, positions: Positions, layer: int):
        super().__init__()
        self.config, self.layer = config, layer
        self.positions = (positions,)  # in a tuple: shared by all layers, registered once by the model
        d = config.head_width
        self.qkv = nn.Linear(config.width, 3 * config.heads * d, bias=False)
        self.out = nn.Linear(config.heads * d, config.width, bias=False)

    def forward(self, x: Tensor, terms: PositionTerms, memory: Memory | None = None) -> Tensor:
        """Attend from each position of `x` [shape=(B, T, width)] to those before it."""
        config, (positions,) = self.config, self.positions
        batch, length, _ = x.shape
        heads = self.qkv(x).view(batch, length, -1, config.head_width).transpose(1, 2)
        turned, v = heads.split([2 * config.heads, config.heads], 1)
        q, k = apply_rope(turned, terms.rope_cos_sin).chunk(2, 1)
        options: dict[str, Any] = {
            "table": positions.table(self.layer),
            "bias": terms.bias,
            "window": config.window,
        }
        y = attend(q, k, v, **options) if memory is None else memory.attend(q, k, v, terms.start, **options)
        return self.out(y.transpose(1, 2).reshape(batch, length, -1))


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
    """Attention and feed-forward, each with a norm before it and added to the stream."""

    def __init__(self, config: ModelConfig, positions: Positions, layer: int):
        super().__init__()
        norm = nn.LayerNorm if config.norm == "layer" else nn.RMSNorm
        self.attention, self.feed_forward = Attention(config, positions, layer), FeedForward(config)
        self.attention_norm, self.feed_forward_norm = norm(config.width), norm(config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, terms: PositionTerms, memory: Memory | None = None) -> Tensor:  # noqa: D102
        x = x + self.dropout(self.attention(self.attention_norm(x), terms, memory))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class MusicTransformer(nn.Module):
    """A decoder-only transformer over event tokens.

    Parameters
    ----------
    config : ModelConfig

    Attributes
    ----------
    card : dict
        What the model is and where it comes from, if it was loaded.

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
        self.config, self.card = config, dict[str, Any]()
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.positions = find_scheme(config.position)(config)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config, self.positions, i) for i in range(config.layers))
        norm = nn.LayerNorm if config.norm == "layer" else nn.RMSNorm
        self.norm = norm(config.width)
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

    def forward(self, tokens: Tensor, start: int = 0) -> Tensor:
        """Logits of the next token at every position.

        Parameters
        ----------
        tokens : Tensor [shape=(B, T), dtype=int64]
            All that the model knows.
        start : int
            Position of the first of them.

        Returns
        -------
        Tensor [shape=(B, T, vocabulary)]
        """
        return self.logits(tokens, self.positions.terms(start, start + tokens.shape[1]))

    def logits(self, tokens: Tensor, terms: PositionTerms, memories: Sequence[Memory] = ()) -> Tensor:
        """What `forward` returns, after other tokens that the layers' memories hold.

        Parameters
        ----------
        tokens : Tensor [shape=(B, T), dtype=int64]
        terms : PositionTerms
            Of these tokens.
        memories : sequence of Memory
            One of each layer, or none.
        """
        x = self.embedding(tokens)
        x = self.dropout(x if terms.absolute is None else x + terms.absolute)
        for i, layer in enumerate(self.layers):
            x = layer(x, terms, memories[i] if memories else None)
        return self.head(self.norm(x))

    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str],
        *,
        device: str | torch.device = "cpu",
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **overrides: Any,
    ) -> MusicTransformer:
        """Load a model from a folder, or from the Hugging Face Hub.

        Parameters
        ----------
        name : str or path
            A checkpoint folder, a shipped model, or else the name of a repository on the Hub.
        device : str or torch.device
        revision, cache_dir, force_download, local_files_only, token
            Which version of the repository, where it is kept on this machine, and how it is had: as in
            huggingface_hub. They mean nothing to a folder.
        **overrides
            As for `musictx.load_model`.

        Returns
        -------
        MusicTransformer
            In float32 and evaluation mode.

        Raises
        ------
        MusictxError
            There is no such model, or its files are damaged; or it is on the Hub, and there is no network,
            or huggingface_hub is not installed (``pip install 'musictx[hub]'``).

        Examples
        --------
        >>> from musictx import MusicTransformer
        >>> MusicTransformer.from_pretrained("relative").card["licence"]
        'CC BY-NC-SA 4.0'
        """
        options = {
            "revision": revision,
            "cache_dir": cache_dir,
            "force_download": force_download,
            "local_files_only": local_files_only,
            "token": token,
        }
        return _hub().from_pretrained(name, device=device, hub_options=options, **overrides)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write the model as a folder that `from_pretrained` takes: its files, and its card as a README.

        Parameters
        ----------
        folder : path
            What it holds by these names is written over; an earlier README stays.

        Examples
        --------
        >>> from musictx import ModelConfig, MusicTransformer
        >>> MusicTransformer(ModelConfig(layers=1, width=32)).save_pretrained("my-model")
        >>> MusicTransformer.from_pretrained("my-model").config.width
        32
        """
        _hub().save_pretrained(self, folder)

    def push_to_hub(self, repository: str, **options: Any) -> str:
        """Upload the model to the Hugging Face Hub: its files, and its card as a README.

        Parameters
        ----------
        repository : str
            Such as ``USER/NAME``; it is made if it is not there.
        **options
            ``private``, ``token``, ``commit_message``, ``branch``, ``create_pr``, … as in huggingface_hub.

        Returns
        -------
        str
            Address of the commit.

        Raises
        ------
        MusictxError
            There is no network, the Hub refuses, or huggingface_hub is not installed.
        """
        return _hub().push_to_hub(self, repository, **options)


def _hub() -> Any:
    """What takes models from the Hub and to it. It stands on the model, and is imported when it is used."""
    return importlib.import_module("musictx.export.hub")
