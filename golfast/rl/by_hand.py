"""An MLP's descent, written out.

Its backward pass is two matrix products a layer. On weights and gradients that lie in one piece each, an update takes a
few dozen operations where autograd, clipping and the optimiser take some two hundred; for a network of a few thousand
weights that is most of the time.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from golfast.rl.config import DescentConfig
from golfast.rl.descend import Descent
from golfast.rl.flat import FlatWeights
from golfast.rl.network import ActorCritic, linears
from golfast.rl.sparse import is_sparse, outer, product


class ByHand(Descent):
    """An MLP's, on a CPU."""

    def __init__(self, network: ActorCritic, config: DescentConfig) -> None:
        self._network = network
        self._flat = FlatWeights(network, config)
        self._branches = [(linears(network.actor), [network.policy])]
        if network.critic is None:
            self._branches[0][1].append(network.value)
        else:
            self._branches.append((linears(network.critic), [network.value]))
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
        return self._flat.move(rate)

    def state(self) -> dict[str, Any]:
        """The averages."""
        return self._flat.state()

    def load(self, state: dict[str, Any]) -> None:
        """The averages."""
        self._flat.load(state)

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
            self._flat.gradient(layer.weight).copy_(found.t())
        else:
            torch.mm(gradient.t(), inputs, out=self._flat.gradient(layer.weight))
        torch.sum(gradient, dim=0, out=self._flat.gradient(layer.bias))
