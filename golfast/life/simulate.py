"""`simulate`: boards in, trajectories out, on the backend that is there."""

import operator

import numpy as np
from numpy.typing import NDArray

from golfast.life import reference
from golfast.life.boards import Cells, check_cells, check_packed, pack, packed_width, unpack
from golfast.life.rule import Rule
from golfast.threads import over_batch

BACKENDS = ("auto", "numba", "reference")
BOUNDARIES = ("dead", "torus")
KEEP = ("all", "last")


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
    backend: "numba" (compiled, all cores; what "auto" takes) or "reference" (plain NumPy). All agree bit for bit.

    Returns uint8 0/1. Raises ValueError for anything else, and for sizes, rules or names that cannot be.
    """
    cells = check_cells(boards)
    generations = check_generations(generations)
    rule, boundary = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES)
    check_choice("keep", keep, KEEP)
    backend = check_choice("backend", backend, BACKENDS)
    leading, (height, width) = cells.shape[:-2], cells.shape[-2:]
    flat = cells.reshape(-1, height, width)
    if backend == "reference":
        states = reference.trajectories(flat, generations, rule, boundary)
        result = states if keep == "all" else states[:, -1]
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
    check_packed(boards, width)
    if boards.ndim != 3:
        raise ValueError(f"packed boards have shape (N, height, bytes); got shape {boards.shape}")
    generations = check_generations(generations)
    rule, torus = Rule.parse(rule), check_choice("boundary", boundary, BOUNDARIES) == "torus"
    count, height, row_bytes = boards.shape
    states = np.empty((count, generations + 1, height, row_bytes), np.uint8)
    states[:, 0] = boards
    if width <= 64:
        from golfast.life.kernels import LANES, narrow

        record, _ = narrow(rule, torus)
        over_batch(lambda start, stop: record(states, width, start, stop), count, smallest=LANES)
    else:
        words = _to_words(boards)
        for generation in range(1, generations + 1):
            words = _wide_step(words, width, rule, torus)
            states[:, generation] = _to_bytes(words, row_bytes)
    return states


def last_packed(
    boards: NDArray[np.uint8], width: int, generations: int, *, rule: Rule, boundary: str
) -> NDArray[np.uint8]:
    """Packed boards (N, H, ceil(width/8)) to their packed states `generations` later, same shape, uint8."""
    return age_packed(boards, width, np.full(len(boards), generations, np.int64), rule=rule, boundary=boundary)


def age_packed(
    boards: NDArray[np.uint8], width: int, ages: NDArray[np.int64], *, rule: Rule, boundary: str
) -> NDArray[np.uint8]:
    """Packed boards (N, H, ceil(width/8)), each run forward by its own number of generations (N,); same shape."""
    torus = check_choice("boundary", boundary, BOUNDARIES) == "torus"
    order = np.argsort(ages, kind="stable")
    if width <= 64:
        from golfast.life.kernels import LANES, narrow

        boards = boards.copy()
        _, age = narrow(rule, torus)
        over_batch(lambda start, stop: age(boards, ages, order, width, start, stop), len(boards), smallest=LANES)
        return boards
    words = _to_words(boards)
    done = 0
    for generation in range(int(ages.max(initial=0))):
        # Sorted by age, those that must go on are a tail.
        done += int(np.searchsorted(ages[order[done:]], generation, side="right"))
        words[order[done:]] = _wide_step(words[order[done:]], width, rule, torus)
    return _to_bytes(words, packed_width(width))


def check_generations(generations: int) -> int:
    """`generations` as an int; ValueError unless it is a whole number of at least 0."""
    try:
        number = operator.index(generations)
    except TypeError:
        raise ValueError(f"generations is a whole number; got {generations!r}") from None
    if number < 0:
        raise ValueError(f"generations is {number}; it must be 0 or more")
    return number


def check_choice(what: str, given: str, allowed: tuple[str, ...]) -> str:
    """`given`, if it is one of `allowed`; otherwise a ValueError that lists them."""
    if given not in allowed:
        raise ValueError(f"{what} {given!r} is unknown; allowed are: {', '.join(allowed)}")
    return given


def _wide_step(words: NDArray[np.uint64], width: int, rule: Rule, torus: bool) -> NDArray[np.uint64]:
    from golfast.life.kernels import wide

    step = wide(rule, torus)
    target = np.empty_like(words)
    rows = words.shape[0] * words.shape[1]
    over_batch(lambda start, stop: step(words, target, width, start, stop), rows, smallest=64)
    return target


def _to_words(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed rows (..., bytes) to 64-bit words (..., words), first cell at the highest bit."""
    spare = -packed.shape[-1] % 8
    padded = np.pad(packed, [(0, 0)] * (packed.ndim - 1) + [(0, spare)])
    return padded.view(">u8").astype(np.uint64)


def _to_bytes(words: NDArray[np.uint64], row_bytes: int) -> NDArray[np.uint8]:
    return words.astype(">u8").view(np.uint8)[..., :row_bytes]
