"""A convolving network's descent on a CPU, where the actions were chosen by the pass that is learned from.

A2C learns from a rollout once, with the weights that chose its actions. So what each layer was given then is kept, and
the update begins with the backward pass: of the four passes that acting and autograd take, a forward one is saved.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from golfast.jit import kernel
from golfast.rl.config import DescentConfig
from golfast.rl.descend import Descent
from golfast.rl.flat import FlatWeights
from golfast.rl.network import ActorCritic, linears
from golfast.run.precision import Compute

_LAST = torch.channels_last


class Convolved(Descent):
    """Of a network whose actor and critic share their trunk. Layers are multiplied in the precision of `compute`."""

    def __init__(self, network: ActorCritic, config: DescentConfig, compute: Compute) -> None:
        self._network, self._dtype = network, compute.dtype
        self._flat = FlatWeights(network, config)
        self._lower = self._flat.weights.to(self._dtype)  # the same vector if that is float32
        self._convolutions = [layer for layer in network.actor if isinstance(layer, nn.Conv2d)]
        (self._linear,) = linears(network.actor)
        self._heads = [network.policy, network.value]
        shades = torch.arange(256).to(self._dtype)
        self._shades = shades if network.top == 1 else shades.mul_(1 / network.top)  # what each byte is to the layers
        self._inputs: list[Tensor] = []  # of each convolution, of the linear layer, of the heads: (rows, ...)
        self._rows = 0
        self._outputs: list[tuple[Tensor, Tensor]] = []

    @torch.no_grad()
    def forward(self, observations: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Logits and values; what goes into each layer is kept, and what was kept before is not."""
        self._rows, self._outputs = 0, []
        self.look(observations)
        return self._outputs[0]

    @torch.no_grad()
    def look(self, observations: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """As `forward`, but kept behind what was kept since the last step."""
        first, self._rows = self._rows, self._rows + len(observations)
        self._reserve(self._rows, observations.shape[1:])
        inputs = [kept[first : self._rows] for kept in self._inputs]
        if observations.dtype == np.uint8:
            _spread(observations, _rows(inputs[0]), _rows(self._shades))
        else:
            inputs[0].copy_(self._network.normalised(torch.from_numpy(observations)))
        for layer, given, after in zip(self._convolutions, inputs, inputs[1:], strict=False):
            found = torch.conv2d(given, self._own(layer.weight), self._bias(layer), layer.stride)
            torch.clamp_min(found, 0, out=after)
        flat = inputs[-2].reshape(len(observations), -1)
        torch.clamp_min(self._through(self._linear, flat), 0, out=inputs[-1])
        logits, values = (self._through(head, inputs[-1]).float() for head in self._heads)
        self._outputs.append((logits, values.squeeze(1)))
        return self._outputs[-1]

    def looked(self) -> tuple[Tensor, Tensor]:
        """Logits and values of all that was kept since the last step."""
        logits, values = zip(*self._outputs, strict=True)
        return torch.cat(logits), torch.cat(values)

    @torch.no_grad()
    def step(self, at_logits: Tensor, at_values: Tensor, rate: float) -> float:
        """Backward layer by layer, then clip and move all weights in one pass."""
        count = len(at_values)
        *images, hidden = (kept[:count] for kept in self._inputs)
        back = torch.zeros_like(hidden)
        for head, gradient in zip(self._heads, (at_logits, at_values[:, None]), strict=True):
            gradient = gradient.to(self._dtype)
            self._into(head, gradient, hidden)
            back.addmm_(gradient, self._own(head.weight))
        back = torch.ops.aten.threshold_backward(back, hidden, 0)
        self._into(self._linear, back, images[-1].reshape(count, -1))
        back = (back @ self._own(self._linear.weight)).view(images[-1].shape).contiguous(memory_format=_LAST)
        for depth in reversed(range(len(self._convolutions))):
            layer = self._convolutions[depth]
            back = torch.ops.aten.threshold_backward(back, images[depth + 1], 0)
            wanted = [depth > 0, True, True]
            back, at_weight, at_bias = torch.ops.aten.convolution_backward(
                back, images[depth], self._own(layer.weight), [layer.out_channels], layer.stride, layer.padding,
                layer.dilation, False, [0, 0], 1, wanted,
            )  # fmt: skip
            self._flat.gradient(layer.weight).copy_(at_weight)
            assert layer.bias is not None
            self._flat.gradient(layer.bias).copy_(at_bias)
        self._rows, self._outputs = 0, []
        norm = self._flat.move(rate)
        self.refresh()
        return norm

    def refresh(self) -> None:
        """Take up the network's weights after they were loaded; `step` does it itself."""
        if self._lower is not self._flat.weights:
            self._lower.copy_(self._flat.weights)

    def state(self) -> dict[str, Any]:
        """The averages."""
        return self._flat.state()

    def load(self, state: dict[str, Any]) -> None:
        """The averages."""
        self._flat.load(state)
        self.refresh()

    def _own(self, parameter: Tensor) -> Tensor:
        """A parameter in the precision that is multiplied."""
        return self._flat.view(parameter, self._lower)

    def _bias(self, layer: nn.Linear | nn.Conv2d) -> Tensor:
        assert layer.bias is not None
        return self._own(layer.bias)

    def _through(self, layer: nn.Linear, inputs: Tensor) -> Tensor:
        return torch.addmm(self._bias(layer), inputs, self._own(layer.weight).t())

    def _into(self, layer: nn.Linear, gradient: Tensor, inputs: Tensor) -> None:
        self._flat.gradient(layer.weight).copy_(gradient.t() @ inputs)
        torch.sum(gradient, dim=0, dtype=torch.float32, out=self._flat.gradient(layer.bias))

    def _reserve(self, rows: int, shape: tuple[int, ...]) -> None:
        """Make room for the inputs of so many observations, with what is there."""
        if self._inputs and len(self._inputs[0]) >= rows:
            return
        shapes = [shape]
        for layer in self._convolutions:
            sides = ((side - layer.kernel_size[0]) // layer.stride[0] + 1 for side in shapes[-1][1:])
            shapes.append((layer.out_channels, *sides))
        grown = [torch.empty((rows, *each), dtype=self._dtype).to(memory_format=_LAST) for each in shapes]
        grown.append(torch.empty((rows, self._linear.out_features), dtype=self._dtype))
        for old, new in zip(self._inputs, grown, strict=False):
            new[: len(old)] = old
        self._inputs = grown


def _rows(tensor: Tensor) -> NDArray[Any]:
    """A tensor as an array with its channels last; bfloat16, which NumPy does not know, as the bits that it is."""
    last = tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor
    array: NDArray[Any] = (last.view(torch.int16) if last.dtype is torch.bfloat16 else last).numpy()
    return array


@kernel
def _spread(observations: NDArray[np.uint8], images: NDArray[Any], shades: NDArray[Any]) -> None:
    """Bytes (N, C, H, W) to what they stand for, (N, H, W, C)."""
    count, channels, height, width = observations.shape
    for i in range(count):
        for y in range(height):
            line = images[i, y]
            for channel in range(channels):
                given = observations[i, channel, y]
                for x in range(width):
                    line[x, channel] = shades[given[x]]
