"""Probes: decoders of their own for every timestep and every state in between."""

import torch
from torch import Tensor, nn

from golfast.model.config import ModelConfig
from golfast.model.network import Decoder


class Probes(nn.Module):
    """A decoder for each pair of a hidden state and a true state in between.

    Shapes: T model timesteps, m true states, B batch, C channels, H rows, W columns. Hidden states 0..T-1 are probed,
    0 being the encoder's; states s_2..s_{m-1} are their targets.
    """

    chosen: Tensor

    def __init__(self, config: ModelConfig, generations: int, *, layers: int) -> None:
        super().__init__()
        self.targets = generations - 1
        self.decoders = nn.ModuleList(Decoder(config, layers) for _ in range(config.timesteps * self.targets))
        # Which state, counted from s_2 as 0, each of timesteps 1..T-1 is to draw.
        self.register_buffer("chosen", torch.zeros(config.timesteps - 1, dtype=torch.int64))

    def forward(self, hidden: list[Tensor]) -> Tensor:
        """Hidden states 0..T-1, each (B, C, H, W), to what all probes draw: (B, T, m - 2, H, W)."""
        drawn = [
            torch.cat([self.decoders[timestep * self.targets + target](state) for target in range(self.targets)], dim=1)
            for timestep, state in enumerate(hidden)
        ]
        return torch.stack(drawn, dim=1)

    def drawn(self) -> list[tuple[int, Decoder]]:
        """For each of timesteps 1..T-1, the decoder that draws what was chosen for it."""
        found = []
        for timestep, target in enumerate(self.chosen.tolist(), 1):
            decoder = self.decoders[timestep * self.targets + target]
            assert isinstance(decoder, Decoder)
            found.append((timestep, decoder))
        return found
