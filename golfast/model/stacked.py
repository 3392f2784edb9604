"""Many networks of one shape as one: their weights stacked, each fed a batch of its own.

A convolution is a matrix product, and those of many networks are one batched product: the nine neighbours of each pixel
are copied side by side, (N, pixels, 9 * in), and multiplied with the stacked matrices (N, 9 * in, out). Chosen over a
grouped convolution because the networks' channels are few: cuDNN has fast kernels for groups of 4, 8, 16 or 32 channels
and takes a general one, an order slower, for 20, forward and backward, while batched products are what every GPU does
best. The price is memory traffic, nine times that of an ideal convolution; the copy is one contiguous run of 3 * in
numbers per row of neighbours, since channels are last, and is kept for the gradient of the weights.

Shapes: N networks, B batch, H rows, W columns, C channels, T timesteps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from golfast.model.config import ModelConfig
from golfast.model.conv import surrounded
from golfast.model.network import Network


@dataclass(frozen=True, slots=True)
class Part:
    """Where a parameter lies in a network's row of weights."""

    name: str
    start: int
    shape: tuple[int, ...]

    @property
    def stop(self) -> int:
        """Where the next begins."""
        return self.start + torch.Size(self.shape).numel()


class StackedNetwork:
    """What `golfast.model.Network` computes, for many networks whose weights are rows of one matrix.

    A row begins with the core's matrices, all of one shape, one after the other: what Muon moves.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        with torch.device("meta"):
            named = [(name, tuple(p.shape)) for name, p in Network(config).named_parameters()]
        core = [pair for pair in named if pair[0].startswith("cores.") and len(pair[1]) == 2]
        self.parts: list[Part] = []
        for name, shape in core + [pair for pair in named if pair not in core]:
            self.parts.append(Part(name, self.parts[-1].stop if self.parts else 0, shape))
        self.size = self.parts[-1].stop
        self.matrices = len(core), core[0][1][0], core[0][1][1]
        """How many the core has, and their rows and columns."""

    def pack(self, parameters: Mapping[str, Tensor]) -> Tensor:
        """A network's parameters by name as a row: (size,) float32."""
        return torch.cat([parameters[part.name].detach().float().reshape(-1) for part in self.parts])

    def unpack(self, row: Tensor) -> dict[str, Tensor]:
        """A row (size,) as parameters by name."""
        return {part.name: row[part.start : part.stop].view(part.shape) for part in self.parts}

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """Rows (N, size) as stacked parameters by name, each (N, ...), of the same memory."""
        return {part.name: rows[:, part.start : part.stop].view(len(rows), *part.shape) for part in self.parts}

    def hidden_states(self, weights: Mapping[str, Tensor], first: Tensor) -> list[Tensor]:
        """First states (N, B, H, W) to the T + 1 hidden states, each (N, B, H, W, C)."""
        config = self.config
        hidden = [self._stack(weights, "encoder", config.encoder_layers, first.unsqueeze(-1))]
        for timestep in range(config.timesteps):
            core = f"cores.{0 if config.shared_core else timestep}.stack"
            change = self._stack(weights, core, config.core_layers, hidden[-1])
            hidden.append(hidden[-1] + change if config.residual else change)
        return hidden

    def decode(self, weights: Mapping[str, Tensor], hidden: Tensor) -> Tensor:
        """Hidden states (N, B, H, W, C) to pictures (N, B, H, W)."""
        inner = self._stack(weights, "decoder.stack", self.config.decoder_layers - 1, hidden)
        last, bias = weights["decoder.last.weight"], weights["decoder.last.bias"]
        return convolve(inner, last, bias, padding=self.config.padding).squeeze(-1)

    def forward(self, weights: Mapping[str, Tensor], first: Tensor) -> tuple[Tensor, Tensor]:
        """First states (N, B, H, W) to the predicted last states and the first ones recreated, in the same shape."""
        hidden = self.hidden_states(weights, first)
        last, recreated = self.decode(weights, torch.cat([hidden[-1], hidden[0]], dim=1)).chunk(2, dim=1)
        return last, recreated

    def imagine(self, weights: Mapping[str, Tensor], first: Tensor) -> Tensor:
        """First states (N, B, H, W) to the decoded hidden states of timesteps 1..T: (N, B, T, H, W)."""
        return torch.stack([self.decode(weights, hidden) for hidden in self.hidden_states(weights, first)[1:]], dim=2)

    def _stack(self, weights: Mapping[str, Tensor], name: str, layers: int, x: Tensor) -> Tensor:
        slope, padding = self.config.slope, self.config.padding
        for k in range(layers):
            layer = f"{name}.layers.{k}"
            x = convolve(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"], slope=slope, padding=padding)
        return x


def convolve(x: Tensor, weight: Tensor, bias: Tensor, *, slope: float = 1.0, padding: str = "zeros") -> Tensor:
    """3x3 convolutions, then a leaky ReLU (slope 1: none), of N networks at once; padding as of `Conv3x3`.

    x: (N, B, H, W, in). weight: (N, out, 9 * in), columns ordered (row, column, channel) as in `Conv3x3`. bias:
    (N, out). Returns (N, B, H, W, out).
    """
    result: Tensor = _Convolution.apply(x, weight, bias, slope, padding)  # type: ignore[no-untyped-call]
    return result


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, slope: float, padding: str) -> Tensor:
        around = _neighbours(x, padding)
        y = torch.baddbmm(bias.unsqueeze(1), around, weight.transpose(1, 2))
        if slope != 1:
            functional.leaky_relu_(y, slope)
        ctx.save_for_backward(around, weight, y)
        ctx.slope, ctx.padding = slope, padding
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        around, weight, y = ctx.saved_tensors
        shape = gradient.shape
        at_y = gradient.reshape(y.shape)
        if ctx.slope != 1:  # the sign of the result is that of what went in
            at_y = torch.ops.aten.leaky_relu_backward(at_y, y, ctx.slope, True)
        at_x = None
        if ctx.needs_input_grad[0]:
            # The gradient of a convolution is one with the taps in the opposite order, from out to in.
            taps = weight.view(*weight.shape[:2], 9, -1).flip(2).transpose(1, 2).flatten(1, 2)
            at_x = (_neighbours(at_y.view(shape), ctx.padding) @ taps).view(*shape[:-1], -1)
        return at_x, at_y.transpose(1, 2) @ around, at_y.sum(1), None, None


def _neighbours(x: Tensor, padding: str) -> Tensor:
    """The 3x3 neighbourhood of each pixel of x (N, B, H, W, C): (N, B * H * W, 9 * C)."""
    networks, batch, height, width, channels = x.shape
    padded = surrounded(x, padding)
    strides = padded.stride()
    windows = padded.as_strided((networks, batch, height, width, 3, 3 * channels), (*strides[:4], strides[2], 1))
    return windows.reshape(networks, batch * height * width, 9 * channels)
