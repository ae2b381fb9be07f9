"""What a run is computed on: processors, their precision, their clocks and their random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from musictx.errors import MusictxError, require
from musictx.model import ModelConfig
from musictx.model.sizes import parameter_count
from musictx.process import memory

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PRECISIONS = ("auto", "32-true", "bf16-mixed")


def choose_precision(wanted: str, accelerator: str = "auto") -> str:
    """``"auto"``: bfloat16 autocast where the processor computes it, else float32."""
    require(wanted in PRECISIONS, "precision", wanted, f"be one of {', '.join(PRECISIONS)}")
    if wanted != "auto":
        return wanted
    on_gpu = torch.cuda.is_available() and accelerator in ("auto", "cuda", "gpu")
    return "bf16-mixed" if computes_bfloat16("cuda" if on_gpu else "cpu") else "32-true"


def computes_bfloat16(device: str) -> bool:
    """Whether a device ("cpu", "cuda") computes bfloat16 itself; where it is emulated, float32 is faster."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(kind, False) for kind in ("avx512_bf16", "amx_bf16", "bf16"))


def open_devices(accelerator: str, devices: int | str, precision: str) -> Fabric:
    """The devices of a run.

    Raises
    ------
    MusictxError
        They are not there.
    """
    from lightning_fabric import Fabric  # here, since to import it makes a folder for temporary files

    chosen: Any = choose_precision(precision, accelerator)
    try:
        return Fabric(accelerator=accelerator, devices=devices, precision=chosen)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MusictxError(f"devices {devices} ({accelerator}): {reason}") from error


def refuse_too_large(config: ModelConfig) -> None:
    """Say that a model is too large to be trained here, before its memory is taken.

    Raises
    ------
    MusictxError
        Weights, gradients and the optimiser's two averages alone take more memory than the machine has.
    """
    count, there = parameter_count(config), memory()
    if 16 * count > there:
        raise MusictxError(
            f"a model of {count:,} parameters takes more than {16 * count >> 30:,} GB to train; "
            f"there are {there / 2**30:,.0f} GB. Choose a smaller size or context"
        )


def agree(fabric: Fabric, seconds: float) -> float:
    """The first device's clock, so that all devices stop at the same step."""
    return seconds if fabric.world_size == 1 else float(fabric.broadcast(seconds))


def random_states(fabric: Fabric) -> dict[str, Tensor | None]:
    """The random states of all devices, since each one draws its own dropout."""
    on_cuda = fabric.device.type == "cuda"
    return {
        "random": fabric.all_gather(torch.get_rng_state()),  # type: ignore[dict-item]
        "cuda_random": fabric.all_gather(torch.cuda.get_rng_state()) if on_cuda else None,  # type: ignore
    }


def set_random_states(fabric: Fabric, state: dict[str, Any]) -> None:
    """Go on with the random numbers of a state that `random_states` is part of."""

    def own(states: Tensor) -> Tensor:
        """This device's; a copy, since PyTorch reads it by its address."""
        mine = states[fabric.global_rank % len(states)] if states.ndim == 2 else states
        return mine.cpu().clone()

    torch.set_rng_state(own(state["random"]))
    if state["cuda_random"] is not None and fabric.device.type == "cuda":
        torch.cuda.set_rng_state(own(state["cuda_random"]))
