"""Modules whose parameters live in one flat array, which compiled code reads and moves."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def live_in(module: nn.Module, flat: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Make a module's parameters views of a flat array that holds them, in order; returns (start, stop) of each.

    Whoever looks at the module sees them as they are now.
    """
    weights, start, spans = torch.from_numpy(flat), 0, []
    for parameter in module.parameters():
        spans.append((start, start + parameter.numel()))
        start += parameter.numel()
        parameter.data = weights[slice(*spans[-1])].view_as(parameter)
    assert start == len(flat)
    return spans
