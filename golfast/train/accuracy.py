"""How much of what a network draws is right."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.run.precision import Compute
from golfast.train.feed import unpack_bits


class Imagines(Protocol):
    """A network, or what computes for one."""

    def imagine(self, first: Tensor) -> Tensor:
        """First states (B, 1, H, W) to decoded hidden states of timesteps 1..T: (B, T, H, W)."""


class Judge:
    """Validation trajectories, ready on the device."""

    def __init__(self, packed: NDArray[np.uint8], width: int, compute: Compute) -> None:
        """packed: (N, m, H, ceil(width/8)) uint8."""
        self._truth = unpack_bits(torch.from_numpy(packed).to(compute.device), width)
        self._compute = compute
        self.living = float(self._truth[:, -1].mean())
        """Share of living cells in the last states: the squared error of predicting empty boards."""

    def imagine(self, network: Imagines, chosen: slice = slice(None)) -> Tensor:
        """Decoded hidden states of timesteps 1..T of the chosen trajectories: (B, T, H, W) float32."""
        with torch.no_grad(), self._compute.autocast():
            return network.imagine(self._truth[chosen, :1]).float()

    def look(self, network: Imagines) -> tuple[list[float], float]:
        """The accuracy of each state s_2..s_m, and the living cells of the predicted last states per true one.

        Accuracy is the share of cells that are right where the network draws that state. The last state is what the
        last timestep draws. With as many model as game timesteps, timestep i stands for state s_{i+1}. With another
        number no timestep stands for a state by itself, so a state in between has the accuracy of the timestep before
        the last that draws it best; boards change little from state to state, so half-right pictures score well, but
        98% is rarely had by accident.
        """
        drawn = self.imagine(network) > 0.5
        alive = self._truth[:, 1:] > 0.5
        timesteps, states = drawn.shape[1], alive.shape[1]
        accuracy = []
        for state in range(states):
            if state == states - 1:
                standing = [timesteps - 1]
            elif timesteps == states:
                standing = [state]
            else:
                standing = list(range(timesteps - 1)) or [0]
            accuracy.append(max(float((drawn[:, t] == alive[:, state]).float().mean()) for t in standing))
        living = float(drawn[:, -1].sum() / alive[:, -1].sum().clamp(min=1))
        return accuracy, living
