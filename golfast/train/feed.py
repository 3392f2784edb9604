"""Batches: in an order that the seed decides, packed until they are on the device."""

import os

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.data import States
from golfast.train.ahead import AHEAD, ReadAhead, memory_bytes
from golfast.train.gather import Places, gather_bytes, gather_cells
from golfast.train.order import epoch_keys, shuffled

_TOGETHER = 2 << 20  # bytes of cells prepared at a time: they stay in a cache
_UPLOADED = 64 << 20  # bytes of a set read at a time on its way to a GPU


class Feed:
    """First and last states of a set, shuffled anew each epoch, for any step asked for.

    Batch `step` depends on the seed and the step alone, so a resumed run sees what an uninterrupted one would have.
    An epoch shows each trajectory at most once, over all ranks together; up to batch * world - 1 of them wait for the
    next. The order is computed and not kept, so a set may be of any size; of one larger than memory the system is asked
    for the next batches ahead of time.
    """

    def __init__(
        self,
        packed: States,
        width: int,
        *,
        batch: int,
        seed: int,
        device: torch.device | str,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        """packed: (N, T, H, ceil(width/8)) uint8, in memory, mapped, or a dataset's shards.

        A GPU keeps the two states of all trajectories itself, packed, where they take no more than half of its free
        memory. rank, world: this feed gives the share of one of `world` processes (or workers), and no two get the same
        trajectory in an epoch. ValueError if the set is smaller than one batch for each, if there is no such rank, and
        for sets, batches and seeds that cannot be.
        """
        _check_whole(width=width, batch=batch, seed=seed, rank=rank, world=world)
        _check_states(packed, width)
        device = torch.device(device)
        if batch < 1:
            raise ValueError(f"batch is {batch}; it must be 1 or more")
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed is {seed}; it must be from 0 to 2**64 - 1")
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} of {world} cannot be; ranks are counted from 0 to {world - 1}")
        self._batches = len(packed) // (batch * world)
        if not self._batches:
            raise ValueError(f"{len(packed)} trajectories are too few for a batch of {batch} for each of {world} ranks")
        self._width, self._batch, self._seed, self._device = width, batch, seed, device
        self._rank, self._world = rank, world
        self._count, _, self._height, self._row_bytes = packed.shape
        parts = tuple(getattr(packed, "parts", (packed,)))
        self._starts = np.cumsum([0, *(len(part) for part in parts[:-1])], dtype=np.int64)
        self._parts = [_readable(part) for part in parts]
        arrays = [part for part in self._parts if isinstance(part, np.ndarray)]
        self._places = Places(arrays) if len(arrays) == len(parts) else None
        self._resident = self.upload(device) if device.type != "cpu" and self.fits(device) else None
        larger = self._count * int(np.prod(packed.shape[1:])) > memory_bytes() // 2
        mapped = any(isinstance(part, np.memmap) for part in parts)
        asks = larger and mapped and self._resident is None and hasattr(os, "posix_fadvise")
        self._ahead = ReadAhead(parts, self._starts) if asks else None
        self._asked = 0  # the batches before this step were asked for
        # Small batches are prepared several at a time: what a call costs is then shared by them.
        self._together = max(1, _TOGETHER // (8 * batch * self._height * width))
        self._first = 0  # step of the first of the batches that are prepared: first states, last states
        self._prepared: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] = (), ()

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """First and last states of the batch of this step, each (B, 1, H, W) float32 0/1 on the device.

        They are views of what is prepared for several batches at once: to change one, clone it. Steps are counted from
        0, and go on through epoch after epoch. ValueError for any below.
        """
        _check_whole(step=step)
        place = step - self._first
        if not 0 <= place < len(self._prepared[0]):
            place = self._prepare(step)
        return self._prepared[0][place], self._prepared[1][place]

    def _prepare(self, step: int) -> int:
        """Prepare the group of batches in which this step's is. Returns its place among them."""
        self._check_step(step)
        self._prepared = (), ()  # the next ones may have their memory, which is in a cache
        epoch, position = divmod(step, self._batches)
        place = position % self._together
        first = position - place
        steps = min(self._together, self._batches - first)
        if self._ahead:
            self._ask(self._ahead, step - place, steps)
        cells = self._cells(self._chosen(epoch, first, steps)).unbind()
        self._first, self._prepared = step - place, (cells[:steps], cells[steps:])
        return place

    def numbers(self, step: int, steps: int) -> NDArray[np.int64]:
        """Numbers of the trajectories in the batches of steps step..step + steps: (steps, B) int64.

        ValueError unless these are whole numbers from 0 on, and steps 1 or more.
        """
        _check_whole(step=step, steps=steps)
        self._check_step(step)
        if steps < 1:
            raise ValueError(f"steps is {steps}; at least one batch must be asked for")
        found = []
        while steps:
            epoch, position = divmod(step, self._batches)
            found.append(self._chosen(epoch, position, min(steps, self._batches - position)))
            step, steps = step + len(found[-1]), steps - len(found[-1])
        return np.concatenate(found)

    def _check_step(self, step: int) -> None:
        if step < 0:
            raise ValueError(f"step is {step}; steps are counted from 0")

    def _chosen(self, epoch: int, position: int, steps: int) -> NDArray[np.int64]:
        """Numbers of the trajectories in some batches of an epoch: (steps, B) int64."""
        chosen = np.empty((steps, self._batch), np.int64)
        stride = self._world * self._batch
        start = position * stride + self._rank * self._batch
        shuffled(start, stride, epoch_keys(self._seed, epoch), self._count, chosen)
        return chosen

    def _cells(self, chosen: NDArray[np.int64]) -> Tensor:
        """The batches of these trajectories (S, B): (2 * S, B, 1, H, W), first states before last ones."""
        flat = chosen.reshape(-1)
        shape = 2 * len(chosen), self._batch, 1, self._height, self._width
        if self._resident is not None:
            numbers = torch.from_numpy(flat).to(self._device, non_blocking=True)
            return unpack_bits(self._resident[numbers], self._width).transpose(0, 1).reshape(shape)
        if self._device.type == "cuda":
            packed = self.pairs(flat, pinned=True).to(self._device, non_blocking=True)
            return unpack_bits(packed, self._width).transpose(0, 1).reshape(shape)
        cells = np.empty(shape, np.float32)
        places = self._places
        if places is None:
            places, flat = Places([self.pairs(flat).numpy()]), np.arange(len(flat))
        gather_cells(places.addresses, places.starts, places.length, flat, cells)
        return torch.from_numpy(cells)

    def _gather_packed(self, chosen: NDArray[np.int64], out: NDArray[np.uint8]) -> None:
        """Fill `out`, (B, 2, H, ceil(W/8)) uint8, with first and last states."""
        owners: list[int] = [0]
        if len(self._parts) > 1:
            owners = np.unique(np.searchsorted(self._starts, chosen, side="right") - 1).tolist()
        for owner in owners:
            part, start = self._parts[owner], int(self._starts[owner])
            if isinstance(part, np.ndarray):
                gather_bytes(part, start, chosen, out)
            else:
                ours = (chosen >= start) & (chosen < start + len(part))
                out[ours] = part[chosen[ours] - start][:, [0, -1]]

    def _ask(self, ahead: ReadAhead, step: int, steps: int) -> None:
        """Ask for what is wanted after the batches step..step + steps, and was not asked for yet."""
        first = max(step + steps, self._asked) if self._asked <= step + steps + AHEAD else step + steps
        self._asked = step + steps + AHEAD
        for later in range(first, self._asked):
            ahead.want(self._chosen(*divmod(later, self._batches), 1)[0])

    def pairs(self, numbers: NDArray[np.int64], *, pinned: bool = False) -> Tensor:
        """First and last states of trajectories (n,), packed, on the CPU: (n, 2, H, ceil(W/8)) uint8.

        IndexError for numbers that are none of the set.
        """
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < self._count:
            raise IndexError(f"there are {self._count} trajectories; got {numbers.min()} to {numbers.max()}")
        shape = len(numbers), 2, self._height, self._row_bytes
        packed = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        self._gather_packed(numbers, packed.numpy())
        return packed

    def fits(self, device: torch.device) -> bool:
        """Whether the two states of all trajectories take no more than half of a device's free memory."""
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else memory_bytes()
        return 2 * self._count * self._height * self._row_bytes <= free // 2

    def upload(self, device: torch.device) -> Tensor:
        """The first and last states of all trajectories on a device, packed: (N, 2, H, ceil(W/8)) uint8."""
        shape = self._count, 2, self._height, self._row_bytes
        resident = torch.empty(shape, dtype=torch.uint8, device=device)
        rows = max(1, _UPLOADED // (2 * self._height * self._row_bytes))
        for start in range(0, self._count, rows):
            numbers = np.arange(start, min(start + rows, self._count))
            resident[start : start + len(numbers)] = self.pairs(numbers)
        return resident


def unpack_bits(packed: Tensor, width: int) -> Tensor:
    """Packed states (..., ceil(width/8)) uint8 to cells (..., width) float32 0/1, on the device they are on."""
    shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=packed.device)
    return (packed.unsqueeze(-1) >> shifts & 1).flatten(-2)[..., :width].float()


def _check_whole(**numbers: object) -> None:
    for name, number in numbers.items():
        if not isinstance(number, (int, np.integer)):
            raise ValueError(f"{name} is a whole number; got {number!r}")


def _check_states(packed: States, width: int) -> None:
    """ValueError unless these are packed trajectories of rows `width` cells wide: kernels look at bytes, not shapes."""
    shape: tuple[int, ...] = getattr(packed, "shape", ())
    dtype = getattr(packed, "dtype", np.dtype(np.uint8))  # what is read from a file has no other
    right = len(shape) == 4 and min(shape[1:3]) >= 1 and shape[3] == (width + 7) // 8 and dtype == np.uint8
    if width < 1 or not right:
        raise ValueError(
            f"packed trajectories of width {width} are uint8 of shape (N, T, H, {(width + 7) // 8}), T and H at least "
            f"1; got {dtype} of shape {shape}"
        )


def _readable(part: States) -> States:
    """An array as the kernels take it: read-only, of NumPy's own class, so that they are compiled once."""
    if not isinstance(part, np.ndarray):
        return part
    plain = np.ascontiguousarray(np.asarray(part)).view()
    plain.flags.writeable = False
    return plain
