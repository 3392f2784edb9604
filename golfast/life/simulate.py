"""`simulate`: boards in, trajectories out, on the backend that is there."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from golfast.life import reference
from golfast.life.bands import PASS, Bands
from golfast.life.boards import Cells, as_boards, check_cells, check_packed, pack, shown, unpack, whole_number
from golfast.life.kernels.narrow import narrow
from golfast.life.kernels.order import sort_windows
from golfast.life.kernels.small import BOARDS_TOGETHER, is_small, small, small_plan
from golfast.life.kernels.streams import TOGETHER, fields, plan, stage_words
from golfast.life.rule import Rule
from golfast.threads import over_batch
from golfast.vector import LANES, aligned_words

BACKENDS = ("auto", "numba", "cupy", "reference")
BOUNDARIES = ("dead", "torus")
KEEP = ("all", "last")
MOST_GENERATIONS = 10**12
CALL = 1 << 25  # rows of tiles times generations of one call of a kernel, a quarter of a second: Ctrl-C waits for it
SORTED_TOGETHER = 1024  # boards whose trajectories fit in the cache next to the core


def simulate(
    boards: object,
    generations: int,
    *,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
    keep: str = "all",
    backend: str = "auto",
) -> Cells:
    """Run boards forward.

    boards: (..., H, W) cells, 0 or 1, any numeric type. generations: how many steps, 0 or more.
    rule: "B3/S23" or any other Rule.parse takes. boundary: "dead" (nothing lives beyond the border) or "torus".
    keep: "all" returns every state, the first included, (..., generations + 1, H, W); "last" only the last.
    backend: "numba" (compiled, all cores; what "auto" takes), "cupy" (a GPU; needs the extra `gpu`) or "reference"
    (plain NumPy). All agree bit for bit.

    Returns uint8 0/1. Raises ValueError for anything else, and for sizes, rules or names that cannot be.
    """
    cells = as_boards(boards)
    generations = check_generations(generations)
    rule, boundary = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES)
    check_choice("keep", keep, KEEP)
    backend = check_choice("backend", backend, BACKENDS)
    leading, (height, width) = cells.shape[:-2], cells.shape[-2:]
    flat = cells.reshape(-1, height, width)
    if backend == "reference":
        states = reference.trajectories(check_cells(flat), generations, rule, boundary)
        result = states if keep == "all" else states[:, -1]
    elif backend == "cupy":
        from golfast.cuda import to_host
        from golfast.life.cuda import last_packed_cuda, simulate_packed_cuda

        run = simulate_packed_cuda if keep == "all" else last_packed_cuda
        result = unpack(to_host(run(pack(flat), width, generations, rule=rule, boundary=boundary)), width)
    elif keep == "all":
        result = unpack(simulate_packed(pack(flat), width, generations, rule=rule, boundary=boundary), width)
    else:
        result = unpack(last_packed(pack(flat), width, generations, rule=rule, boundary=boundary), width)
    return result.reshape(*leading, *result.shape[1:])


def simulate_packed(
    boards: NDArray[np.uint8], width: int, generations: int, *, rule: str | Rule = "B3/S23", boundary: str = "dead"
) -> NDArray[np.uint8]:
    """Packed boards (N, H, ceil(width/8)) to packed trajectories (N, generations + 1, H, ceil(width/8)), uint8.

    The bits beyond `width` in the last byte of a row must be zero, as `pack` leaves them. Raises as `simulate`.
    """
    width = check_packed(boards, width)
    if boards.ndim != 3:
        raise ValueError(f"packed boards have shape (N, height, bytes); got shape {boards.shape}")
    generations = check_generations(generations)
    rule, boundary = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES)
    count, height, row_bytes = boards.shape
    states = np.empty((count, generations + 1, height, row_bytes), np.uint8)
    states[:, 0] = boards
    record_packed(states, width, rule=rule, boundary=boundary)
    return states


def record_packed(states: NDArray[np.uint8], width: int, *, rule: Rule, boundary: str) -> None:
    """Fill packed trajectories (N, T, H, ceil(width/8)), C-contiguous uint8, from their first states."""
    count, frames, height, row_bytes = states.shape
    torus = boundary == "torus"
    if width > 64:
        bands = Bands(states[:, 0], width, rule, torus)
        for frame in range(1, frames):
            bands.advance(1)
            bands.read(states[:, frame])
        return
    flat = states.reshape(-1)
    if is_small(height, width):
        record_small, moves, size = small(rule, torus).record, small_plan(height, width, torus), height * row_bytes
        over_batch(
            lambda start, stop: record_small(flat, frames, size, moves, start, stop), count, smallest=BOARDS_TOGETHER
        )
        return
    record = narrow(rule, torus).record
    rows = plan(height, width, 8 * row_bytes)

    def run(start: int, stop: int) -> None:
        stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
        record(flat, frames, rows, stage, height, width, start, stop)

    over_batch(run, count, smallest=LANES * fields(width))


def last_packed(
    boards: NDArray[np.uint8], width: int, generations: int, *, rule: Rule, boundary: str
) -> NDArray[np.uint8]:
    """Packed boards (N, H, ceil(width/8)) to their packed states `generations` later, same shape, uint8."""
    if width <= 64:
        return age_packed(boards, width, np.full(len(boards), generations, np.int64), rule=rule, boundary=boundary)
    torus = check_choice("boundary", boundary, BOUNDARIES) == "torus"
    bands, last = Bands(boards, width, rule, torus), np.empty_like(boards)
    bands.advance(generations)
    bands.read(last)
    return last


def age_packed(
    boards: NDArray[np.uint8], width: int, ages: NDArray[np.int64], *, rule: Rule, boundary: str
) -> NDArray[np.uint8]:
    """Packed boards (N, H, ceil(width/8)), each run forward by its own number of generations (N,); same shape."""
    torus = check_choice("boundary", boundary, BOUNDARIES) == "torus"
    boards = boards.copy()
    if width > 64:
        _age_wide(boards, width, ages, rule, boundary)
        return boards
    most = generations_a_call(boards, width)
    while ages.any():
        step = np.minimum(ages, most)
        _age_narrow(boards, width, step, rule, torus)
        ages = ages - step
    return boards


def _age_narrow(boards: NDArray[np.uint8], width: int, ages: NDArray[np.int64], rule: Rule, torus: bool) -> None:
    height, row_bytes = boards.shape[1:]
    age, tile = narrow(rule, torus).age, LANES * fields(width)
    order = sort_by_age(ages, tile)
    rows = plan(height, width, 8 * row_bytes)
    flat = boards.reshape(-1)

    def run(start: int, stop: int) -> None:
        stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
        age(flat, ages, order, rows, stage, height, width, start, stop)

    over_batch(run, len(boards), smallest=tile)


def _age_wide(boards: NDArray[np.uint8], width: int, ages: NDArray[np.int64], rule: Rule, boundary: str) -> None:
    """Whole passes for all that are old enough, then what is left of each board's age with its like."""
    passes, left = np.divmod(ages, PASS)
    ends = np.unique(passes)
    for before, until in pairwise([0, *ends[ends > 0].tolist()]):
        (older,) = np.nonzero(passes > before)
        boards[older] = last_packed(boards[older], width, (until - before) * PASS, rule=rule, boundary=boundary)
    for generations in np.unique(left[left > 0]).tolist():
        (alike,) = np.nonzero(left == generations)
        boards[alike] = last_packed(boards[alike], width, generations, rule=rule, boundary=boundary)


