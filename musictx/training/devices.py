"""What a run is computed on: processors, their precision, their clocks and their random numbers."""

from __future__ import annotations

import atexit
import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from musictx.errors import MusictxError, reason, require
from musictx.model import ModelConfig
from musictx.model.sizes import parameter_count
from musictx.process import memory
from musictx.training_settings import PRECISIONS, TrainingConfig

if TYPE_CHECKING:
    from lightning_fabric import Fabric


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
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(kind, False) for kind in ("avx512_bf16", "amx_bf16", "bf16"))


def open_devices(config: TrainingConfig) -> Fabric:
    """The devices of a run, on all of its machines.

    Raises
    ------
    MusictxError
        They are not there, or another number of processes was started.
    """
    from lightning_fabric import Fabric  # here, since to import it makes a folder for temporary files
    from lightning_fabric.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
    from lightning_fabric.strategies import ModelParallelStrategy
    from lightning_fabric.utilities.exceptions import MisconfigurationException

    from musictx.training.shards import shard

    accelerator, devices, nodes = config.accelerator, config.devices, config.nodes
    if accelerator == "auto" and torch.backends.mps.is_available():  # nothing was tried on Apple's GPUs
        accelerator = "cpu"
    precision: Any = choose_precision(config.precision, accelerator)
    try:
        fabric = Fabric(
            accelerator=accelerator,
            strategy=ModelParallelStrategy(shard) if config.strategy == "fsdp" else config.strategy,
            devices=devices,
            num_nodes=nodes,
            precision=precision,
        )
        launchers = [kind() for kind in (TorchElasticEnvironment, SLURMEnvironment) if kind.detect()]
    except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
        raise MusictxError(f"devices {devices} ({accelerator}): {reason(error)}") from error
    wanted = nodes * getattr(fabric.strategy, "num_processes", 1)
    if launchers and launchers[0].world_size() != wanted:
        raise MusictxError(
            f"{launchers[0].world_size()} processes were started, but nodes {nodes} times devices "
            f"{devices} is {wanted}; give --nodes the machines and --devices the processes of each one"
        )
    if nodes > 1 and not launchers:
        raise MusictxError(
            f"nodes is {nodes}, but only one process was started: let torchrun start the command on "
            "each machine, or srun on all of them"
        )
    return fabric


@contextmanager
def together(fabric: Fabric) -> Iterator[None]:
    """Launch the processes; say in words that memory is used up, or that they have lost each other.

    Raises
    ------
    MusictxError
        What one device computes alone goes on to raise what it raises.
    """
    try:
        fabric.launch()
        atexit.unregister(_part)
        atexit.register(_part)
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise MusictxError("out of memory: give a smaller --micro-batch, --batch or --context") from error
        if fabric.world_size == 1:
            raise
        said = re.sub(r"^\[\S+\] ", "", reason(error)).partition(". ")[0]
        raise MusictxError(
            f"process {fabric.global_rank + 1} of {fabric.world_size} cannot go on: {said}. If another one "
            "was lost, start all of them again with --resume: they go on from the last state"
        ) from error


def _part() -> None:
    """End the connection of the processes, and its threads.

    Gloo's threads hold the tensors of the last exchange. Where one lets go of them after Python has ended,
    which happens on a busy machine, it aborts the process (PyTorch 2.13).
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        gc.collect()  # the model that was trained holds them as well


def refuse_too_large(config: ModelConfig, shares: int = 1) -> None:
    """Say that a model is too large to be trained here, before its memory is taken; `shares`: machines.

    Raises
    ------
    MusictxError
        Weights, gradients and the optimiser's two averages alone take more memory than the machine has.
    """
    count, there = parameter_count(config), memory()
    needed = max(4 * count, 16 * count // shares)
    if needed > there:
        raise MusictxError(
            f"a model of {count:,} parameters takes more than {needed >> 30:,} GB to train; "
            f"there are {there / 2**30:,.0f} GB. Choose a smaller size or context"
        )


def share_batch(rows: int, devices: int, micro_batch: int | None) -> tuple[int, int]:
    """Rows of a batch that each device gets, and how many of them it computes at once.

    Raises
    ------
    MusictxError
        They cannot be shared in equal parts.
    """
    share = rows // devices
    micro = min(micro_batch or share, share)
    if share * devices != rows or share % micro:
        raise MusictxError(
            f"a batch of {rows} windows cannot be shared by {devices} process(es) in micro-batches of {micro}"
        )
    return share, micro


def agree(fabric: Fabric, *numbers: float) -> list[float]:
    """The largest of each number over all devices, so that all of them save and stop at the same step."""
    if fabric.world_size == 1:
        return list(numbers)
    theirs = torch.tensor(numbers, dtype=torch.float64, device=fabric.device)
    return fabric.all_reduce(theirs, reduce_op="max").tolist()  # type: ignore[union-attr]


def random_states(fabric: Fabric) -> dict[str, Tensor | None]:
    """The random states of all devices, since each one draws its own dropout."""
    on_cuda = fabric.device.type == "cuda"
    return {
        "random": fabric.all_gather(torch.get_rng_state()),  # type: ignore[dict-item]
        "cuda_random": fabric.all_gather(torch.cuda.get_rng_state()) if on_cuda else None,  # type: ignore
    }


def set_random_states(fabric: Fabric, state: dict[str, Any]) -> None:
    """Go on with the random numbers of a state that `random_states` is part of.

    A device that had none then keeps those that its seed gave it.
    """

    def own(states: Tensor) -> Tensor | None:
        """This device's; a copy, since PyTorch reads it by its address."""
        states = states.view(-1, states.shape[-1])
        return states[fabric.global_rank].cpu().clone() if fabric.global_rank < len(states) else None

    if (mine := own(state["random"])) is not None:
        torch.set_rng_state(mine)
    on_cuda = state["cuda_random"] is not None and fabric.device.type == "cuda"
    if on_cuda and (mine := own(state["cuda_random"])) is not None:
        torch.cuda.set_rng_state(mine)
