"""Moving the weights down a gradient: what every way of doing it offers, and the general one."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam, Optimizer, RMSprop

from golfast.rl.config import DescentConfig
from golfast.rl.network import ActorCritic
from golfast.run.precision import Compute

_SMOOTHING = 0.99  # RMSprop's alpha, as in `flat`


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
        """The optimiser's. ValueError if it is not of torch's form, as what `ByHand` and `Convolved` leave."""
        if "param_groups" not in state:
            raise ValueError("it was made on another device or by another version of golfast")
        self._optimiser.load_state_dict(state)
