"""Moving the weights: by autograd and torch's optimisers, or, for an MLP on a CPU, by hand.

An MLP's backward pass is two matrix products a layer. Written out, on weights and gradients that lie in one piece each,
an update takes a few dozen operations where autograd, clipping and the optimiser take some two hundred; for a network
of a few thousand weights that is most of the time.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam, Optimizer, RMSprop

from golfast.jit import inlined, kernel
from golfast.rl.config import DescentConfig
from golfast.rl.network import ActorCritic
from golfast.rl.sparse import is_sparse, outer, product
from golfast.run.precision import Compute

_DECAY, _SQUARE_DECAY = 0.9, 0.999  # Adam's betas
_SMOOTHING = 0.99  # RMSprop's alpha
_TINY = 1e-6  # as torch's clip_grad_norm_ has it


class Descent(ABC):
    """Runs a network forward, and moves its weights down a gradient that is known at its outputs."""

    @abstractmethod
    def forward(self, observations: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Logits (B, actions) and values (B,) of observations (B, *shape), float32 on the CPU; kept for `step`."""

    @abstractmethod
    def step(self, at_logits: Tensor, at_values: Tensor, rate: float) -> float:
        """Move by the gradients at the first b rows of the last `forward`; returns their norm before clipping."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """For a checkpoint."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """From a checkpoint; the network's weights are loaded on their own."""


