"""What the engines have in common: the weights of some layers, their gradients, and the programs they run."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from golfast.model.compiled.program import Program
from golfast.model.conv import Conv3x3
from golfast.model.network import Decoder


class Layer(NamedTuple):
    """A 3x3 convolution."""

    inputs: int
    outputs: int
    draws: bool
    """Whether it makes pictures: it has one output, and no activation follows."""


class Shape(NamedTuple):
    """What an engine makes room for."""

    layers: Sequence[Layer]
    channels: int
    """Of a hidden state."""
    slope: float
    planes: int
    """Planes of a board, those of gradients included."""
    first_gradient: int
    """The first plane of a gradient, if programs have any."""
    height: int
    width: int


_NO_FLOATS = np.empty((0, 0), np.float32)


class Batch(NamedTuple):
    """What a program is run on, for each of B boards, and what it leaves there."""

    first: NDArray[np.float32]
    """First states, (B, H * W)."""
    last: NDArray[np.float32] = _NO_FLOATS
    """Last states, likewise."""
    scales: NDArray[np.float64] = np.zeros(2)
    """What the squared errors of pictures of the LAST and FIRST state are multiplied by."""
    sums: NDArray[np.float64] = np.zeros(2)
    """Those squared errors, added up, not multiplied."""
    pictures: NDArray[np.float32] = np.empty((0, 0, 0), np.float32)
    """(B, pictures, H * W)."""
    hidden: NDArray[np.uint16] = np.empty((0, 0, 0), np.uint16)
    """Hidden states that are shown to it, (states, C, H * W) bfloat16, the same for all boards."""
    blames: NDArray[np.float32] = _NO_FLOATS
    """The gradients of the pictures, (pictures, H * W), the same for all boards."""


class Engine(ABC):
    """Layers, and what computes with them: forward and back in one compiled call.

    `weights` and `gradients` are flat float32 arrays, the parameters in the order of the modules that have them. The
    arithmetic is that of bfloat16 autocast: products of bfloat16, sums in float32, hidden states kept in bfloat16. One
    engine is for one thread.
    """

    def __init__(self, shape: Shape) -> None:
        """Room for these layers and planes."""
        self.shape = shape
        self.weights = np.zeros(sum(layer.outputs * (9 * layer.inputs + 1) for layer in shape.layers), np.float32)
        self.gradients = np.zeros_like(self.weights)

    def load(self, *modules: nn.Module) -> None:
        """Take the weights of the modules that the layers are of."""
        flat = [p.detach().cpu().reshape(-1) for module in modules for p in module.parameters()]
        self.weights[:] = torch.cat(flat).numpy()

    @abstractmethod
    def pack(self) -> None:
        """Put the weights where the kernels want them, rounded to bfloat16, and make their gradients zero."""

    @abstractmethod
    def unpack(self) -> None:
        """Collect `gradients`."""

    @abstractmethod
    def run(self, program: Program, batch: Batch) -> None:
        """Run a program for each board of a batch; the planes of the last one stay for the next program."""


def layers_of(*modules: nn.Module) -> list[Layer]:
    """The convolutions of networks and decoders, in the order of their parameters."""
    found = []
    for module in modules:
        drawing = {id(part.last) for part in module.modules() if isinstance(part, Decoder)}
        found += [Layer(m.inputs, m.outputs, id(m) in drawing) for m in module.modules() if isinstance(m, Conv3x3)]
    return found
