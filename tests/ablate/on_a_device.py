"""Trials on a device that is not the CPU, emulated: tensors there wrap the CPU's, and may not meet others.

What a GPU refuses is refused here: an operation on tensors of both devices, and reading a tensor's values without
copying it to the CPU. Prints how each trial ended as JSON. A process of its own, for torch takes a device for good.
"""

import json
import tempfile
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from golfast.ablate import trial
from golfast.data import Recipe
from golfast.model import ModelConfig
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute
from golfast.train import TrainConfig


class Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self):
        return [torch.bfloat16, torch.float16, torch.float32]


_setup_privateuseone_for_python_backend("emulated", backend_module=Backend())
DEVICE = torch.device("emulated:0")
ACROSS = {"aten::copy_", "aten::_to_copy", "aten::index.Tensor", "aten::index_put_", "aten::_index_put_impl_"}
VALUES = {"aten::_local_scalar_dense", "aten::equal"}


class There(torch.Tensor):
    @staticmethod
    def __new__(cls, here):
        about = {"strides": here.stride(), "storage_offset": here.storage_offset(), "dtype": here.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, here.size(), device=DEVICE, **about)
        made.here = here
        return made

    def tolist(self):
        return self.here.tolist()

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return run(operation, args, kwargs or {})


def here(value):
    return value.here if isinstance(value, There) else value


def run(operation, args, kwargs):
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, There)]
    others = [tensor for tensor in tensors if not isinstance(tensor, There) and tensor.dim()]
    wanted, name = kwargs.get("device"), operation.name()
    if there and others and name not in ACROSS:
        raise RuntimeError(f"{name} of tensors on two devices")
    result = operation(*tree_map(here, args), **tree_map(here, kwargs | ({"device": "cpu"} if wanted else {})))
    if name == "aten::copy_":
        return args[0]
    stays = torch.device(wanted).type == DEVICE.type if wanted else bool(there) and name not in VALUES
    same = {id(tensor.here): tensor for tensor in there}  # what was written in place is itself

    def moved(value):
        if not isinstance(value, torch.Tensor):
            return value
        return same[id(value)] if id(value) in same else There(value)

    return tree_map(moved, result) if stays else result


class Emulation(TorchDispatchMode):
    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        wanted = (kwargs or {}).get("device")
        if wanted is not None and torch.device(wanted).type == DEVICE.type:
            return run(operation, args, kwargs)
        return operation(*args, **(kwargs or {}))


def empty(size, *strides, dtype=None, **about):
    return There(torch.empty_strided(size, *strides, dtype=dtype) if strides else torch.empty(size, dtype=dtype))


def copied(source, target, non_blocking=False):
    here(target).copy_(here(source))
    return target


library = torch.library.Library("aten", "IMPL")
library.impl("empty_strided", empty, "PrivateUse1")
library.impl("empty.memory_format", empty, "PrivateUse1")
library.impl("_copy_from", copied, "PrivateUse1")


CONFIG = TrainConfig(
    batch=8,
    steps=40,
    stop=2.0,
    evaluate_every=10,
    evaluate_near=10,
    evaluate_on=16,
    checkpoint_every=20,
    precision="fp32",
    data=Recipe(count=100, height=9, width=11, generations=3),
    model=ModelConfig(timesteps=3, channels=6, core_layers=2),
)
STAGES = {
    "adversarial": {"on": True, "steps": 20, "alone": 5, "pool": 50, "batch": 8},
    "probes": {"on": True, "steps": 10, "pool": 50},
}


def figures(engine, layers, device):
    """What a trial comes to on a device."""
    compute = Compute(device, torch.float32)
    trial.choose_compute = lambda name, precision: compute
    changes = {f"{table}.{key}": value for table, keys in STAGES.items() for key, value in keys.items()}
    config = override(CONFIG, {"engine": engine, **changes, "probes.layers": layers})
    with tempfile.TemporaryDirectory() as folder, Emulation():
        result = trial.run_trial(config, RunFolder(Path(folder) / "run"), sequences=50)
    return [result[stage]["agreement"] for stage in ("adversarial", "probes")] + [result["agreement"]]


cases = [("stacked", 1), ("torch", 2)]
print(json.dumps([[figures(*case, device) for device in (DEVICE, torch.device("cpu"))] for case in cases]))