class Autograd(Descent):
    """Any network's."""

    def __init__(self, network: ActorCritic, config: DescentConfig, compute: Compute) -> None:
        self._network, self._config, self._compute = network, config, compute
        self._parameters = list(network.parameters())
        self._optimiser: Optimizer
        if config.name == "adam":
            self._optimiser = Adam(self._parameters, lr=config.lr, eps=config.epsilon, fused=True)
        else:
            self._optimiser = RMSprop(
                self._parameters, lr=config.lr, alpha=_SMOOTHING, eps=config.epsilon, foreach=True
            )
        self._outputs: tuple[Tensor, Tensor] | None = None

    def forward(self, observations: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Logits and values, with their graph."""
        with self._compute.autocast():
            logits, values = self._network(torch.from_numpy(observations).to(self._compute.device))
        self._outputs = logits, values
        return logits.detach().cpu(), values.detach().cpu()

    def step(self, at_logits: Tensor, at_values: Tensor, rate: float) -> float:
        """Backward through the graph, clip, and let the optimiser step."""
        assert self._outputs is not None
        outputs = [output[: len(at_values)] for output in self._outputs]
        self._outputs = None
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(outputs, [gradient.to(self._compute.device) for gradient in (at_logits, at_values)])
        norm = nn.utils.clip_grad_norm_(self._parameters, self._config.clip or float("inf"), foreach=True)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.step()
        return float(norm)

    def state(self) -> dict[str, Any]:
        """The optimiser's."""
        return self._optimiser.state_dict()

    def load(self, state: dict[str, Any]) -> None:
        """The optimiser's."""
        self._optimiser.load_state_dict(state)


class ByHand(Descent):
    """An MLP's, on a CPU. The network's parameters become views of one vector of weights."""

    def __init__(self, network: ActorCritic, config: DescentConfig) -> None:
        self._network, self._config = network, config
        parameters = list(network.parameters())
        self._weights = torch.cat([p.detach().reshape(-1) for p in parameters])
        self._gradient = torch.zeros_like(self._weights)
        self._mean, self._square = torch.zeros_like(self._weights), torch.zeros_like(self._weights)
        self._steps = 0
        self._gradients: dict[Tensor, Tensor] = {}
        place = 0
        for parameter in parameters:
            end = place + parameter.numel()
            parameter.data = self._weights[place:end].view_as(parameter)
            self._gradients[parameter] = self._gradient[place:end].view_as(parameter)
            place = end
        self._branches = [(_linears(network.actor), [network.policy])]
        if network.critic is None:
            self._branches[0][1].append(network.value)
        else:
            self._branches.append((_linears(network.critic), [network.value]))
        self._kept: list[list[Tensor]] = []  # what went into each layer of each branch; nothing for sparse observations
        self._sparse: NDArray[Any] | None = None

    @torch.no_grad()
    def forward(self, observations: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Logits and values; what goes into each layer is kept."""
        self._sparse = observations.reshape(len(observations), -1) if is_sparse(observations) else None
        seen = torch.empty(0) if self._sparse is not None else self._network.normalised(torch.from_numpy(observations))
        self._kept, outputs = [], []
        for layers, heads in self._branches:
            inputs = [seen.flatten(1) if self._sparse is None else seen]
            for depth, layer in enumerate(layers):
                first = depth == 0 and self._sparse is not None
                found = self._product(layer) if first else torch.addmm(layer.bias, inputs[-1], layer.weight.t())
                inputs.append(found.relu_())
            outputs += [torch.addmm(head.bias, inputs[-1], head.weight.t()) for head in heads]
            self._kept.append(inputs)
        return outputs[0], outputs[1].squeeze(1)

    @torch.no_grad()
    def step(self, at_logits: Tensor, at_values: Tensor, rate: float) -> float:
        """Backward layer by layer, then clip and move all weights in one pass."""
        count = len(at_values)
        at_heads = [at_logits, at_values[:, None]]
        for (layers, heads), kept in zip(self._branches, self._kept, strict=True):
            inputs = [each[:count] for each in kept]
            back: Tensor | None = None
            for head in heads:
                gradient = at_heads.pop(0)
                self._into(head, gradient, inputs[-1])
                back = gradient @ head.weight if back is None else back.addmm_(gradient, head.weight)
            assert back is not None
            for depth in reversed(range(len(layers))):
                back = torch.ops.aten.threshold_backward(back, inputs[depth + 1], 0)
                self._into(layers[depth], back, inputs[depth])
                if depth:
                    back = back @ layers[depth].weight
        self._steps += 1
        move = _adam if self._config.name == "adam" else _rmsprop
        norm: float = move(
            self._weights.numpy(), self._gradient.numpy(), self._mean.numpy(), self._square.numpy(), self._steps, rate,
            self._config.epsilon, self._config.clip,
        )  # fmt: skip
        return norm

    def state(self) -> dict[str, Any]:
        """The averages."""
        return {"mean": self._mean.clone(), "square": self._square.clone(), "steps": self._steps}

    def load(self, state: dict[str, Any]) -> None:
        """The averages."""
        self._mean.copy_(state["mean"])
        self._square.copy_(state["square"])
        self._steps = state["steps"]

    def _product(self, layer: nn.Linear) -> Tensor:
        assert self._sparse is not None
        found = torch.empty(len(self._sparse), layer.out_features)
        matrix = layer.weight.t().contiguous().numpy()
        product(self._sparse, np.float32(1 / self._network.top), matrix, layer.bias.numpy(), found.numpy())
        return found

    def _into(self, layer: nn.Linear, gradient: Tensor, inputs: Tensor) -> None:
        if self._sparse is not None and not len(inputs):
            found = torch.empty(layer.in_features, layer.out_features)
            seen = self._sparse[: len(gradient)]
            outer(seen, np.float32(1 / self._network.top), gradient.contiguous().numpy(), found.numpy())
            self._gradients[layer.weight].copy_(found.t())
        else:
            torch.mm(gradient.t(), inputs, out=self._gradients[layer.weight])
        torch.sum(gradient, dim=0, out=self._gradients[layer.bias])


def descent_for(network: ActorCritic, config: DescentConfig, compute: Compute) -> Descent:
    """The descent that is fast for this network."""
    if compute.device.type == "cpu" and not compute.bf16 and _linears(network.actor) and not network.convolves:
        return ByHand(network, config)
    return Autograd(network, config, compute)


def _linears(trunk: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in trunk if isinstance(layer, nn.Linear)]


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
