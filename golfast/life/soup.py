"""Soups: random first boards, the same bits on every backend, in any order, with any number of threads.

Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) maps a counter and a key to 128
random bits. The key is the seed; the counter is (block, stream, board index low, board index high). Board i's random
plane p is the row-major bits of its blocks 0, 1, 2..., each block its four words in order, each word highest bit first.
Nothing is carried from one board to the next, so any slice of a data set can be made by itself.

A cell is alive with probability `density`, kept to 1/65536: planes are combined from the lowest set bit of
density * 65536 upwards, `or` for a 1 and `and` for a 0. The usual density of 1/2 needs one plane only.
"""

from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np
from numba import uint32, uint64
from numpy.typing import NDArray

from golfast.jit import kernel
from golfast.life import reference
from golfast.life.boards import Cells, check_size, pack, packed_width, shown, unpack, whole_number
from golfast.life.kernels.narrow import narrow
from golfast.life.kernels.philox import DENSITY_BITS, HALF, LOW, MULTIPLY, WEYL, fill_stage, key_schedule, philox8
from golfast.life.kernels.small import is_small, small, small_plan
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
from golfast.vector import LANES, add, aligned_words, ramp, splat, store

STREAMS = {"train": 0, "validation": 1, "test": 2}  # disjoint counters: splits never share a board

