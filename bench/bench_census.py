"""A census of the paper's 20x20 boards: when they settle, population and activity, and the objects they leave."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.life import (
    Rule,
    census,
    count_cells,
    count_objects_packed,
    settle_packed,
    soups_packed,
    tally_packed,
    unpack,
)
from golfast.life.simulate import last_packed

from .beside import Side, compare
from .peers_census import settle_numpy, tally_numpy

BOARDS, SIDE, GENERATIONS, LIMIT = 24_000, 20, 100, 10_000
SETTLED, COUNTED, NAMED = 250, 500, 50  # boards of the peers: each takes some 100 ms


def bench_settle(benchmark: Any) -> None:
    packed, some = _soups()
    found, _ = settle_packed(packed, SIDE, limit=LIMIT)
    settled, period = settle_numpy(some[:SETTLED], LIMIT)
    np.testing.assert_array_equal(settled, found.settled[:SETTLED])
    np.testing.assert_array_equal(period, found.period[:SETTLED])
    ours = Side("golfast", lambda: settle_packed(packed, SIDE, limit=LIMIT), BOARDS)
    numpy = Side("NumPy, whole batch", lambda: settle_numpy(some[:SETTLED], LIMIT), SETTLED)
    compare(benchmark, "20x20, dead, when soups settle", ours, [numpy], unit="boards/s")


def bench_population(benchmark: Any) -> None:
    """Beside simulation without counting, too: what it costs to look."""
    packed, some = _soups()
    some = some[:COUNTED]
    found = tally_packed(packed[:COUNTED], SIDE, GENERATIONS)
    assert (found.population.tolist(), found.activity.tolist()) == tally_numpy(some, GENERATIONS)
    life = Rule.parse("B3/S23")
    compare(
        benchmark,
        "20x20, dead, population and activity",
        Side("golfast", lambda: tally_packed(packed, SIDE, GENERATIONS), BOARDS * GENERATIONS),
        [
            Side("NumPy, whole batch", lambda: tally_numpy(some, GENERATIONS), COUNTED * GENERATIONS),
            Side("golfast, a count per board", lambda: count_cells(some, GENERATIONS), COUNTED * GENERATIONS),
            Side(
                "golfast, nothing counted",
                lambda: last_packed(packed, SIDE, GENERATIONS, rule=life, boundary="dead"),
                BOARDS * GENERATIONS,
            ),
        ],
        unit="board-generations/s",
    )


def bench_objects(benchmark: Any) -> None:
    found, last = settle_packed(_soups()[0], SIDE, limit=LIMIT)
    cells = unpack(last[:NAMED], SIDE)
    assert count_objects_packed(last[:NAMED], SIDE, found.period[:NAMED]) == census(cells)
    ours = Side("golfast", lambda: count_objects_packed(last, SIDE, found.period), BOARDS)
    numpy = Side("NumPy, board by board", lambda: census(cells), NAMED)
    compare(benchmark, "20x20, dead, objects of settled boards", ours, [numpy], unit="boards/s")


def _soups() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Soups, packed, and the first of them as cells."""
    packed = soups_packed(BOARDS, SIDE, SIDE, seed=1)
    return packed, unpack(packed[:COUNTED], SIDE)
