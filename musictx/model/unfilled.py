"""Models made without first weights: for those whose weights are loaded, or only counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class unfilled(TorchFunctionMode):
    """A context in which `torch.nn.init` leaves weights as they are: drawing takes longer than loading.

    Parameters
    ----------
    device : str, optional
        Where the weights are. On ``"meta"`` they take no memory. All else is made as ever: in PyTorch's own
        context for that device all is computed there, for which it imports its compiler, as large as itself.

    Examples
    --------
    >>> from musictx import ModelConfig, MusicTransformer
    >>> from musictx.model.unfilled import unfilled
    >>> with unfilled("meta"):
    ...     model = MusicTransformer(ModelConfig(layers=1, width=32))
    """

    def __init__(self, device: str | None = None):
        super().__init__()
        self.device = device

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return given["tensor"] if "tensor" in given else args[0]
        if function is torch.empty and self.device:
            given = {**given, "device": self.device}
        return function(*args, **given)
