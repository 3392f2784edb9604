"""Soups: random first boards, the same bits on every backend, in any order, with any number of threads.

Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) maps a counter and a key to 128
random bits. The key is the seed; the counter is (block, stream, board index low, board index high). Board i's random
plane p is the row-major bits of its blocks 0, 1, 2..., each block its four words in order, each word highest bit first.
Nothing is carried from one board to the next, so any slice of a data set can be made by itself.

A cell is alive with probability `density`, kept to 1/65536: planes are combined from the lowest set bit of
density * 65536 upwards, `or` for a 1 and `and` for a 0. The usual density of 1/2 needs one plane only.
"""

import operator
from typing import Any

import numpy as np
from numba import uint32, uint64
from numpy.typing import NDArray

from golfast.jit import kernel
from golfast.life import reference
from golfast.life.boards import Cells, check_size, pack, packed_width, unpack
from golfast.life.kernels.narrow import narrow
from golfast.life.kernels.philox import DENSITY_BITS, HALF, LOW, MULTIPLY, WEYL, fill_stage, key_schedule, philox8
from golfast.life.kernels.streams import TOGETHER, fields, plan, stage_words
from golfast.life.rule import Rule
from golfast.life.simulate import (
    BACKENDS,
    BOUNDARIES,
    age_packed,
    check_choice,
    check_generations,
    record_packed,
    sort_by_age,
)
from golfast.threads import over_batch
from golfast.vector import LANES, add, ramp, splat, store

STREAMS = {"train": 0, "validation": 1, "test": 2}  # disjoint counters: splits never share a board

_AGE_PLANE = 0xFF


