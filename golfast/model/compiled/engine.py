"""What the engines have in common: a network's weights, their gradients, and the calls that compute them."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.model.compiled.program import Program, Writer
from golfast.model.config import ModelConfig
from golfast.model.conv import Conv3x3
from golfast.model.network import Network


class Batch(NamedTuple):
    """What a program is run on, and what it leaves: shapes as in `run` of `amx` and `avx512`."""

    first: NDArray[np.float32]
    last: NDArray[np.float32]
    scales: NDArray[np.float64]
    sums: NDArray[np.float64]
    pictures: NDArray[np.float32]


class Engine(ABC):
    """The weights of a network, their gradients, and what computes these: forward and back in one compiled call.

    `weights` and `gradients` are flat float32 arrays, the parameters in the order of `Network.parameters()`. The
    arithmetic is that of bfloat16 autocast: products of bfloat16, sums in float32, hidden states kept in bfloat16.
    One engine is for one thread.
    """

    def __init__(self, config: ModelConfig, height: int, width: int) -> None:
        """Room for a network of this config on boards of this size."""
        self.config, self.size = config, (height, width)
        with torch.device("meta"):
            self.layers = [(m.inputs, m.outputs) for m in Network(config).modules() if isinstance(m, Conv3x3)]
        self.writer = Writer(config)
        self._imagining = self.writer.imagining()
        self._learning = {autoencoder: self.writer.learning(autoencoder) for autoencoder in (False, True)}
        self.weights = np.zeros(sum(outputs * (9 * inputs + 1) for inputs, outputs in self.layers), np.float32)
        self.gradients = np.zeros_like(self.weights)

    def load(self, network: Network) -> None:
        """Take the weights of a network."""
        self.weights[:] = torch.cat([p.detach().cpu().reshape(-1) for p in network.parameters()]).numpy()

    def gradient(self, first: Tensor, last: Tensor, *, autoencoder: bool) -> float:
        """The loss of a batch, and its gradient in `gradients`.

        first, last: (B, 1, H, W) float32 on the CPU. The loss is the mean squared error of the predicted last state,
        with `autoencoder` averaged with that of the first state recreated.
        """
        scales = np.array([0.5, 0.5] if autoencoder else [1.0, 0.0]) / first.numel()
        sums = np.zeros(2)
        self._pack()
        nothing = np.empty((0, 0, 0), np.float32)
        self._run(self._learning[autoencoder], Batch(_flat(first), _flat(last), scales, sums, nothing))
        self._unpack()
        return float(scales @ sums)

    def imagine(self, first: Tensor) -> Tensor:
        """As `Network.imagine`: (B, 1, H, W) float32 to (B, T, H, W) float32."""
        pictures, cells = torch.empty(len(first), self.config.timesteps, *self.size), _flat(first)
        self._pack()
        scales = sums = np.zeros(2)
        self._run(self._imagining, Batch(cells, cells, scales, sums, pictures.flatten(2).numpy()))
        return pictures

    @abstractmethod
    def _pack(self) -> None:
        """Put the weights where the kernels want them, rounded to bfloat16, and make their gradients zero."""

    @abstractmethod
    def _unpack(self) -> None:
        """Collect `gradients`."""

    @abstractmethod
    def _run(self, program: Program, batch: Batch) -> None:
        """Run a program for each board of a batch."""


def _flat(states: Tensor) -> NDArray[np.float32]:
    cells: NDArray[np.float32] = states.flatten(1).contiguous().numpy()
    return cells
