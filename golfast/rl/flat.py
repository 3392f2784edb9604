"""A network's weights in one piece, so that a step of the optimiser is one pass over them.

Clipping and Adam or RMSprop take torch some tens of operations, each over all weights, or over each parameter.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from golfast.jit import inlined, kernel
from golfast.rl.config import DescentConfig

_DECAY, _SQUARE_DECAY = 0.9, 0.999  # Adam's betas
_SMOOTHING = 0.99  # RMSprop's alpha
_TINY = 1e-6  # as torch's clip_grad_norm_ has it


class FlatWeights:
    """The parameters of a network on the CPU become views of one vector; so are their gradients, of another."""

    def __init__(self, network: nn.Module, config: DescentConfig) -> None:
        self._config = config
        parameters = list(network.parameters())
        self.weights = torch.cat([_in_order(parameter.detach()).reshape(-1) for parameter in parameters])
        self._gradient = torch.zeros_like(self.weights)
        self._mean, self._square = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self._steps = 0
        self._places: dict[Tensor, int] = {}
        place = 0
        for parameter in parameters:
            self._places[parameter] = place
            parameter.data = self.view(parameter, self.weights)
            place += parameter.numel()

    def view(self, parameter: Tensor, vector: Tensor) -> Tensor:
        """The part of a vector like `weights` that is this parameter's, in its shape."""
        place = self._places[parameter]
        part = vector[place : place + parameter.numel()]
        if parameter.dim() != 4:
            return part.view(parameter.shape)
        outputs, inputs, height, width = parameter.shape  # of a convolution: channels last in memory
        return part.view(outputs, height, width, inputs).permute(0, 3, 1, 2)

    def gradient(self, parameter: Tensor) -> Tensor:
        """Where its gradient is to be written."""
        return self.view(parameter, self._gradient)

    def move(self, rate: float) -> float:
        """Clip the gradient, and move all weights down it; returns its norm before."""
        self._steps += 1
        step = _adam if self._config.name == "adam" else _rmsprop
        norm: float = step(
            self.weights.numpy(), self._gradient.numpy(), self._mean.numpy(), self._square.numpy(), self._steps, rate,
            self._config.epsilon, self._config.clip,
        )  # fmt: skip
        return norm

    def state(self) -> dict[str, Any]:
        """The averages, for a checkpoint."""
        return {"mean": self._mean.clone(), "square": self._square.clone(), "steps": self._steps}

    def load(self, state: dict[str, Any]) -> None:
        """The averages, from a checkpoint; the weights are the network's. ValueError if it has none of this form."""
        if "mean" not in state:
            raise ValueError("it was made on another device or by another version of golfast")
        self._mean.copy_(state["mean"])
        self._square.copy_(state["square"])
        self._steps = state["steps"]


def _in_order(parameter: Tensor) -> Tensor:
    return parameter.permute(0, 2, 3, 1) if parameter.dim() == 4 else parameter


@kernel
def _adam(
    weights: NDArray[np.float32],
    gradient: NDArray[np.float32],
    mean: NDArray[np.float32],
    square: NDArray[np.float32],
    steps: int,
    rate: float,
    epsilon: float,
    clip: float,
) -> float:
    """Kingma and Ba 2015, algorithm 1, after clipping to a norm; returns the norm."""
    norm, scale = _clipped(gradient, clip)
    size = np.float32(rate / (1 - _DECAY**steps))
    correction = np.float32(1 / np.sqrt(1 - _SQUARE_DECAY**steps))
    decay, square_decay, small = np.float32(_DECAY), np.float32(_SQUARE_DECAY), np.float32(epsilon)
    one = np.float32(1)
    for i in range(len(weights)):
        slope = gradient[i] * scale
        mean[i] = decay * mean[i] + (one - decay) * slope
        square[i] = square_decay * square[i] + (one - square_decay) * slope * slope
        weights[i] -= size * mean[i] / (np.sqrt(square[i]) * correction + small)
    return norm


@kernel
def _rmsprop(
    weights: NDArray[np.float32],
    gradient: NDArray[np.float32],
    mean: NDArray[np.float32],
    square: NDArray[np.float32],
    steps: int,
    rate: float,
    epsilon: float,
    clip: float,
) -> float:
    """Hinton's RMSprop as torch has it, after clipping to a norm; returns the norm."""
    norm, scale = _clipped(gradient, clip)
    smoothing, size, small = np.float32(_SMOOTHING), np.float32(rate), np.float32(epsilon)
    one = np.float32(1)
    for i in range(len(weights)):
        slope = gradient[i] * scale
        square[i] = smoothing * square[i] + (one - smoothing) * slope * slope
        weights[i] -= size * slope / (np.sqrt(square[i]) + small)
    return norm


@inlined
def _clipped(gradient: NDArray[np.float32], clip: float) -> tuple[float, np.float32]:
    """The norm, and what to multiply by so that it is at most `clip`."""
    total = 0.0
    for i in range(len(gradient)):
        total += np.float64(gradient[i]) * gradient[i]
    norm = np.sqrt(total)
    return norm, np.float32(min(1.0, clip / (norm + _TINY)) if clip > 0 else 1.0)
