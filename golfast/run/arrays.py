"""What others give as arrays: anything that NumPy reads, and tensors of torch wherever they are."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(name: str, given: object) -> NDArray[Any]:
    """`given` as an array. Tensors come from their device and without their gradients; torch is not loaded for it.

    Lists of tensors and arrays are stacked. What NumPy has no type for, such as bfloat16, becomes float32.
    ValueError, with the name, for what is no array.
    """
    try:
        if isinstance(given, list | tuple):
            return np.asarray([_detached(part) for part in given])
        return np.asarray(_detached(given))
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{name} cannot be read as an array: {error}") from None


def _detached(given: object) -> object:
    """A tensor as an array, and anything else as it is."""
    torch = sys.modules.get("torch")  # without it there are no tensors
    if torch is None or not isinstance(given, torch.Tensor):
        return given
    tensor = given.detach()
    tensor = tensor.to_dense() if tensor.layout != torch.strided else tensor
    tensor = tensor.cpu().resolve_conj().resolve_neg()
    try:
        return tensor.numpy()
    except TypeError:
        return tensor.float().numpy()