@kernel
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox 4x32-10: four counter words and two key words (uint32) to four random words (uint32)."""
    for _ in range(10):
        product0, product1 = MULTIPLY[0] * uint64(c0), MULTIPLY[1] * uint64(c2)
        c0, c1, c2, c3 = (
            uint32(product1 >> HALF) ^ c1 ^ k0,
            uint32(product1 & LOW),
            uint32(product0 >> HALF) ^ c3 ^ k1,
            uint32(product0 & LOW),
        )
        k0, k1 = uint32(k0 + WEYL[0]), uint32(k1 + WEYL[1])
    return c0, c1, c2, c3


@kernel
def _fill(boards: Any, width: int, soup: Any, first: int, last: int) -> None:
    """boards[first:last], (N, H, bytes) uint8, from their random streams.

    soup: as `_numbers` makes it.
    """
    height, row_bytes = boards.shape[1:]
    stage = np.zeros(((height * width + 127) // 128 * 2 + 1) * LANES, np.uint64)
    spare = uint64(8 * row_bytes - width)
    for tile in range(first, last, LANES):
        numbers = add(splat(soup[0] + uint64(tile)), ramp())
        fill_stage(stage, numbers, soup[1], soup[2], soup[3:])
        for lane in range(min(LANES, last - tile)):
            for row in range(height):
                for byte in range(row_bytes):
                    position = row * width + 8 * byte
                    at, shift = position // 64 * LANES + lane, position % 64
                    bits = stage[at] << uint64(shift) >> uint64(56)
                    if shift > 56:
                        bits |= stage[at + LANES] >> uint64(120 - shift)
                    boards[tile + lane, row, byte] = bits
                boards[tile + lane, row, row_bytes - 1] &= uint64(255) << spare & uint64(255)


@kernel
def _ages(ages: Any, thresholds: Any, soup: Any, first: int, last: int) -> None:
    stage = np.empty(2 * LANES, np.uint64)
    for tile in range(first, last, LANES):
        numbers = add(splat(soup[0] + uint64(tile)), ramp())
        words, _ = philox8(uint64(0), soup[1] << uint64(8) | uint64(_AGE_PLANE), numbers, soup[3:])
        store(stage, 0, words)
        for lane in range(min(LANES, last - tile)):
            # thresholds fall; the age is how many lie above the random word
            word, age = stage[lane] >> HALF, 0
            while age < thresholds.shape[0] and word < thresholds[age]:
                age += 1
            ages[tile + lane] = age


def _numbers(start: int, seed: int, split: str, density: float) -> NDArray[np.uint64]:
    """What a kernel needs to know: number of board 0, stream, density in 1/65536, and the key schedule."""
    return np.array([start, STREAMS[split], round(density * (1 << DENSITY_BITS)), *key_schedule(seed)], np.uint64)


def check_soup(*, count: int, seed: int, start: int = 0, density: float, fresh: float) -> None:
    """Raise ValueError unless soups can be made of these numbers."""
    for name, number in (("count", count), ("start", start)):
        if operator.index(number) < 0:
            raise ValueError(f"{name} is {number}; it must be 0 or more")
    end = operator.index(start) + operator.index(count)
    if end > 2**63:  # a kernel's sums of board numbers would no longer be exact
        raise ValueError(f"board {end - 1} cannot be: boards are numbered from 0 to 2**63 - 1")
    if not 0 <= operator.index(seed) < 2**64:
        raise ValueError(f"seed is {seed}; it must be from 0 to 2**64 - 1")
    if not 0 <= density <= 1:
        raise ValueError(f"density is {density}; it is the chance that a cell is alive, from 0 to 1")
    if not 1e-4 <= fresh <= 1:
        raise ValueError(f"fresh is {fresh}; it is the chance that a board is of age 0, from 0.0001 to 1")


def soup_ages(count: int, *, seed: int, start: int = 0, split: str = "train", fresh: float = 1.0) -> NDArray[np.int64]:
    """Ages (count,) in generations of boards start.., geometric: P(age = k) = fresh * (1 - fresh)**k.

    Made by comparing a 32-bit random word with the integers floor((1 - fresh)**k * 2**32), so exactly alike everywhere.
    """
    check_soup(count=count, seed=seed, start=start, density=0.5, fresh=fresh)
    check_choice("split", split, tuple(STREAMS))
    ages, limits = np.zeros(count, np.int64), np.array(age_thresholds(fresh), np.uint64)
    numbers = _numbers(start, seed, split, 0.5)
    over_batch(lambda first, last: _ages(ages, limits, numbers, first, last), count, smallest=LANES)
    return ages


def age_thresholds(fresh: float) -> list[int]:
    """floor((1 - fresh)**k * 2**32) for k = 1, 2, .. while that is at least 1."""
    found, power = [], 1.0
    while (power := power * (1 - fresh)) * 2**32 >= 1:
        found.append(int(power * 2**32))
    return found


def soups_packed(
    count: int,
    height: int,
    width: int,
    *,
    seed: int,
    start: int = 0,
    split: str = "train",
    density: float = 0.5,
    fresh: float = 1.0,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
    backend: str = "auto",
) -> NDArray[np.uint8]:
    """Packed first boards start..start + count of a seed: (count, height, ceil(width/8)) uint8. See `soups`."""
    return soup_trajectories_packed(
        count, height, width, 0,
        seed=seed, start=start, split=split, density=density, fresh=fresh, rule=rule, boundary=boundary,
        backend=backend,
    )[:, 0]  # fmt: skip


def soup_trajectories_packed(
    count: int,
    height: int,
    width: int,
    generations: int,
    *,
    seed: int,
    start: int = 0,
    split: str = "train",
    density: float = 0.5,
    fresh: float = 1.0,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
    backend: str = "auto",
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Soups run forward, packed: (count, generations + 1, height, ceil(width/8)) uint8.

    The same bits as `simulate_packed` of `soups_packed`, without a pass over memory in between. backend: as `simulate`
    takes it; what "cupy" makes is copied from the device (golfast.life.cuda has the same that leaves it there).
    out: where to put them, a C-contiguous array of that shape; the caller that fills one buffer again and again keeps
    it in cache. Raises ValueError as those do, and if `out` is not such an array.
    """
    check_size(height, width)
    check_soup(count=count, seed=seed, start=start, density=density, fresh=fresh)
    check_choice("split", split, tuple(STREAMS))
    rule, boundary = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES)
    check_choice("backend", backend, BACKENDS)
    shape = (count, check_generations(generations) + 1, height, packed_width(width))
    if out is None:
        out = np.empty(shape, np.uint8)
    elif out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise ValueError(f"out is {out.dtype} of shape {out.shape}; it must be C-contiguous uint8 of shape {shape}")
    if backend == "reference":
        out[:] = _obvious(count, height, width, generations, seed, start, split, density, fresh, rule, boundary)
    elif backend == "cupy":
        from golfast.cuda import to_host
        from golfast.life.cuda import soup_trajectories_packed_cuda

        made = soup_trajectories_packed_cuda(
            count, height, width, generations,
            seed=seed, start=start, split=split, density=density, fresh=fresh, rule=rule, boundary=boundary,
        )  # fmt: skip
        out[:] = to_host(made)
    else:
        _grow(out, width, seed, start, split, density, fresh, rule, boundary)
    return out


