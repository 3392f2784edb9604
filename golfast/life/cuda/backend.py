"""Launching the kernels of life.cu: which constants, how many blocks, whose bytes.

Arrays in are CuPy's, NumPy's (copied to the device) or torch's on the device (not copied); arrays out are CuPy's and
stay on the device: `torch.from_dlpack(states)` makes them torch's without a copy. All results equal those of
golfast.life.simulate and golfast.life.soup bit for bit.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from golfast import cuda
from golfast.cuda import Array, Device, Launch, to_host
from golfast.life.boards import check_packed, check_size, packed_width
from golfast.life.rule import Rule
from golfast.life.simulate import BOUNDARIES, check_choice, check_generations
from golfast.life.soup import STREAMS, age_thresholds, check_soup

SOURCE = Path(__file__).with_name("life.cu")

_REGISTERS = 128  # words of boards that a thread may hold
_OWN_SOUPS = 64  # words up to which there are registers left to make soups, too
_MOST_PER = 8  # boards in a row of a thread
_STAGE_BYTES = 30 << 10  # shared memory of a warp: 7 warps of a multiprocessor find room
_STAGE_LIMIT = 48 << 10  # what a block gets unasked

_ROWS, _MOST_WARPS = 32, 8  # of a wide kernel's warp, of its block
_STEPS = 8  # generations of a launch: the deeper, the more halo, the shallower, the more memory traffic

_THREADS = 256

Constants = dict[str, str | int]


class Small(NamedTuple):
    """How boards lie in a thread: PER in a row of WORDS 32-bit words, FRAMES of each in shared memory at a time."""

    words: int
    per: int
    frames: int
    shared: int

    @classmethod
    def of(cls, height: int, width: int, torus: bool, kept: int) -> "Small | None":
        """The densest layout of boards of this size, `kept` frames each; None if they don't fit into registers."""
        spare = 0 if torus else 1
        choices = []
        for words in (1, 2):
            per = min((32 * words + spare) // (width + spare), _MOST_PER)
            if per and height * words <= _REGISTERS:
                choices.append((per / words, -words, per))
        frame = height * packed_width(width)
        for _, negative, per in sorted(choices, reverse=True):
            frames = max(1, min(kept, _STAGE_BYTES // (32 * per * frame)))
            shared = 32 * per * (frames * frame + 4)
            if shared <= _STAGE_LIMIT:
                return cls(-negative, per, frames, shared)
        return None


class Soup(NamedTuple):
    """Which random boards: soup.py has the meaning of each."""

    seed: int
    start: int
    split: str
    density: float
    fresh: float

    @property
    def numbers(self) -> tuple[np.uint64, np.uint64, np.int32]:
        """Seed, first board and split, as the kernels take them."""
        return np.uint64(self.seed), np.uint64(self.start), np.int32(STREAMS[self.split])

    @property
    def chance(self) -> np.int32:
        """That a cell is alive, in 1/65536."""
        return np.int32(round(self.density * (1 << 16)))

    def thresholds(self, device: Device) -> Array:
        """What a random word is compared with for an age, uint32."""
        return device.xp.asarray(np.array(age_thresholds(self.fresh), np.uint32))


def simulate_packed_cuda(
    boards: object, width: int, generations: int, *, rule: str | Rule = "B3/S23", boundary: str = "dead"
) -> Array:
    """Packed boards (N, H, ceil(width/8)) to trajectories (N, generations + 1, H, ceil(width/8)), uint8, on the device.

    Raises as `simulate_packed`, and ValueError if there is no CuPy or no device.
    """
    return _simulated(boards, width, generations, rule, boundary, last_only=False)


def last_packed_cuda(
    boards: object, width: int, generations: int, *, rule: str | Rule = "B3/S23", boundary: str = "dead"
) -> Array:
    """Packed boards (N, H, ceil(width/8)) to their states `generations` later, same shape, uint8, on the device.

    Raises as `simulate_packed_cuda`.
    """
    return _simulated(boards, width, generations, rule, boundary, last_only=True)


def age_packed_cuda(
    boards: object, width: int, ages: object, *, rule: str | Rule = "B3/S23", boundary: str = "dead"
) -> Array:
    """Packed boards (N, H, ceil(width/8)), each run on by its own number of generations (N,): same shape, uint8.

    Raises as `simulate_packed_cuda`, and ValueError unless there is one age, of at least 0, for each board.
    """
    device = cuda.device()
    given = _checked(device, boards, width)
    rule, torus = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES) == "torus"
    numbers = to_host(ages)
    if numbers.shape != given.shape[:1] or numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise ValueError(f"ages are whole numbers of at least 0, one for each of {len(given)} boards")
    return _aged(device, given, width, numbers, rule, torus)


def soups_packed_cuda(
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
) -> Array:
    """The boards of `soups_packed`, on the device: (count, height, ceil(width/8)) uint8.

    Raises as `soups_packed`, and ValueError if there is no CuPy or no device.
    """
    soup = Soup(seed, start, split, density, fresh)
    return _from_soups(count, height, width, 0, soup, rule, boundary)[:, 0]


def soup_trajectories_packed_cuda(
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
) -> Array:
    """Soups and their next generations: (count, generations + 1, height, ceil(width/8)) uint8 on the device.

    The same as `simulate_packed_cuda` of `soups_packed_cuda`, but boards up to some 20 x 60 never leave the registers
    in between. Raises as those.
    """
    soup = Soup(seed, start, split, density, fresh)
    return _from_soups(count, height, width, generations, soup, rule, boundary)


def small_constants(height: int, width: int, rule: Rule, torus: bool, plan: Small, soup: bool, aged: bool) -> Constants:
    """What life.cu's kernel `small` is compiled with."""
    return {
        "SMALL": 1, "HEIGHT": height, "WIDTH": width, "PER": plan.per, "WORDS": plan.words, "FRAMES": plan.frames,
        "TORUS": int(torus), "SOUP": int(soup), "AGED": int(aged), **rule_constants(rule),
    }  # fmt: skip


def wide_constants(rule: Rule, torus: bool, warps: int, span: int) -> Constants:
    """What life.cu's kernel `wide` is compiled with."""
    return {"WIDE": 1, "ROWS": _ROWS, "WARPS": warps, "SPAN": span, "TORUS": int(torus), **rule_constants(rule)}


def soup_constants() -> Constants:
    """What life.cu's kernels for soups are compiled with; they know no rule."""
    return {"SOUPS": 1, **rule_constants(Rule.parse("B3/S23"))}


def rule_constants(rule: Rule) -> Constants:
    """LIFE for B3/S23, which has a circuit of its own; a truth TABLE for other rules.

    Bit 16 four + 8 two + 4 odd + 2 cell + pair says what becomes of a cell, where the nine cells around and with it are
    odd + 2 (pair + two) + 4 four.
    """
    if rule == Rule.parse("B3/S23"):
        return {"LIFE": 1, "TABLE": "0u"}
    table = 0
    for index in range(32):
        four, two, odd, cell, pair = (index >> place & 1 for place in (4, 3, 2, 1, 0))
        neighbours = odd + 2 * (pair + two) + 4 * four - cell
        if 0 <= neighbours <= 8:
            table |= ((rule.survival if cell else rule.birth) >> neighbours & 1) << index
    return {"LIFE": 0, "TABLE": f"{table}u"}


def wide_shape(height: int, width: int, steps: int) -> tuple[int, int]:
    """Warps of a block and lanes of a window (powers of 2): the least that hold a board and its halo, else the most."""
    warps = 1
    while warps < _MOST_WARPS and _ROWS * warps - 2 * steps < height:
        warps *= 2
    span = 2
    while span < 32 and 64 * span - 64 < width:
        span *= 2
    return warps, span


def _simulated(
    boards: object, width: int, generations: int, rule: str | Rule, boundary: str, *, last_only: bool
) -> Array:
    device = cuda.device()
    given = _checked(device, boards, width)
    generations = check_generations(generations)
    rule, torus = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES) == "torus"
    count, height, row_bytes = given.shape
    kept = 1 if last_only else generations + 1
    plan = Small.of(height, width, torus, kept)
    if plan is None:
        states = _wide(device, given, width, generations, rule, torus, last_only=last_only)
    else:
        states = device.xp.empty((count, kept, height, row_bytes), np.uint8)
        constants = small_constants(height, width, rule, torus, plan, False, False)
        _launch_small(device, plan, constants, given, states, None, None, None, generations, last_only)
    return states[:, 0] if last_only else states


def _from_soups(
    count: int, height: int, width: int, generations: int, soup: Soup, rule: str | Rule, boundary: str
) -> Array:
    check_size(height, width)
    check_soup(count=count, seed=soup.seed, start=soup.start, density=soup.density, fresh=soup.fresh)
    check_choice("split", soup.split, tuple(STREAMS))
    generations = check_generations(generations)
    rule, torus = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES) == "torus"
    device, row_bytes, aged = cuda.device(), packed_width(width), soup.fresh != 1
    plan = Small.of(height, width, torus, generations + 1)
    if plan is not None and height * plan.words <= _OWN_SOUPS:
        boards = None
    else:
        boards = device.xp.empty((count, height, row_bytes), np.uint8)
        threads = count * height * -(-row_bytes // 16)
        device.launch(
            SOURCE, "soups", soup_constants(), Launch(-(-threads // _THREADS), _THREADS),
            boards, *soup.numbers, soup.chance, np.int64(count), np.int32(height), np.int32(width),
        )  # fmt: skip
    if plan is None:
        if aged:
            from golfast.life.soup import soup_ages  # boards this large are few

            ages = soup_ages(count, seed=soup.seed, start=soup.start, split=soup.split, fresh=soup.fresh)
            boards = _aged(device, boards, width, ages, rule, torus)
        return _wide(device, boards, width, generations, rule, torus, last_only=False)
    states = device.xp.empty((count, generations + 1, height, row_bytes), np.uint8)
    order = thresholds = None
    if aged:
        thresholds = soup.thresholds(device)
        order = _by_age(device, soup, thresholds, count)
    constants = small_constants(height, width, rule, torus, plan, boards is None, aged)
    _launch_small(device, plan, constants, boards, states, order, thresholds, soup, generations, False)
    return states


def _launch_small(
    device: Device, plan: Small, constants: Constants, boards: Array | None, states: Array, order: Array | None,
    thresholds: Array | None, soup: Soup | None, generations: int, last_only: bool,
) -> None:  # fmt: skip
    soup = soup or Soup(0, 0, "train", 0, 1)
    device.launch(
        SOURCE, "small", constants, Launch(-(-len(states) // (32 * plan.per)), 32, plan.shared),
        boards, states, order, thresholds, np.int32(0 if thresholds is None else len(thresholds)),
        *soup.numbers, soup.chance, np.int64(len(states)), np.int32(generations), np.int32(last_only),
    )  # fmt: skip


def _by_age(device: Device, soup: Soup, thresholds: Array, count: int) -> Array:
    """The numbers 0..count of soups, the oldest first, uint32: those who take longest should not begin last."""
    if count >= 2**32:
        raise ValueError(f"{count} boards of different ages are too many for one call: at most {2**32 - 1}")
    xp = device.xp
    shared = (thresholds, np.int32(len(thresholds)), *soup.numbers, np.int64(count))
    launch = Launch(-(-count // _THREADS), _THREADS, 4 * _THREADS)
    bins, order = xp.zeros(_THREADS, np.uint32), xp.empty(count, np.uint32)
    device.launch(SOURCE, "count_ages", soup_constants(), launch, bins, *shared)
    begins = (count - xp.cumsum(bins.astype(np.int64))).astype(np.uint32)
    device.launch(SOURCE, "order_by_age", soup_constants(), launch, begins, order, *shared)
    return order


def _wide(
    device: Device, boards: Array, width: int, generations: int, rule: Rule, torus: bool, *, last_only: bool
) -> Array:
    """Trajectories (N, kept, H, ceil(width/8)) of boards of any size, kept being generations + 1 or 1."""
    xp, (count, height, row_bytes) = device.xp, boards.shape
    boards, wide_width = _as_words(device, boards, width, torus)
    row_words = boards.shape[2]
    board_words = height * row_words
    kept = 1 if last_only else generations + 1
    states = xp.empty((count, kept, height, row_words), np.uint32)
    if last_only:
        here = boards  # which is not written over
        buffers = [xp.empty_like(boards) for _ in range(min(2, -(-generations // _STEPS)))]
        for launch, done in enumerate(range(0, generations, _STEPS)):
            steps, there = min(_STEPS, generations - done), buffers[launch % 2]
            _launch_wide(device, rule, torus, here, board_words, there, board_words, 0, height, wide_width, steps)
            here = there
        states[:, 0] = here
    else:
        states[:, 0] = boards
        stride = kept * board_words
        for done in range(0, generations, _STEPS):
            steps = min(_STEPS, generations - done)
            _launch_wide(
                device, rule, torus, states[:, done], stride, states[:, done + 1], stride, board_words,
                height, wide_width, steps,
            )  # fmt: skip
    return _as_bytes(device, states, row_bytes, width)


def _aged(device: Device, boards: Array, width: int, ages: np.ndarray, rule: Rule, torus: bool) -> Array:
    """Boards (N, H, ceil(width/8)) of any size, each at its own age; as `wide`'s `ages` and `rest` have it."""
    xp, (_, height, row_bytes) = device.xp, boards.shape
    here, wide_width = _as_words(device, boards, width, torus)
    board_words = height * here.shape[2]
    finished, there = here.copy(), xp.empty_like(here)
    order = np.argsort(ages, kind="stable")
    first = done = 0
    on_device, sorted_ages = xp.asarray(ages.astype(np.uint32)), ages[order]
    while (first := int(np.searchsorted(sorted_ages, done, side="right"))) < len(ages):
        going = xp.asarray(order[first:].astype(np.uint32))
        _launch_wide(
            device, rule, torus, here, board_words, finished, board_words, 0, height, wide_width, _STEPS,
            rest=there, ages=on_device, order=going, done=done,
        )  # fmt: skip
        here, there = there, here
        done += _STEPS
    return _as_bytes(device, finished, row_bytes, width)


def _launch_wide(
    device: Device, rule: Rule, torus: bool, boards: Array, board_stride: int, states: Array, state_stride: int,
    frame_stride: int, height: int, width: int, steps: int, *,
    rest: Array | None = None, ages: Array | None = None, order: Array | None = None, done: int = 0,
) -> None:  # fmt: skip
    warps, span = wide_shape(height, width, steps)
    count = len(boards) if order is None else len(order)
    windows = count * -(-width // (64 * span - 64)) * -(-height // (_ROWS * warps - 2 * steps))
    device.launch(
        SOURCE, "wide", wide_constants(rule, torus, warps, span),
        Launch(-(-windows * span // 32), 32 * warps, 1024 * warps),
        boards, np.int64(board_stride), states, np.int64(state_stride), np.int64(frame_stride),
        rest, ages, order, np.int32(done), np.int64(count),
        np.int32(height), np.int32(width), np.int32(boards.shape[-1]), np.int32(steps),
    )  # fmt: skip


def _as_words(device: Device, boards: Array, width: int, torus: bool) -> tuple[Array, int]:
    """Boards (N, H, bytes) as (N, H, words) uint32 in the same byte order, and their width now.

    A torus of less than 32 columns is laid out several times side by side, where it does the same.
    """
    xp = device.xp
    if torus and width < 32:
        times = -(-32 // width)
        cells = xp.unpackbits(boards.reshape(-1)).reshape(*boards.shape[:2], 8 * boards.shape[2])[..., :width]
        cells = xp.concatenate([cells] * times, axis=2)
        width *= times
        cells = _padded(xp, cells, 32)
        return xp.packbits(cells.reshape(-1)).reshape(*boards.shape[:2], cells.shape[2] // 8).view(np.uint32), width
    return _padded(xp, boards, 4).view(np.uint32), width


def _as_bytes(device: Device, states: Array, row_bytes: int, width: int) -> Array:
    """Words (..., H, words) back to bytes (..., H, row_bytes), without copies of a narrow torus."""
    states = states.view(np.uint8)
    if states.shape[-1] != row_bytes:
        states = device.xp.ascontiguousarray(states[..., :row_bytes])
    if width < 32 and width % 8:
        states[..., -1] &= np.uint8(256 - (256 >> width % 8))
    return states


def _padded(xp: object, array: Array, multiple: int) -> Array:
    """`array` with zeros at the end of its last axis, up to a multiple."""
    spare = -array.shape[-1] % multiple
    if not spare:
        return array
    zeros = xp.zeros((*array.shape[:-1], spare), np.uint8)  # type: ignore[attr-defined]
    return xp.concatenate([array, zeros], axis=-1)  # type: ignore[attr-defined]


def _checked(device: Device, boards: object, width: int) -> Array:
    array = device.array(boards)
    check_packed(array, width)
    if array.ndim != 3:
        raise ValueError(f"packed boards have shape (N, height, bytes); got shape {array.shape}")
    check_size(array.shape[1], width)
    return array
