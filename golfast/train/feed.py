"""Batches: in an order that the seed decides, packed until they are on the device."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Feed:
    """First and last states of a set, shuffled anew each epoch, for any step asked for.

    Batch `step` depends on the seed and the step alone, so a resumed run sees what an uninterrupted one would have.
    """

    def __init__(self, packed: NDArray[np.uint8], width: int, *, batch: int, seed: int, device: torch.device) -> None:
        """packed: (N, T, H, ceil(width/8)) uint8, in memory or mapped. A GPU keeps the two states itself, packed."""
        self._packed = packed
        self._width, self._batch, self._seed, self._device = width, batch, seed, device
        self._batches = len(packed) // batch
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)
        self._resident = torch.from_numpy(packed[:, [0, -1]]).to(device) if device.type == "cuda" else None

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """First and last states of the batch of this step, each (B, 1, H, W) float32 0/1 on the device."""
        epoch, position = divmod(step, self._batches)
        if epoch != self._epoch:
            self._order = np.random.Generator(np.random.Philox(key=[self._seed, epoch])).permutation(len(self._packed))
            self._epoch = epoch
        chosen = self._order[position * self._batch : (position + 1) * self._batch]
        if self._resident is not None:
            packed = self._resident[torch.from_numpy(chosen).to(self._device, non_blocking=True)]
        else:
            # On a CPU numpy unpacks three times as fast as torch.
            bits = np.unpackbits(self._packed[chosen][:, [0, -1]], axis=-1, count=self._width)
            cells = torch.from_numpy(bits).float()
            return cells[:, :1], cells[:, 1:]
        cells = unpack_bits(packed, self._width)
        return cells[:, :1], cells[:, 1:]


def unpack_bits(packed: Tensor, width: int) -> Tensor:
    """Packed states (..., ceil(width/8)) uint8 to cells (..., width) float32 0/1, on the device they are on."""
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=packed.device)
    return (packed.unsqueeze(-1) >> shifts & 1).flatten(-2)[..., :width].float()