def _obvious(
    count: int,
    height: int,
    width: int,
    generations: int,
    seed: int,
    start: int,
    split: str,
    density: float,
    fresh: float,
    rule: Rule,
    boundary: str,
) -> Cells:
    """What `_grow` makes, by the plain NumPy of `reference`."""
    numbers, stream = np.arange(count, dtype=np.uint64) + np.uint64(start), STREAMS[split] << 8
    boards = reference.soups(numbers, height, width, seed, stream, round(density * (1 << DENSITY_BITS)))
    ages = reference.ages(numbers, seed, stream | _AGE_PLANE, age_thresholds(fresh))
    for age in range(int(ages.max(initial=0))):
        boards[ages > age] = reference.step(boards[ages > age], rule, boundary)
    return pack(reference.trajectories(boards, generations, rule, boundary))


def _grow(
    states: NDArray[np.uint8],
    width: int,
    seed: int,
    start: int,
    split: str,
    density: float,
    fresh: float,
    rule: Rule,
    boundary: str,
) -> None:
    """Fill states (N, T, H, bytes) with soups, aged, and their next generations."""
    count, frames, height, row_bytes = states.shape
    numbers = _numbers(start, seed, split, density)
    ages = np.zeros(count, np.int64)
    if fresh != 1:
        ages = soup_ages(count, seed=seed, start=start, split=split, fresh=fresh)
    if width > 64:
        first = np.empty((count, height, row_bytes), np.uint8)
        over_batch(lambda start, stop: _fill(first, width, numbers, start, stop), count, smallest=LANES)
        states[:, 0] = age_packed(first, width, ages, rule=rule, boundary=boundary) if ages.any() else first
        record_packed(states, width, rule=rule, boundary=boundary)
        return
    grow, tile = narrow(rule, boundary == "torus").grow, LANES * fields(width)
    order = sort_by_age(ages, tile) if ages.any() else np.arange(count)
    flat = states.reshape(-1)
    soup_rows, rows = plan(height, width, width), plan(height, width, 8 * row_bytes)

    def run(first: int, last: int) -> None:
        soup_stage = np.zeros(TOGETHER * ((height * width + 127) // 128 * 2 + 1) * LANES, np.uint64)
        stage = np.zeros(TOGETHER * stage_words(height, 8 * row_bytes), np.uint64)
        grow(flat, frames, ages, order, numbers, soup_rows, soup_stage, rows, stage, height, width, first, last)

    over_batch(run, count, smallest=tile)


def soups(
    count: int,
    height: int,
    width: int,
    *,
    seed: int,
    start: int = 0,
    split: str = "train",
    density: float = 0.5,
    fresh: float = 1.0,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
    backend: str = "auto",
) -> Cells:
    """Random first boards: (count, height, width), uint8 0/1.

    Board i of a seed is always the same bits; `start` says which i comes first. The splits "train", "validation" and
    "test" of one seed share no random number. density: the chance that a cell is alive, kept to 1/65536.
    fresh: the chance of age 0; older boards have run for a geometric number of generations under `rule` and `boundary`,
    as in the paper's footnote. The paper's data has fresh=0.1; fresh=1 gives plain soups. backend: as `simulate` takes
    it; the bits are the same on each.

    Raises ValueError for impossible sizes, seeds, chances or names.
    """
    packed = soups_packed(
        count, height, width,
        seed=seed, start=start, split=split, density=density, fresh=fresh, rule=rule, boundary=boundary,
        backend=backend,
    )  # fmt: skip
    return unpack(packed, width)