_LIFE = Rule.parse("B3/S23")
_AGE_PLANE = 0xFF
_AGE_BITS = 12
_GROWN_TOGETHER = 8192  # boards: what is known of each stays in the cache, and costs no new page


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
    stage = aligned_words(((height * width + 127) // 128 * 2 + 1) * LANES)
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
def _ages(ages: Any, thresholds: Any, least: Any, soup: Any, first: int, last: int) -> None:
    """Ages of boards first..last; thresholds and least as `_age_tables` makes them."""
    stage = aligned_words(2 * LANES)
    for tile in range(first, last, LANES):
        numbers = add(splat(soup[0] + uint64(tile)), ramp())
        words, _ = philox8(uint64(0), soup[1] << uint64(8) | uint64(_AGE_PLANE), numbers, soup[3:])
        store(stage, 0, words)
        for lane in range(min(LANES, last - tile)):
            # thresholds fall; the age is how many lie above the random word
            word = stage[lane] >> HALF
            age = least[word >> uint64(32 - _AGE_BITS)]
            while age < thresholds.shape[0] and word < thresholds[age]:
                age += 1
            ages[tile + lane] = age


@dataclass(frozen=True, kw_only=True)
class _Soup:
    """All that decides a soup's bits but its size. See `soups`."""

    seed: int
    start: int = 0
    split: str = "train"
    density: float = 0.5
    fresh: float = 1.0
    rule: Rule = _LIFE
    boundary: str = "dead"

    def check(self, count: int) -> int:
        """`count` as an int; ValueError unless so many boards can be made."""
        check_soup(count=count, seed=self.seed, start=self.start, density=self.density, fresh=self.fresh)
        check_choice("split", self.split, tuple(STREAMS))
        check_choice("boundary", self.boundary, BOUNDARIES)
        return whole_number("count", count)

    @property
    def torus(self) -> bool:
        return self.boundary == "torus"

    def numbers(self) -> NDArray[np.uint64]:
        """What a kernel needs to know: number of board 0, stream, density in 1/65536, and the key schedule."""
        density = round(self.density * (1 << DENSITY_BITS))
        return np.array([self.start, STREAMS[self.split], density, *key_schedule(self.seed)], np.uint64)

    def ages(self, count: int, numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Ages (count,) of the first boards of `numbers`."""
        ages = np.zeros(count, np.int64)
        if self.fresh != 1:
            thresholds, least = _age_tables(self.fresh)
            over_batch(lambda first, last: _ages(ages, thresholds, least, numbers, first, last), count, smallest=LANES)
        return ages


def check_soup(*, count: int, seed: int, start: int = 0, density: float, fresh: float) -> None:
    """Raise ValueError unless soups can be made of these numbers."""
    count, start, seed = whole_number("count", count), whole_number("start", start), whole_number("seed", seed)
    for name, number in (("count", count), ("start", start)):
        if number < 0:
            raise ValueError(f"{name} is {number}; it must be 0 or more")
    if start + count > 2**63:  # a kernel's sums of board numbers would no longer be exact
        raise ValueError(f"board {start + count - 1} cannot be: boards are numbered from 0 to 2**63 - 1")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}; it must be from 0 to 2**64 - 1")
    _check_chance("density", density, "a cell is alive, from 0 to 1", 0)
    _check_chance("fresh", fresh, "a board is of age 0, from 0.0001 to 1", 1e-4)


def _check_chance(name: str, value: float, what: str, least: float) -> None:
    number = isinstance(value, Real)
    if not number or not least <= value <= 1:
        raise ValueError(f"{name} is {value if number else shown(value)}; it is the chance that {what}")


def soup_ages(count: int, *, seed: int, start: int = 0, split: str = "train", fresh: float = 1.0) -> NDArray[np.int64]:
    """Ages (count,) in generations of boards start.., geometric: P(age = k) = fresh * (1 - fresh)**k.

    Made by comparing a 32-bit random word with the integers floor((1 - fresh)**k * 2**32), so exactly alike everywhere.
    """
    soup = _Soup(seed=seed, start=start, split=split, fresh=fresh)
    soup.check(count)
    return soup.ages(count, soup.numbers())


def age_thresholds(fresh: float) -> list[int]:
    """floor((1 - fresh)**k * 2**32) for k = 1, 2, .. while that is at least 1."""
    found, power = [], 1.0
    while (power := power * (1 - fresh)) * 2**32 >= 1:
        found.append(int(power * 2**32))
    return found


@lru_cache(maxsize=8)
def _age_tables(fresh: float) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The thresholds, and for each beginning of a random word how many lie above all words that begin so."""
    thresholds = np.array(age_thresholds(fresh), np.uint64)
    beyond = np.arange(1, 1 + (1 << _AGE_BITS), dtype=np.uint64) << np.uint64(32 - _AGE_BITS)
    return thresholds, len(thresholds) - np.searchsorted(thresholds[::-1], beyond)


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
    height, width = check_size(height, width)
    rule = Rule.parse(rule)
    soup = _Soup(seed=seed, start=start, split=split, density=density, fresh=fresh, rule=rule, boundary=boundary)
    count = soup.check(count)
    check_choice("backend", backend, BACKENDS)
    shape = (count, check_generations(generations) + 1, height, packed_width(width))
    if out is None:
        out = np.empty(shape, np.uint8)
    elif not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        got = f"{out.dtype} of shape {out.shape}" if isinstance(out, np.ndarray) else shown(out)
        raise ValueError(f"out is {got}; it must be C-contiguous uint8 of shape {shape}")
    if backend == "reference":
        out[:] = _obvious(count, height, width, generations, soup)
    elif backend == "cupy":
        from golfast.cuda import to_host
        from golfast.life.cuda import soup_trajectories_packed_cuda

        made = soup_trajectories_packed_cuda(
            count, height, width, generations,
            seed=seed, start=start, split=split, density=density, fresh=fresh, rule=rule, boundary=boundary,
        )  # fmt: skip
        out[:] = to_host(made)
    else:
        _grow(out, width, soup)
    return out


def _obvious(count: int, height: int, width: int, generations: int, soup: _Soup) -> Cells:
    """What `_grow` makes, by the plain NumPy of `reference`."""
    numbers, stream = np.arange(count, dtype=np.uint64) + np.uint64(soup.start), STREAMS[soup.split] << 8
    rule, density = soup.rule, round(soup.density * (1 << DENSITY_BITS))
    boards = reference.soups(numbers, height, width, soup.seed, stream, density)
    ages = reference.ages(numbers, soup.seed, stream | _AGE_PLANE, age_thresholds(soup.fresh))
    for age in range(int(ages.max(initial=0))):
        boards[ages > age] = reference.step(boards[ages > age], rule, soup.boundary)
    return pack(reference.trajectories(boards, generations, rule, soup.boundary))


def _grow(states: NDArray[np.uint8], width: int, soup: _Soup) -> None:
    """Fill states (N, T, H, bytes) with soups, aged, and their next generations."""
    rule, numbers = soup.rule, soup.numbers()
    count, _, height, row_bytes = states.shape
    if width > 64:
        first, ages = np.empty((count, height, row_bytes), np.uint8), soup.ages(count, numbers)
        over_batch(lambda start, stop: _fill(first, width, numbers, start, stop), count, smallest=LANES)
        states[:, 0] = age_packed(first, width, ages, rule=rule, boundary=soup.boundary) if ages.any() else first
        record_packed(states, width, rule=rule, boundary=soup.boundary)
        return
    tile = LANES if is_small(height, width) else LANES * fields(width)
    together = _GROWN_TOGETHER // tile * tile

    def run(start: int, stop: int) -> None:
        alone = numbers.copy()
        for first in range(start, stop, together):
            alone[0] = numbers[0] + np.uint64(first)
            _grow_some(states[first : min(first + together, stop)], width, soup, alone)

    over_batch(run, count, smallest=tile)


def _ages_and_order(
    count: int, tile: int, soup: _Soup, numbers: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ages (count,) of the first boards of `numbers`, and the order (count + LANES,) in which to do them."""
    if soup.fresh == 1:
        return _unaged(count)
    ages = np.zeros(count, np.int64)
    _ages(ages, *_age_tables(soup.fresh), numbers, 0, count)
    return ages, sort_by_age(ages, tile, beyond=LANES)


@lru_cache(maxsize=4)
def _unaged(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same where no board is aged, kept: to make it anew would cost a tenth of making the boards."""
    ages = np.zeros(count, np.int64)
    return ages, sort_by_age(ages, LANES, beyond=LANES)


def _grow_some(states: NDArray[np.uint8], width: int, soup: _Soup, numbers: NDArray[np.uint64]) -> None:
    """The same for boards up to 64 wide, on this thread, so few that what is known of them stays in the cache."""
    count, frames, height, row_bytes = states.shape
    fit, flat = is_small(height, width), states.reshape(-1)
    ages, order = _ages_and_order(count, LANES if fit else LANES * fields(width), soup, numbers)
    if fit:
        moves = small_plan(height, width, soup.torus)
        small(soup.rule, soup.torus).grow(flat, frames, height * row_bytes, ages, order, numbers, moves, 0, count)
        return
    soup_rows, rows = plan(height, width, width), plan(height, width, 8 * row_bytes)
    soup_stage = aligned_words(TOGETHER * ((height * width + 127) // 128 * 2 + 1) * LANES)
    stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
    narrow(soup.rule, soup.torus).grow(
        flat, frames, ages, order, numbers, soup_rows, soup_stage, rows, stage, height, width, 0, count
    )


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
