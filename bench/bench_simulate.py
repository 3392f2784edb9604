"""Simulating Life: batches of the paper's 20x20 boards, and one big board."""

from typing import Any

import numpy as np
import pytest

from golfast.life import pack, reference, simulate, simulate_packed, soups, unpack
from golfast.life.rule import Rule
from golfast.threads import thread_count

from .beside import Side, compare
from .limits import copying, logic
from .peers_life import SIMULATORS, Cells

BOARDS, SIDE, GENERATIONS = 10_000, 20, 4
PEER_BOARDS = {"scipy": 500, "NumPy": BOARDS, "torch": 500}  # by the peer's first word: each takes some 50 ms
BIG, BIG_GENERATIONS = 1024, 100
UNIT = "board-generations/s"

# Operations a ^ (b & c) and shifts on one word, for one generation of the cells in it: the three-input circuit of
# binary-banter.github.io/game-of-life takes 8, and the two neighbours of a row 2 shifts, or 4 and 2 selections on a
# torus narrower than a word. Three boards 20 cells wide share a word.
OPERATIONS = {"dead": 10, "torus": 14}


def bench_batch_dead(benchmark: Any) -> None:
    _batch(benchmark, "dead", "20x20 boards, dead border, cells in and out")


def bench_batch_torus(benchmark: Any) -> None:
    _batch(benchmark, "torus", "20x20 boards, torus, cells in and out")


def bench_batch_dead_packed(benchmark: Any) -> None:
    boards = soups(BOARDS, SIDE, SIDE, seed=1)
    packed = pack(boards)
    states = simulate_packed(packed, SIDE, GENERATIONS)
    peers = _checked_peers(boards, unpack(states, SIDE), "dead")
    ours = Side("golfast", lambda: simulate_packed(packed, SIDE, GENERATIONS), BOARDS * GENERATIONS)
    limits = _limits("dead", packed.nbytes + states.nbytes)
    compare(benchmark, "20x20 boards, dead border, packed", ours, peers, unit=UNIT, limits=limits)


def bench_batch_dead_all_threads(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOLFAST_THREADS")
    if thread_count() == 1:
        pytest.skip("there is one core only")
    _batch(benchmark, "dead", f"20x20 boards, dead border, cells, {thread_count()} threads")


def bench_big_board(benchmark: Any) -> None:
    board = soups(1, BIG, BIG, seed=2)
    few = 2
    peers = []
    expected = reference.trajectories(board, few, Rule.parse("B3/S23"), "torus")
    np.testing.assert_array_equal(simulate(board, few, boundary="torus"), expected)
    for name, run in SIMULATORS.items():
        np.testing.assert_array_equal(run(board, few, boundary="torus"), expected)
        peers.append(Side(name, lambda run=run: run(board, few, boundary="torus"), few * BIG**2))
    compare(
        benchmark,
        f"one {BIG}x{BIG} board, torus, {BIG_GENERATIONS} generations",
        Side(
            "golfast",
            lambda: simulate(board, BIG_GENERATIONS, boundary="torus", keep="last"),
            BIG_GENERATIONS * BIG**2,
        ),
        peers,
        unit="cell-generations/s",
        limits=[logic(OPERATIONS["dead"] / 64)],  # beyond a word's width the border costs nothing
    )


def _batch(benchmark: Any, boundary: str, what: str) -> None:
    boards = soups(BOARDS, SIDE, SIDE, seed=1)
    states = simulate(boards, GENERATIONS, boundary=boundary)
    peers = _checked_peers(boards, states, boundary)
    ours = Side("golfast", lambda: simulate(boards, GENERATIONS, boundary=boundary), BOARDS * GENERATIONS)
    compare(benchmark, what, ours, peers, unit=UNIT, limits=_limits(boundary, boards.nbytes + states.nbytes))


def _checked_peers(boards: Cells, states: Cells, boundary: str) -> list[Side]:
    """The peers, each on as many boards as its speed allows, after all have been found to agree with `states`."""
    np.testing.assert_array_equal(states, reference.trajectories(boards, GENERATIONS, Rule.parse("B3/S23"), boundary))
    peers = []
    for name, run in SIMULATORS.items():
        some = boards[: PEER_BOARDS[name.split()[0]]]
        np.testing.assert_array_equal(run(some, GENERATIONS, boundary=boundary), states[: len(some)])
        peers.append(
            Side(
                name,
                lambda run=run, some=some: run(some, GENERATIONS, boundary=boundary),
                len(some) * GENERATIONS,
            )
        )
    return peers


def _limits(boundary: str, moved: int) -> list[Any]:
    return [logic(SIDE * OPERATIONS[boundary] / 3), copying(moved, BOARDS * GENERATIONS)]
