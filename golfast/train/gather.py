"""First and last states of chosen trajectories, from packed sets straight to where a batch needs them.

Fewest operations: a state of 20 x 20 cells is 60 bytes to read and 1,600 to write, which is 25 stores of 16 floats.
Rows are joined in a word for that, so the kernel runs at about the speed at which a cache takes what is written.
"""

from typing import Any

import numpy as np
from numba import int64, uint64
from numpy.typing import NDArray

from golfast.jit import inlined, kernel, part
from golfast.train.cells import CHUNK, fetch, put_1, put_2, put_4, put_8, put_16, read_bits, read_word

_FETCHED = 8  # trajectories ahead: enough for memory to answer


class Places:
    """Where the trajectories of a set are: arrays in memory or mapped, one behind the other."""

    def __init__(self, parts: list[NDArray[np.uint8]]) -> None:
        """parts: each (n, T, H, ceil(W/8)) uint8, C-contiguous; they are kept, so that their addresses stay right."""
        assert all(part.flags.c_contiguous for part in parts)
        self._parts = parts
        self.addresses = np.array([part.ctypes.data for part in parts], np.int64)
        self.starts = np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)
        self.length = parts[0].shape[1]


@kernel
def gather_cells(addresses: Any, starts: Any, length: int, chosen: Any, cells: Any) -> None:
    """Unpack trajectories into a batch.

    addresses, starts, length: of `Places`. chosen: flat int64, numbers of trajectories, S * B of them for S batches.
    cells: (2 * S, B, 1, H, W) float32, to be filled with the first states and then the last.
    """
    count, height, width = chosen.shape[0], cells.shape[3], cells.shape[4]
    row_bytes = (width + 7) // 8
    size, target = height * row_bytes, int64(cells.ctypes.data)
    bits = np.zeros(size + 2 * CHUNK, np.uint8)  # a state; more may be put and read than is in it
    state, last = int64(bits.ctypes.data), (length - 1) * size
    at = _find(addresses, starts, length * size, chosen)
    for k in range(count):
        if k + _FETCHED < count:
            _fetch(at[k + _FETCHED], size)
            _fetch(at[k + _FETCHED] + last, size)
        for side in range(2):
            source = at[k] + side * last
            for chunk in range(0, size, CHUNK):
                read_bits(source + chunk, min(CHUNK, size - chunk), state + chunk)
            _put_state(state, row_bytes, height, width, target + (side * count + k) * (height * width * 4))


@part
def _find(addresses: Any, starts: Any, size: int, chosen: Any) -> Any:
    """Where trajectories of `size` bytes begin: (B,) int64. Without branches: which part it is cannot be foretold."""
    found = np.empty(chosen.shape[0], np.int64)
    for k in range(chosen.shape[0]):
        owner, number, step, final = 0, chosen[k], 1 << 20, len(addresses) - 1
        while step > final:
            step >>= 1
        while step > 0:
            later = min(owner + step, final)
            owner = later if number >= starts[later] else owner
            step >>= 1
        found[k] = addresses[owner] + (number - starts[owner]) * size
    return found


@inlined
def _fetch(address: Any, size: Any) -> None:
    for line in range(address, address + size + CHUNK - 1, CHUNK):
        fetch(min(line, address + size - 1))


@inlined
def _put_state(source: Any, row_bytes: Any, height: Any, width: Any, target: Any) -> None:
    """Rows of bits, the first cell lowest, as floats: 64 are joined before any is put, so that stores are long."""
    joined, filled = uint64(0), uint64(0)
    for row in range(height):
        for column in range(0, width, 32):
            count = uint64(min(32, width - column))
            word = read_word(source + row * row_bytes + column // 8) & ((uint64(1) << count) - uint64(1))
            joined |= word << filled
            filled += count
            if filled >= uint64(64):
                _put_32(target, joined)
                _put_32(target + 128, joined >> uint64(32))
                filled -= uint64(64)
                joined, target = word >> (count - filled), target + 256
    if filled & uint64(32):
        _put_32(target, joined)
        joined, target = joined >> uint64(32), target + 128
    if filled & uint64(16):
        put_16(target, joined)
        joined, target = joined >> uint64(16), target + 64
    if filled & uint64(8):
        put_8(target, joined)
        joined, target = joined >> uint64(8), target + 32
    if filled & uint64(4):
        put_4(target, joined)
        joined, target = joined >> uint64(4), target + 16
    if filled & uint64(2):
        put_2(target, joined)
        joined, target = joined >> uint64(2), target + 8
    if filled & uint64(1):
        put_1(target, joined)


@inlined
def _put_32(target: Any, bits: Any) -> None:
    put_16(target, bits)
    put_16(target + 64, bits >> uint64(16))


@kernel
def gather_bytes(states: Any, start: int, chosen: Any, packed: Any) -> None:
    """The trajectories that are in `states`, left packed, into their places; the others are left alone.

    states: (n, T, H, ceil(W/8)) uint8, numbers start..start + n of the set. chosen: (B,) int64, numbers of the set.
    packed: (B, 2, H, ceil(W/8)) uint8.
    """
    count, length = states.shape[:2]
    for k in range(chosen.shape[0]):
        index = chosen[k] - start
        if 0 <= index < count:
            packed[k, 0] = states[index, 0]
            packed[k, 1] = states[index, length - 1]
