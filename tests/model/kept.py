"""What the compiled engines compute, in torch: float32, but weights, hidden states and gradients are rounded as there.

So nothing is left between the two but the order of sums, and a sum near 0 falls on the same side of the ReLU's knee.
"""

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu

from golfast.model import Decoder, Network
from golfast.model.network import Stack

Module = TypeVar("Module", bound=nn.Module)


class _Value(torch.autograd.Function):
    """A value is kept in bfloat16."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.bfloat16().float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class _Gradient(torch.autograd.Function):
    """A value's gradient is kept in bfloat16."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.bfloat16().float()


def kept(module: Module) -> Module:
    """A copy whose weights are rounded; its biases are not."""
    rounded = copy.deepcopy(module)
    for parameter in rounded.parameters():
        if parameter.dim() == 2:
            parameter.data = parameter.data.bfloat16().float()
    return rounded


def hidden_states(network: Network, first: Tensor) -> list[Tensor]:
    """As `Network.hidden_states`."""
    hidden = [_stack(network.encoder, first)]
    for timestep in range(network.config.timesteps):
        core: Any = network.cores[0 if network.config.shared_core else timestep]
        hidden.append(_stack(core.stack, hidden[-1], hidden[-1] if core.residual else None))
    return hidden


def draw(decoder: Decoder, hidden: Tensor) -> Tensor:
    """As `Decoder`."""
    return _sums(decoder.last, _stack(decoder.stack, hidden))


def _stack(stack: Stack, x: Tensor, residual: Tensor | None = None) -> Tensor:
    for k, layer in enumerate(stack.layers):
        y = leaky_relu(_sums(layer, x), stack.slope)
        x = _Value.apply(y + _Gradient.apply(residual) if residual is not None and k == len(stack.layers) - 1 else y)
    return x


def _sums(layer: Any, x: Tensor) -> Tensor:
    """What follows from the gradient of the sums is rounded with it, but for the biases' gradient."""
    kernel = layer.weight.view(layer.outputs, 3, 3, layer.inputs).permute(0, 3, 1, 2)
    sums: Tensor = _Gradient.apply(conv2d(x, kernel, padding=1))
    return sums + layer.bias[:, None, None]


def gradients(module: nn.Module) -> Tensor:
    """Flat, in the order of its parameters."""
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    return torch.cat([part.reshape(-1) for part in parts])
