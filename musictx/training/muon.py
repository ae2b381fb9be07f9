"""Muon: steps of equal size in all directions of a matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from musictx.training.devices import computes_bfloat16
from musictx.training.shards import like

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # steepest at 0 (Jordan)
ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made nearly orthogonal, for the matrices inside the layers.

    The same numbers as `torch.optim.Muon` where the processor computes bfloat16. Elsewhere that class has it
    emulated, which took three quarters of the time of training (AMD EPYC, AVX2 only); here it is float32.

    Parameters
    ----------
    params : iterable of Parameter
        Matrices.
    lr, weight_decay, momentum : float

    References
    ----------
    Jordan et al., "Muon: an optimizer for hidden layers" (2024).
    """

    def __init__(
        self, params: Iterable[nn.Parameter], *, lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Make one step."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                average = state["momentum_buffer"]
                average.lerp_(matrix.grad, 1 - group["momentum"])
                ahead = matrix.grad.lerp(average, group["momentum"])  # Nesterov's
                tall = math.sqrt(max(1.0, matrix.shape[0] / matrix.shape[1]))
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                # What is orthogonal is the whole matrix, never a shard: each device computes all of it.
                step = orthogonalized(ahead.full_tensor() if hasattr(ahead, "full_tensor") else ahead)
                matrix.add_(like(step, matrix), alpha=-group["lr"] * tall)


def orthogonalized(matrix: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """The nearest orthogonal matrix, roughly: singular values become 0.7 to 1.2.

    Parameters
    ----------
    matrix : Tensor [shape=(rows, columns)]
    dtype : torch.dtype, optional
        To compute in; by default bfloat16 where the processor computes it, else float32.

    Returns
    -------
    Tensor [shape=(rows, columns), dtype]
    """
    dtype = dtype or (torch.bfloat16 if computes_bfloat16(matrix.device.type) else torch.float32)
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]  # the smaller product is computed
    x = matrix.T.to(dtype, copy=True) if tall else matrix.to(dtype, copy=True)
    x.div_(x.norm().clamp(min=1e-7))
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
