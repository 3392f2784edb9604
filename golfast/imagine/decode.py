"""Decoding: from first states to what the network draws at each timestep."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch is loaded by who has a network; the metric beside this needs none
    from golfast.model import Decoder, Network
    from golfast.run.precision import Compute

Draw: TypeAlias = "Sequence[tuple[int, Decoder]]"
"""Some pictures: the timestep whose hidden state is drawn (0: the encoder's), and by which decoder."""

BATCH = 250  # large enough that a call costs nothing, small enough that hidden states stay in cache


def imagine(network: "Network", first: NDArray[np.uint8], compute: "Compute") -> NDArray[np.float32]:
    """First states (N, H, W) uint8 0/1 to decoded hidden states of timesteps 1..T: (N, T, H, W) float32."""
    import torch

    from golfast.run.precision import torch_threads

    with torch.no_grad(), torch_threads(1), compute.autocast():
        cells = torch.from_numpy(first).to(compute.device).float().unsqueeze(1)
        drawn: NDArray[np.float32] = network.imagine(cells).float().cpu().numpy()
    return drawn


def draws_with(decoder: "Decoder", timesteps: int) -> Draw:
    """What a decoder draws of the hidden states of timesteps 1..T."""
    return [(timestep, decoder) for timestep in range(1, timesteps + 1)]


def imagine_packed(
    network: "Network",
    first: Callable[[int, int], NDArray[np.uint8]],
    count: int,
    compute: "Compute",
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.uint8]:
    """What the network draws, thresholded at 0.5 and packed: (N, T, H, ceil(W/8)) uint8.

    first(start, stop) gives first states (n, H, W) uint8 0/1, so that a set need not be in memory unpacked.
    """
    return imagine_each(
        network, [draws_with(network.decoder, network.config.timesteps)], first, count, compute, progress=progress
    )[0]


def imagine_each(
    network: "Network",
    draws: Sequence[Draw],
    first: Callable[[int, int], NDArray[np.uint8]],
    count: int,
    compute: "Compute",
    *,
    progress: Callable[[int], None] = lambda done: None,
) -> list[NDArray[np.uint8]]:
    """The same for several ways to draw the hidden states, which are computed once: (N, k, H, ceil(W/8)) uint8 each.

    By compiled code where this CPU has an engine for the network, else by torch.
    """
    import torch

    from golfast.run.precision import torch_threads

    parts: list[list[NDArray[np.uint8]]] = [[] for _ in draws]
    look: Look | None = None
    with torch.no_grad(), torch_threads(1), compute.autocast():
        for start in range(0, count, BATCH):
            stop = min(start + BATCH, count)
            cells = first(start, stop)
            look = look or _compiled(network, draws, cells.shape[1:], compute) or _by_torch(network, draws, compute)
            for drawn, part in zip(look(cells), parts, strict=True):
                part.append(np.packbits(drawn > 0.5, axis=-1))
            progress(stop)
    return [np.concatenate(part) for part in parts]


Look = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
"""From first states (B, H, W) uint8 0/1 to the pictures of each of some draws, (B, k, H, W)."""


def _by_torch(network: "Network", draws: Sequence[Draw], compute: "Compute") -> Look:
    import torch

    def look(cells: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        hidden = network.hidden_states(torch.from_numpy(cells).to(compute.device).float().unsqueeze(1))
        drawn = [torch.cat([decoder(hidden[timestep]) for timestep, decoder in draw], dim=1) for draw in draws]
        return [pictures.float().cpu().numpy() for pictures in drawn]

    return look


def _compiled(network: "Network", draws: Sequence[Draw], size: tuple[int, ...], compute: "Compute") -> Look | None:
    """None if no engine runs it here; a kind of network that computes its hidden states its own way, none does."""
    from golfast.model import Network

    if compute.device.type != "cpu" or not compute.bf16 or type(network) is not Network:
        return None
    from golfast.model.compiled.choose import fastest

    if not (engine := fastest(network.config)):
        return None
    from golfast.model.compiled.network import CompiledImagination

    imagination = CompiledImagination(engine, network, draws, *size)
    return lambda cells: imagination(cells.astype(np.float32))
