"""What a frozen network makes of trajectories, computed once and kept: what is trained on top costs only itself."""

import numpy as np
import torch
from torch import Tensor

from golfast.data import States
from golfast.model import Network
from golfast.run.precision import Compute

_AT_ONCE = 128  # trajectories: their hidden states stay in a cache


class HiddenPool:
    """Hidden states of the first trajectories of a set, and their true states, on the device.

    Shapes: P trajectories kept, T model timesteps, m true states, B batch, C channels, H rows, W columns.
    """

    def __init__(
        self,
        network: Network,
        packed: States,
        width: int,
        count: int,
        compute: Compute,
        *,
        channels_last: bool = True,
    ) -> None:
        """packed: (N, m, H, ceil(width/8)) uint8; the first `count` of them are kept, or all if there are fewer.

        channels_last: how a hidden state lies in memory. torch's convolutions want it; compiled code wants `planes`.
        """
        cells = np.unpackbits(packed[: min(count, len(packed))], axis=-1, count=width)
        self.truth = torch.from_numpy(cells).to(compute.device)
        count, _, height, _ = self.truth.shape
        config = network.config
        # Each hidden state is one run of memory, in the precision that convolutions take. Axes: as if channels_last.
        shape = (height, width, config.channels) if channels_last else (config.channels, height, width)
        kept = torch.empty(config.timesteps + 1, count, *shape, dtype=compute.dtype, device=compute.device)
        self._hidden = kept if channels_last else kept.permute(0, 1, 3, 4, 2)
        with torch.no_grad(), compute.autocast():
            for start in range(0, count, _AT_ONCE):
                chosen = slice(start, start + _AT_ONCE)
                for timestep, hidden in enumerate(network.hidden_states(self.truth[chosen, :1].float())):
                    self._hidden[timestep, chosen] = hidden.permute(0, 2, 3, 1)

    def __len__(self) -> int:
        return len(self.truth)

    def hidden(self, timesteps: slice, chosen: Tensor) -> Tensor:
        """Hidden states after these timesteps (0: the encoder's), timestep by timestep: (timesteps * B, C, H, W)."""
        return self._hidden[timesteps, chosen].flatten(0, 1).permute(0, 3, 1, 2)

    def kept(self, timestep: int) -> Tensor:
        """Hidden states after this timestep (0: the encoder's): (P, H, W, C)."""
        return self._hidden[timestep]

    def planes(self) -> Tensor:
        """All hidden states, (timesteps + 1, P, C, H * W): without a copy, unless they are channels_last."""
        return self._hidden.permute(0, 1, 4, 2, 3).flatten(3)

    def states(self, number: int, chosen: Tensor) -> Tensor:
        """True states of this number (0 is the first, -1 the last): (B, 1, H, W) float32 0/1."""
        return self.truth[chosen, number].unsqueeze(1).float()
