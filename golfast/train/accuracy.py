"""How much of what a network draws is right."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.model import Network
from golfast.run.precision import Compute
from golfast.train.feed import unpack_bits


class Judge:
    """Validation trajectories, ready on the device."""

    def __init__(self, packed: NDArray[np.uint8], width: int, compute: Compute) -> None:
        """packed: (N, m, H, ceil(width/8)) uint8."""
        self._truth = unpack_bits(torch.from_numpy(packed).to(compute.device), width)
        self._compute = compute

    def imagine(self, network: Network, chosen: slice = slice(None)) -> Tensor:
        """Decoded hidden states of timesteps 1..T of the chosen trajectories: (B, T, H, W) float32."""
        with torch.no_grad(), self._compute.autocast():
            return network.imagine(self._truth[chosen, :1]).float()

    def accuracy(self, network: Network) -> list[float]:
        """For each timestep 1..T, the share of cells that agree with the true state it stands for.

        With as many model as game timesteps that is the state of the same place. With another number it is the last
        state for the last timestep, and for the others the state, of those after the first, that agrees best.
        """
        drawn = self.imagine(network) > 0.5
        alive = self._truth[:, 1:] > 0.5
        timesteps, states = drawn.shape[1], alive.shape[1]
        agreement = torch.stack(
            [
                torch.stack([(drawn[:, t] == alive[:, s]).float().mean() for s in range(states)])
                for t in range(timesteps)
            ]
        )
        best = agreement.diagonal() if timesteps == states else agreement.amax(dim=1)
        values: list[float] = best.tolist()
        values[-1] = float(agreement[-1, -1])
        return values
