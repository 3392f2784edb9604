"""Decoding: from first states to what the network draws at each timestep."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from golfast.model import Network
from golfast.run.precision import Compute, torch_threads

BATCH = 250  # large enough that a call costs nothing, small enough that hidden states stay in cache


def imagine(network: Network, first: NDArray[np.uint8], compute: Compute) -> NDArray[np.float32]:
    """First states (N, H, W) uint8 0/1 to decoded hidden states of timesteps 1..T: (N, T, H, W) float32."""
    with torch.no_grad(), torch_threads(1), compute.autocast():
        cells = torch.from_numpy(first).to(compute.device).float().unsqueeze(1)
        drawn: NDArray[np.float32] = network.imagine(cells).float().cpu().numpy()
    return drawn


def imagine_packed(
    network: Network,
    first: Callable[[int, int], NDArray[np.uint8]],
    count: int,
    compute: Compute,
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.uint8]:
    """What the network draws, thresholded at 0.5 and packed: (N, T, H, ceil(W/8)) uint8.

    first(start, stop) gives first states (n, H, W) uint8 0/1, so that a set need not be in memory unpacked.
    """
    parts = []
    for start in range(0, count, BATCH):
        stop = min(start + BATCH, count)
        parts.append(np.packbits(imagine(network, first(start, stop), compute) > 0.5, axis=-1))
        progress(stop)
    return np.concatenate(parts)