def generations_a_call(boards: NDArray[np.uint8], width: int) -> int:
    """Generations that one call of a kernel may run these boards, (N, H, ceil(width/8)) up to 64 wide."""
    count, height, _ = boards.shape
    rows: int = max(1, count // (LANES * fields(width))) * height
    return max(1, CALL // rows)


def sort_by_age(ages: NDArray[np.int64], tile: int, *, beyond: int = 0) -> NDArray[np.int64]:
    """An order in which boards of like age are neighbours, so that a tile's boards are done together: (N + beyond,).

    Only within windows of whole tiles: what is stored together should lie together. The places beyond the last board
    repeat it.
    """
    count = len(ages)
    order = np.arange(count + beyond)
    order[count:] = max(0, count - 1)
    if ages.any():
        window = max(1, SORTED_TOGETHER // tile) * tile
        sort_windows(ages, order, window, 0, count)
        order[count:] = order[count - 1]
    return order


def check_generations(generations: int, name: str = "generations") -> int:
    """`generations` as an int; ValueError, naming it as the caller does, unless it is a whole number of at least 0."""
    number = whole_number(name, generations)
    if not 0 <= number <= MOST_GENERATIONS:
        raise ValueError(f"{name} is {number}; it must be from 0 to {MOST_GENERATIONS:,}")
    return number


def check_choice(what: str, given: str, allowed: tuple[str, ...]) -> str:
    """`given`, if it is one of `allowed`; otherwise a ValueError that lists them."""
    if not isinstance(given, str) or given not in allowed:
        raise ValueError(f"{what} {shown(given)} is unknown; allowed are: {', '.join(allowed)}")
    return given
