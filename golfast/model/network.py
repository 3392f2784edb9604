"""The network of the paper: a state is encoded, run through the core once per timestep, and decoded.

Shapes: B batch, C channels, T model timesteps, H rows, W columns.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from golfast.model.config import ModelConfig
from golfast.model.conv import Conv3x3


class Stack(nn.Module):
    """Convolutions, each followed by a leaky ReLU."""

    def __init__(self, config: ModelConfig, inputs: int, layers: int) -> None:
        super().__init__()
        self.slope = config.slope
        channels, padding = config.channels, config.padding
        self.layers = nn.ModuleList(Conv3x3(channels if k else inputs, channels, padding) for k in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, C, H, W)."""
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), self.slope)
        return x


class Core(nn.Module):
    """One timestep: hidden state (B, C, H, W) to the next."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.residual = config.residual
        self.stack = Stack(config, config.channels, config.core_layers)

    def forward(self, hidden: Tensor) -> Tensor:
        """One use of the core."""
        change: Tensor = self.stack(hidden)
        return hidden + change if self.residual else change


class Decoder(nn.Module):
    """Hidden state (B, C, H, W) to a picture of a state (B, 1, H, W); the last layer is linear."""

    def __init__(self, config: ModelConfig, layers: int) -> None:
        """For the hidden states of a network of this config, whatever the layers of its own decoder."""
        super().__init__()
        self.stack = Stack(config, config.channels, layers - 1)
        self.last = Conv3x3(config.channels, 1, config.padding)

    def forward(self, hidden: Tensor) -> Tensor:
        """Decode. A cell is alive where the output is above 0.5."""
        picture: Tensor = self.last(self.stack(hidden))
        return picture


class Network(nn.Module):
    """Encoder, core and decoder of one config."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Stack(config, 1, config.encoder_layers)
        self.cores = nn.ModuleList(Core(config) for _ in range(1 if config.shared_core else config.timesteps))
        self.decoder = Decoder(config, config.decoder_layers)

    def hidden_states(self, first: Tensor) -> list[Tensor]:
        """First states (B, 1, H, W) to the T + 1 hidden states (B, C, H, W): the encoder's, then one per timestep."""
        hidden = [self.encoder(first)]
        for timestep in range(self.config.timesteps):
            core = self.cores[0 if self.config.shared_core else timestep]
            hidden.append(core(hidden[-1]))
        return hidden

    def forward(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """First states (B, 1, H, W) to the predicted last state and the first state recreated, both (B, 1, H, W)."""
        hidden = self.hidden_states(first)
        # One pass of the decoder over both: half the calls.
        last, recreated = self.decoder(torch.cat([hidden[-1], hidden[0]])).chunk(2)
        return last, recreated

    def imagine(self, first: Tensor) -> Tensor:
        """First states (B, 1, H, W) to the decoded hidden states of timesteps 1..T: (B, T, H, W), the last included."""
        return torch.cat([self.decoder(hidden) for hidden in self.hidden_states(first)[1:]], dim=1)
