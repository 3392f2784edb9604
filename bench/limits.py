"""What this machine could do at best, measured: bit operations, memory, file writes, matrix products.

Each function gives a limit whose `run` is one measurement; `beside.compare` takes it in the same rounds as the work it
bounds, on as many threads as that work has.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import literal_unroll, uint64

from golfast.jit import inlined, part
from golfast.threads import over_batch, thread_count
from golfast.vector import LANES, MAJORITY, XOR3, add, down, load, splat, store, ternary

from .beside import Limit

_LOGIC_ROUNDS, _LOGIC_ROUND = 1_000_000, 96 * LANES  # ten milliseconds; operations on words


@inlined
def _six(vectors: Any, b: Any, c: Any) -> Any:
    u, v, w, x, y, z = vectors
    u, v, w = ternary(XOR3, u, b, c), ternary(XOR3, v, b, c), ternary(XOR3, w, b, c)
    x, y, z = ternary(MAJORITY, x, b, c), ternary(MAJORITY, y, b, c), down(z, uint64(1))
    return z, x, y, u, v, w


# Parts and not kernels: these files have one name in the repository and another when installed, and what Numba keeps on
# disk under the one cannot be read under the other.
@part
def _logic(rounds: int) -> Any:
    """What Life is made of, 96 operations a round, of which one in six is a shift (in Life two in eleven).

    On twelve vectors: fewer leave some ports idle.
    """
    words = np.arange(14 * LANES).astype(np.uint64)
    one = (
        load(words, 0), load(words, LANES), load(words, 2 * LANES),
        load(words, 3 * LANES), load(words, 4 * LANES), load(words, 5 * LANES),
    )  # fmt: skip
    other = (
        load(words, 6 * LANES), load(words, 7 * LANES), load(words, 8 * LANES),
        load(words, 9 * LANES), load(words, 10 * LANES), load(words, 11 * LANES),
    )  # fmt: skip
    b, c = load(words, 12 * LANES), load(words, 13 * LANES)
    for _ in range(rounds):
        for _ in literal_unroll((0, 1, 2, 3, 4, 5, 6, 7)):
            one, other = _six(one, b, c), _six(other, b, c)
    for vector in one + other:
        store(words, 0, ternary(XOR3, load(words, 0), vector, b))
    return words[0]


@part
def _read(source: Any) -> Any:
    """Adds up vectors, four at a time: as many words as are a multiple of 32."""
    a, b, c, d = splat(np.uint64(0)), splat(np.uint64(0)), splat(np.uint64(0)), splat(np.uint64(0))
    for k in range(0, len(source) - 4 * LANES + 1, 4 * LANES):
        a, b = add(a, load(source, k)), add(b, load(source, k + LANES))
        c, d = add(c, load(source, k + 2 * LANES)), add(d, load(source, k + 3 * LANES))
    total = np.empty(LANES, np.uint64)
    store(total, 0, add(add(a, b), add(c, d)))
    return total[0]


def logic(needed: float) -> Limit:
    """Operations of three inputs, and shifts, on 64-bit words in registers: where the CPU has AVX-512, 8 words at once.

    needed: how many of them a unit of the work takes in the smallest circuit known.
    """
    spans = thread_count()

    def run() -> None:
        over_batch(lambda start, stop: _logic(_LOGIC_ROUNDS * (stop - start)), spans)

    return Limit("logic operations", run, spans * _LOGIC_ROUNDS * _LOGIC_ROUND, needed)


def copying(read_and_written: int, units: float) -> Limit:
    """Copying as many bytes as `units` of the work must read and write, to and from memory that is there already."""
    words = max(1, read_and_written // 16)
    source, target = np.ones(words, np.uint64), np.zeros(words, np.uint64)

    def run() -> None:
        over_batch(lambda start, stop: np.copyto(target[start:stop], source[start:stop]), words)

    return Limit("memory copy", run, 16 * words, read_and_written / units)


def reading(read: int, units: float) -> Limit:
    """Reading as many bytes as `units` of the work must read."""
    words = max(1, read // 8)
    source = np.ones(words, np.uint64)

    def run() -> None:
        over_batch(lambda start, stop: _read(source[start:stop]), words)

    return Limit("memory read", run, 8 * words, read / units)


def file_write(path: Path, size: int, units: float) -> Limit:
    """Writing `size` bytes to a new plain file in one go, until they are on the disk."""
    data = memoryview(np.random.default_rng(0).bytes(size))

    def run() -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            left = data
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)

    return Limit("plain write of the same bytes", run, size, size / units, cleared(path))


def cleared(path: Path) -> Callable[[], None]:
    """What to do before a file is written: the last one is gone, and the disk is at rest."""

    def clear() -> None:
        path.unlink(missing_ok=True)
        os.sync()

    return clear


def multiplying(dtype: torch.dtype, needed: float) -> Limit:
    """Floating-point operations of a matrix product, 1024 x 1024 x 1024; needed: how many a unit of the work takes."""
    side = 1024
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    return Limit(f"{str(dtype).removeprefix('torch.')} matmul", lambda: a @ b, 2 * side**3, needed)
