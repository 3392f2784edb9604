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
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from golfast.jit import part
from golfast.threads import over_batch, thread_count
from golfast.vector import LANES, add, load, splat, store

from .beside import Limit

REGISTERS = 6  # vectors in flight: enough to hide latency, few enough to stay in 16 registers of half the width
_ROUNDS = 192
_LOGIC_CALLS = 12_000  # some milliseconds


@intrinsic
def _mix(typing_context: Any, words: Any) -> tuple[Any, Callable[..., Any]]:
    """Run a ^ (b & c) over and over on vectors kept in registers; words is (REGISTERS * LANES,) uint64."""

    def code(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        array = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        base = builder.bitcast(array.data, ir.VectorType(ir.IntType(64), LANES).as_pointer())
        places = [builder.gep(base, [ir.Constant(ir.IntType(64), k)]) for k in range(REGISTERS)]
        vectors = [builder.load(place, align=8) for place in places]
        for _ in range(_ROUNDS):
            for k in range(REGISTERS):
                both = builder.and_(vectors[(k + 1) % REGISTERS], vectors[(k + 2) % REGISTERS])
                vectors[k] = builder.xor(vectors[k], both)
        for vector, place in zip(vectors, places, strict=True):
            builder.store(vector, place, align=8)
        return context.get_dummy_value()

    return types.void(words), code


# Parts and not kernels: these files have one name in the repository and another when installed, and what Numba keeps on
# disk under the one cannot be read under the other.
@part
def _logic(calls: int) -> Any:
    words = np.arange(REGISTERS * LANES).astype(np.uint64)
    for _ in range(calls):
        _mix(words)
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
    """Operations a ^ (b & c) on 64-bit words in registers: one instruction for 8 words where the CPU has AVX-512.

    needed: how many of them a unit of the work takes in the smallest circuit known.
    """
    spans = thread_count()

    def run() -> None:
        over_batch(lambda start, stop: _logic(_LOGIC_CALLS * (stop - start)), spans)

    return Limit("logic operations", run, spans * _LOGIC_CALLS * _ROUNDS * REGISTERS * LANES, needed)


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
    """Writing `size` bytes to a plain file in one go, until they are on the disk."""
    data = memoryview(np.random.default_rng(0).bytes(size))

    def run() -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            left = data
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)

    return Limit("file write", run, size, size / units)


def multiplying(dtype: torch.dtype, needed: float) -> Limit:
    """Floating-point operations of a matrix product, 1024 x 1024 x 1024; needed: how many a unit of the work takes."""
    side = 1024
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    return Limit(f"{str(dtype).removeprefix('torch.')} matmul", lambda: a @ b, 2 * side**3, needed)
