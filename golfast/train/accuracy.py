"""How much of what a network draws is right."""

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.run.precision import Compute
from golfast.train.feed import unpack_bits

MATCHES = 0.95
"""Of its cells that a picture must share with a state to be that state."""


class Imagines(Protocol):
    """A network, or what computes for one."""

    def imagine(self, first: Tensor) -> Tensor:
        """First states (B, 1, H, W) to decoded hidden states of timesteps 1..T: (B, T, H, W)."""


class Score(NamedTuple):
    """How good a network is on validation data.

    Accuracy is the share of cells that are right where the network draws a state. The last state is what the last
    timestep draws. With as many model as game timesteps, timestep i stands for state s_{i+1}. With another number no
    timestep stands for a state by itself, so a state in between has the accuracy of the timestep before the last that
    draws it best; boards change little from state to state, so half-right pictures score well, but 98% is rarely had by
    accident.
    """

    accuracy: list[float]
    """Of each state s_2..s_m."""
    living: float
    """Living cells of the predicted last states per true one."""
    imagined: float | None
    """Of the pictures that timesteps before the last draw, the share that agrees with some true state in between in 95%
    of its cells: the paper's metric but for pictures that share a state. None where nothing is between."""


class Judge:
    """Validation trajectories, ready on the device."""

    def __init__(self, packed: NDArray[np.uint8], width: int, compute: Compute) -> None:
        """packed: (N, m, H, ceil(width/8)) uint8."""
        self.truth = unpack_bits(torch.from_numpy(packed).to(compute.device), width)
        """(N, m, H, W) float32 0/1, on the device."""
        self._compute = compute
        self.living = float(self.truth[:, -1].mean())
        """Share of living cells in the last states: the squared error of predicting empty boards."""
        cells = np.unpackbits(packed, axis=-1, count=width)
        most = int((cells[:, 1:] != cells[:, :-1]).sum(axis=(1, 2, 3)).argmax())
        self.liveliest = slice(most, most + 1)
        """The trajectory that changes most; a settled board would show nothing."""
        self.shown = cells[most]
        """Its states, (m, H, W) uint8 0/1."""

    def imagine(self, network: Imagines, chosen: slice = slice(None)) -> Tensor:
        """Decoded hidden states of timesteps 1..T of the chosen trajectories: (B, T, H, W) float32."""
        with torch.no_grad(), self._compute.autocast():
            return network.imagine(self.truth[chosen, :1]).float()

    def look(self, network: Imagines) -> Score:
        """How good a network is."""
        return self.score(self.imagine(network).unsqueeze(0))[0]

    def score(self, drawn: Tensor) -> list[Score]:
        """How good what n networks draw of all trajectories is, (n, N, T, H, W) float32: waits for the device once."""
        alive, drawn = self.truth[:, 1:] > 0.5, drawn > 0.5
        timesteps, states = drawn.shape[2], alive.shape[1]
        defined, cells = timesteps > 1 and states > 1, alive.shape[-2] * alive.shape[-1]
        right, matched = [], [torch.zeros(len(drawn), device=drawn.device)]
        for t in range(timesteps):
            same = drawn[:, :, t, None] == alive
            right.append(same.float().mean((1, 3, 4)))
            if defined and t < timesteps - 1:
                enough = same[:, :, :-1].sum((3, 4)) >= MATCHES * cells - 1e-6
                matched.append(enough.any(2).float().mean(1) / (timesteps - 1))
        living = drawn[:, :, -1].sum((1, 2, 3)) / alive[:, -1].sum().clamp(min=1)
        beside = torch.stack([living, torch.stack(matched).sum(0)], dim=1)
        table = torch.cat([torch.stack(right, dim=1).flatten(1), beside], dim=1).tolist()
        found = []
        for *shares, share, imagined in table:
            accuracy = []
            for state in range(states):
                if state == states - 1:
                    standing = [timesteps - 1]
                elif timesteps == states:
                    standing = [state]
                else:
                    standing = list(range(timesteps - 1)) or [0]
                accuracy.append(max(shares[t * states + state] for t in standing))
            found.append(Score(accuracy, share, imagined if defined else None))
        return found


def greys(drawn: Tensor) -> NDArray[np.uint8]:
    """What was drawn, as greys 0..255."""
    return drawn.clamp(0, 1).mul(255).round().to(torch.uint8).cpu().numpy()
