"""Population and activity of millions of boards, added up generation by generation. No state is stored."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golfast.life.bands import Bands
from golfast.life.boards import as_boards, check_packed, check_size, pack, packed_width
from golfast.life.kernels.streams import TOGETHER, fields, plan, stage_words
from golfast.life.rule import Rule
from golfast.life.simulate import BOUNDARIES, CALL, check_choice, check_generations
from golfast.life.soup import check_soup, soups_packed
from golfast.life.survey import kernels_for
from golfast.threads import over_batch
from golfast.vector import LANES, aligned_words

_BLOCK = 1 << 22  # bytes of packed boards at once


@dataclass(frozen=True, slots=True)
class Tally:
    """Live and changing cells of all boards together, generation by generation."""

    boards: int
    cells: int
    """Of one board."""
    population: NDArray[np.int64]
    """(generations + 1,) cells that live."""
    activity: NDArray[np.int64]
    """(generations,) cells that change from this generation to the next."""

    @classmethod
    def nothing(cls, cells: int, generations: int) -> "Tally":
        """That of no boards, to which others can be added."""
        return cls(0, cells, np.zeros(generations + 1, np.int64), np.zeros(generations, np.int64))

    @property
    def mean_population(self) -> NDArray[np.float64]:
        """Live cells of a board, (generations + 1,); nan if there are no boards."""
        return self.population / (self.boards or np.nan)

    @property
    def mean_activity(self) -> NDArray[np.float64]:
        """Cells of a board that change, (generations,); nan if there are no boards."""
        return self.activity / (self.boards or np.nan)

    def __add__(self, other: "Tally") -> "Tally":
        """Both together: other boards of the same size, for as many generations."""
        return Tally(
            self.boards + other.boards, self.cells, self.population + other.population, self.activity + other.activity
        )


def tally(boards: object, generations: int, *, rule: str | Rule = "B3/S23", boundary: str = "dead") -> Tally:
    """Population and activity of all boards (N, H, W) together, cells 0 or 1, as they run.

    Exact, for boards of any size. Raises ValueError for other shapes, rules or names.
    """
    cells = as_boards(boards)
    if cells.ndim != 3:
        raise ValueError(f"boards have shape (N, H, W); got shape {cells.shape}")
    return tally_packed(pack(cells), cells.shape[2], generations, rule=rule, boundary=boundary)


def tally_soups(
    count: int,
    height: int,
    width: int,
    generations: int,
    *,
    seed: int,
    start: int = 0,
    split: str = "train",
    density: float = 0.5,
    rule: str | Rule = "B3/S23",
    boundary: str = "dead",
) -> Tally:
    """The same of soups start..start + count of a seed, as `soups` makes them; they are made a block at a time."""
    height, width = check_size(height, width)
    check_soup(count=count, seed=seed, start=start, density=density, fresh=1.0)
    block = max(1, _BLOCK // (height * packed_width(width)))
    total = Tally.nothing(height * width, check_generations(generations))
    for first in range(0, count, block):
        number = min(block, count - first)
        boards = soups_packed(number, height, width, seed=seed, start=start + first, split=split, density=density)
        total += tally_packed(boards, width, generations, rule=rule, boundary=boundary)
    return total


def tally_packed(
    packed: NDArray[np.uint8], width: int, generations: int, *, rule: str | Rule = "B3/S23", boundary: str = "dead"
) -> Tally:
    """The same of packed boards (N, H, ceil(width/8)) uint8, as `pack` leaves them."""
    width, generations, rule = check_packed(packed, width), check_generations(generations), Rule.parse(rule)
    if packed.ndim != 3:
        raise ValueError(f"packed boards have shape (N, height, bytes); got shape {packed.shape}")
    check_choice("boundary", boundary, BOUNDARIES)
    count, height, row_bytes = packed.shape
    total = Tally.nothing(height * width, generations)
    # So many together that a call can be interrupted soon, and that they fit into a cache.
    tiles = max(1, CALL // (height * (generations + 1)))
    together = min(max(1, _BLOCK // (height * row_bytes)), tiles * LANES * fields(width) if width <= 64 else count)
    for first in range(0, count, max(1, together)):
        some = packed[first : first + together]
        total += (_narrow if width <= 64 else _wide)(some, width, generations, rule, boundary)
    return total


def _narrow(packed: NDArray[np.uint8], width: int, generations: int, rule: Rule, boundary: str) -> Tally:
    count, height, row_bytes = packed.shape
    kernels, rows = kernels_for(rule, boundary), plan(height, width, 8 * row_bytes)
    flat, parts = packed.reshape(-1), list[NDArray[np.int64]]()

    def run(start: int, stop: int) -> None:
        stage = aligned_words(TOGETHER * stage_words(height, 8 * row_bytes))
        totals = aligned_words((generations + 1) * 2 * LANES)
        kernels.total(flat, generations, totals, rows, stage, height, width, start, stop)
        parts.append(totals.reshape(-1, 2, LANES).sum(axis=2).astype(np.int64))

    over_batch(run, count, smallest=LANES * fields(width))
    both = np.sum(parts, axis=0)
    return Tally(count, height * width, both[:, 0].copy(), both[1:, 1].copy())


def _wide(packed: NDArray[np.uint8], width: int, generations: int, rule: Rule, boundary: str) -> Tally:
    total = Tally.nothing(packed.shape[1] * width, generations)
    bands = Bands(packed, width, rule, boundary == "torus")
    total.population[0], _ = bands.count()
    for step in range(generations):
        bands.advance(1)
        total.population[step + 1], total.activity[step] = bands.count()
    return Tally(len(packed), total.cells, total.population, total.activity)
