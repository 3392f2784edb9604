"""Decoding: from first states to what the network draws at each timestep."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.model import Decoder, Network
from golfast.run.precision import Compute, torch_threads

Draw = Callable[[list[Tensor]], Tensor]
"""From hidden states 0..T, each (B, C, H, W), to pictures of some of them, (B, k, H, W)."""

BATCH = 250  # large enough that a call costs nothing, small enough that hidden states stay in cache


def imagine(network: Network, first: NDArray[np.uint8], compute: Compute) -> NDArray[np.float32]:
    """First states (N, H, W) uint8 0/1 to decoded hidden states of timesteps 1..T: (N, T, H, W) float32."""
    with torch.no_grad(), torch_threads(1), compute.autocast():
        cells = torch.from_numpy(first).to(compute.device).float().unsqueeze(1)
        drawn: NDArray[np.float32] = network.imagine(cells).float().cpu().numpy()
    return drawn


def draws_with(decoder: Decoder) -> Draw:
    """What a decoder draws of the hidden states of timesteps 1..T."""
    return lambda hidden: torch.cat([decoder(state) for state in hidden[1:]], dim=1)


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
    return imagine_each(network, [draws_with(network.decoder)], first, count, compute, progress=progress)[0]


def imagine_each(
    network: Network,
    draws: Sequence[Draw],
    first: Callable[[int, int], NDArray[np.uint8]],
    count: int,
    compute: Compute,
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> list[NDArray[np.uint8]]:
    """The same for several ways to draw the hidden states, which are computed once: (N, k, H, ceil(W/8)) uint8 each."""
    parts: list[list[NDArray[np.uint8]]] = [[] for _ in draws]
    with torch.no_grad(), torch_threads(1), compute.autocast():
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            cells = torch.from_numpy(first(start, stop)).to(compute.device).float().unsqueeze(1)
            hidden = network.hidden_states(cells)
            for draw, part in zip(draws, parts, strict=True):
                part.append(np.packbits((draw(hidden).float() > 0.5).cpu().numpy(), axis=-1))
            progress(stop)
    return [np.concatenate(part) for part in parts]
