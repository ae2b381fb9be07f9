"""Weights in shards over all devices (FSDP), for models that do not fit one: whole for a file, and back.

PyTorch's packages for it are imported where they are used: they take as long as all the rest of PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.utils._pytree import tree_map

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh


def shard(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Spread a model over all devices; each gathers a layer's weights while it computes with them."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    everywhere = init_device_mesh(mesh.device_type, (mesh.size(),))
    for layer in model.get_submodule("layers").children():
        fully_shard(layer, mesh=everywhere)
    fully_shard(model, mesh=everywhere)
    return model


def gathered(tree: Any, keep: bool = True) -> Any:
    """Whole tensors on the CPU in the place of shards, which all devices take part in.

    Parameters
    ----------
    tree : Tensor, or dict or list of such
        Tensors that are no shards stay as they are.
    keep : bool
        Whether this device wants them; without it, None is in their place.
    """

    def whole(value: Any) -> Any:
        if not hasattr(value, "full_tensor"):
            return value
        full = value.full_tensor()  # one at a time: all of them may be more than a device holds
        return full.cpu() if keep else None

    return tree_map(whole, tree)


def like(value: Any, place: Any) -> Any:
    """This device's part of a whole tensor, if what it takes the place of is in shards."""
    if not hasattr(place, "full_tensor") or getattr(value, "shape", None) != place.shape:
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value.to(place.device), place.device_mesh, place.placements, src_data_rank=None)
