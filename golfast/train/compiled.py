"""A training step in compiled code: gradients by an engine of `golfast.model.compiled`, optimisers on flat arrays."""

from typing import Any

import torch
from torch import Tensor

from golfast.model import Network
from golfast.model.compiled.network import CompiledNetwork
from golfast.train.config import TrainConfig
from golfast.train.descent import Descent
from golfast.train.flat import live_in


class CompiledStep:
    """What `golfast.train.loop` does with torch's autograd and optimisers, for the networks that an engine runs.

    The network's parameters become views of the engine's weights: whoever looks at it sees them as they are now.
    """

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self._config = config
        self._ours = CompiledNetwork(config.engine, config.model, config.data.height, config.data.width)
        self._ours.load(network)
        weights, matrices, rest = self._ours.engine.weights, [], []
        moved = {id(p) for p in network.cores.parameters() if p.ndim == 2 and config.optimiser.name == "muon"}
        for parameter, (start, stop) in zip(network.parameters(), live_in(network, weights), strict=True):
            if id(parameter) in moved:
                matrices.append((start, *parameter.shape))
            else:
                rest.append((start, stop))
        self._descent = Descent(weights, matrices, rest)

    def step(self, first: Tensor, last: Tensor, step: int, factor: float) -> Tensor:
        """Move the weights down the gradient of a batch; its loss. `factor`: of the learning rates at this step."""
        loss = self._ours.gradient(first, last, autoencoder=self._config.autoencoder)
        optimiser = self._config.optimiser
        self._descent.step(
            self._ours.engine.gradients,
            step,
            most=optimiser.clip,
            adam_rate=optimiser.adam_lr * factor,
            beta2=optimiser.beta2,
            muon_rate=optimiser.lr * factor,
            momentum=optimiser.momentum,
        )
        return torch.tensor(loss)

    def imagine(self, first: Tensor) -> Tensor:
        """As `Network.imagine`."""
        return self._ours.imagine(first)

    def state(self) -> list[dict[str, Any]]:
        """For a checkpoint."""
        return [{name: torch.from_numpy(getattr(self._descent, name).copy()) for name in ("means", "squares")}]

    def load(self, states: list[dict[str, Any]]) -> None:
        """From a checkpoint."""
        for name, tensor in states[0].items():
            getattr(self._descent, name)[:] = tensor.numpy()
