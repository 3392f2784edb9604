"""Weights on disk, in safetensors, a format that holds numbers and executes nothing; with a digest of the numbers."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from golfast.errors import Failure, printable
from golfast.run.untrusted import check_regular

_DIGEST = "sha256"


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's weights to `path`, in place of what is there."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    path.write_bytes(save(tensors, {_DIGEST: _digest(tensors)}))


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill a module, which may be on the meta device, with weights from `path`.

    Failure if the file is damaged, or holds another module's weights, or any that are no finite numbers. A file without
    a digest, which others may have written, is taken as it is.
    """
    check_regular(path)
    try:
        with safe_open(path, framework="pt") as file:
            # Copies: what the file is changed to while they are used must not reach them.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  it is no mapping
            digest = (file.metadata() or {}).get(_DIGEST)
    except OSError as error:
        raise Failure(f"{path} cannot be read as a file ({error.strerror or error})") from None
    except SafetensorError as error:
        raise Failure(
            f"{path} is not a whole safetensors file ({printable(str(error), most=200)}); train again"
        ) from None
    expected = {name: (tuple(tensor.shape), _kind(tensor)) for name, tensor in module.state_dict().items()}
    found = {name: (tuple(tensor.shape), _kind(tensor)) for name, tensor in tensors.items()}
    if found != expected:
        wrong = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
        raise Failure(
            f"{path} holds the weights of another network: {printable(', '.join(wrong[:3]), most=200)} differ from the "
            "config"
        )
    if digest not in (None, _digest(tensors)):
        raise Failure(f"{path} is damaged: its numbers are not those that were written; train again")
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise Failure(f"{path} holds weights that are no numbers: the training that left them has diverged")
    dtypes = {name: tensor.dtype for name, tensor in module.state_dict().items()}
    assign = any(tensor.is_meta for tensor in module.state_dict().values())
    module.load_state_dict({name: tensor.to(dtypes[name]) for name, tensor in tensors.items()}, assign=assign)


def _digest(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of all numbers, in the order of their names."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(tensors[name].contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _kind(tensor: Tensor) -> object:
    """What a weight's dtype must agree in: numbers of 16 bits and more mean the same in another width."""
    return "float" if tensor.is_floating_point() and tensor.itemsize > 1 else tensor.dtype
