"""Many networks of one shape as one: their weights stacked, each fed a batch of its own.

A convolution is a matrix product, and those of many networks are one batched product. Chosen over a grouped
convolution because the networks' channels are few: cuDNN has fast kernels for groups of 4, 8, 16 or 32 channels and
takes a general one, an order slower, for 20, forward and backward. Two modules compute it: `products` by torch,
anywhere, and `implicit` by kernels in Triton, on GPUs.

Shapes: N networks, B batch, H rows, W columns, C channels, T timesteps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from golfast.model import products
from golfast.model.config import ModelConfig
from golfast.model.network import Network
from golfast.model.products import Convolution


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

    def __init__(self, config: ModelConfig, convolve: Convolution = products.convolve) -> None:
        self.config, self._convolve = config, convolve
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
        return self._convolve(inner, last, bias, padding=self.config.padding).squeeze(-1)

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
            weight, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
            x = self._convolve(x, weight, bias, slope=slope, padding=padding)
        return x
