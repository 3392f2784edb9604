"""Simulating Life: batches of the paper's 20x20 boards, bare and packed and as cells, other rules, and one big board.

Every result is compared with the reference or the peer's before any time is taken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from golfast.life import NAMED_RULES, pack, reference, simulate, simulate_packed, soups, unpack
from golfast.life.kernels.narrow import narrow
from golfast.life.rule import Rule
from golfast.life.simulate import last_packed
from golfast.life.soup import soup_trajectories_packed
from golfast.threads import over_batch, thread_count

from .beside import Limit, Side, compare
from .limits import copying, logic
from .peers_big import COMPILER, Compiled, compiled, last_jax, last_roll, last_scipy, last_torch, lifelib_plane
from .peers_life import SIMULATORS, Cells, jax_on_one_core, missing, simulate_cax
from .tiles import FIELDS, from_tiles, to_tiles

BOARDS, SIDE, GENERATIONS = 12_288, 20, 4
PEER_BOARDS = {"scipy": 500, "NumPy": BOARDS, "torch": 500, "jax.jit": BOARDS, "CAX": 512}  # each takes some 50 ms
TILES, TIMES = 64, 200  # the bare simulation: 1,536 boards in the cache, again and again
BIG, BIG_GENERATIONS = 4096, 480
LONG = 8  # times as long with several threads: a core that slept takes milliseconds to wake
SOUPS, SOUP_TIMES = 40_000, 50  # in all as long as a peer takes, or what the peers leave in the caches would count
LIFE = Rule.parse("B3/S23")
DENSE = "B2468/S013578"  # every neighbourhood's answer looks random
UNIT, CELLS = "board-generations/s", "cell-generations/s"

# Operations of three inputs and shifts on one word, for one generation of the cells in it. The circuit of
# binary-banter.github.io/game-of-life takes 8, each of three inputs, so that keeping the cells beyond a board dead
# takes one more; the two neighbours of a row take 2 shifts, or 4 and 2 selections on a torus narrower than a word.
# Three boards 20 cells wide share a word. Other rules have no such count.
OPERATIONS = {"dead": 11, "torus": 15, "one board": 10}


def bench_bare_dead(benchmark: Any) -> None:
    _bare(benchmark, "dead", {"best peer": 130, "scipy": 7000, "limit": 0.85})


def bench_bare_torus(benchmark: Any) -> None:
    _bare(benchmark, "torus", {})


@pytest.mark.parametrize("name", ["torus", "highlife", "daynight", "seeds", "dense"])
def bench_bare_beside_life(benchmark: Any, name: str) -> None:
    """What else costs beside Life on dead borders."""
    boundary, rule = ("torus", LIFE) if name == "torus" else ("dead", Rule.parse(NAMED_RULES.get(name, DENSE)))
    what = f"20x20, {boundary}, {rule}, bare"
    life = Side("golfast, Life, dead", _tiles(LIFE, "dead"), _tile_work())
    ours = Side("golfast", _tiles(rule, boundary), _tile_work())
    compare(benchmark, what, ours, [life], unit=UNIT, targets={"best peer": 1 / 1.6})


def bench_packed_last(benchmark: Any) -> None:
    boards = soups(BOARDS, SIDE, SIDE, seed=1)
    packed, states = pack(boards), simulate(boards, GENERATIONS)
    ours = Side(
        "golfast", lambda: last_packed(packed, SIDE, GENERATIONS, rule=LIFE, boundary="dead"), BOARDS * GENERATIONS
    )
    np.testing.assert_array_equal(unpack(ours.run(), SIDE), states[:, -1])  # type: ignore[arg-type]
    peers = _checked_peers(boards, states, "dead")
    compare(benchmark, "20x20, dead, packed in, last out", ours, peers, unit=UNIT, limits=_limits(2 * packed.nbytes))


def bench_packed_all(benchmark: Any) -> None:
    boards = soups(BOARDS, SIDE, SIDE, seed=1)
    packed = pack(boards)
    states = simulate_packed(packed, SIDE, GENERATIONS)
    peers = _checked_peers(boards, unpack(states, SIDE), "dead")
    ours = Side("golfast", lambda: simulate_packed(packed, SIDE, GENERATIONS), BOARDS * GENERATIONS)
    limits = _limits(packed.nbytes + states.nbytes)
    compare(benchmark, "20x20, dead, packed, all states out", ours, peers, unit=UNIT, limits=limits)


def bench_soups(benchmark: Any) -> None:
    """The whole pipeline: random boards, their generations, and packed frames in the buffer of the one before."""
    generations, kept = GENERATIONS, np.empty((SOUPS, GENERATIONS + 1, SIDE, -(-SIDE // 8)), np.uint8)
    make = lambda count, **out: soup_trajectories_packed(count, SIDE, SIDE, generations, seed=1, **out)  # noqa: E731
    some = make(1000)
    np.testing.assert_array_equal(some, make(1000, backend="reference"))
    random = np.random.default_rng(1)

    def peer(name: str) -> Side:
        simulator, count = SIMULATORS[name], PEER_BOARDS[name.split()[0]]

        def whole() -> Cells:
            boards = random.integers(0, 2, (count, SIDE, SIDE), np.uint8)
            return np.packbits(simulator(boards, generations), axis=-1)

        return Side(name, whole, count * generations)

    def ours() -> None:
        for _ in range(SOUP_TIMES):
            make(SOUPS, out=kept)

    compare(
        benchmark,
        "20x20, dead, random soups to packed states",
        Side("golfast", ours, SOUP_TIMES * SOUPS * generations),
        [peer(name) for name in SIMULATORS],
        unit=UNIT,
        limits=[copying(kept.nbytes, SOUPS * generations)],
        targets={"rate": 1e9 / 6},
    )


def bench_cells_all(benchmark: Any) -> None:
    boards = soups(BOARDS, SIDE, SIDE, seed=1)
    states = simulate(boards, GENERATIONS)
    peers = _checked_peers(boards, states, "dead")
    ours = Side("golfast", lambda: simulate(boards, GENERATIONS), BOARDS * GENERATIONS)
    limits = _limits(boards.nbytes + states.nbytes)
    compare(benchmark, "20x20, dead, uint8 cells, all out", ours, peers, unit=UNIT, limits=limits)


def bench_big_torus(benchmark: Any) -> None:
    board = soups(1, BIG, BIG, seed=2)[0]
    peers = [
        *_big_peers(board, torus=True),
        _big_peer("NumPy roll", lambda few: last_roll(board, few), board, torus=True),
    ]
    _big(benchmark, board, peers, torus=True, targets={"NumPy roll": 200, "best peer": 2})


def bench_big_dead(benchmark: Any) -> None:
    board = soups(1, BIG, BIG, seed=2)[0]
    _big(benchmark, board, _big_peers(board, torus=False), torus=False, targets={"best peer": 2})


def bench_big_plane(benchmark: Any) -> None:
    """lifelib knows no border: the plane, beside our board with room for all that leaves its place."""
    pytest.importorskip("lifelib", reason="python-lifelib is not installed")
    board, steps = soups(1, BIG, BIG, seed=2)[0], 64
    run, cells = lifelib_plane(board)
    run(steps)
    padded = pack(np.pad(board, steps)[None])
    ours = Side("golfast", lambda: _last(padded, BIG + 2 * steps, steps, "dead"), steps * BIG**2)
    expected = unpack(ours.run(), BIG + 2 * steps)[0, steps:-steps, steps:-steps]  # type: ignore[arg-type]
    np.testing.assert_array_equal(cells(), expected)
    lifelib = Side("lifelib, on from where it is", lambda: run(steps), steps * BIG**2)
    compare(benchmark, f"{BIG}x{BIG}, plane, {steps} gens", ours, [lifelib], unit=CELLS, rounds=5)


@pytest.mark.parametrize("name", ["limit", "bare", "big"])
def bench_two_threads(benchmark: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Two threads beside one, and the same for the limit itself: what these cores have to give."""
    monkeypatch.delenv("GOLFAST_THREADS")
    if thread_count() == 1:
        pytest.skip("there is one core only")
    board = pack(soups(1, BIG, BIG, seed=2))

    def on(threads: int, run: Callable[[], object]) -> Callable[[], None]:
        def whole() -> None:
            monkeypatch.setenv("GOLFAST_THREADS", str(threads))
            run()

        return whole

    def sides(threads: int) -> tuple[Callable[[], object], float, str, str]:
        if name == "limit":
            monkeypatch.setenv("GOLFAST_THREADS", str(threads))
            limit = logic(1)
            return (
                lambda: [limit.run() for _ in range(LONG)],
                LONG * limit.work,
                "logic operations in registers",
                "operations/s",
            )
        if name == "bare":
            # Few calls: they are Python's, of which one runs at a time.
            return _tiles(LIFE, "dead", LONG * TIMES, calls=LONG), _tile_work(LONG * TIMES), "20x20, dead, bare", UNIT
        generations = LONG * BIG_GENERATIONS
        return (
            lambda: _last(board, BIG, generations, "torus"), generations * BIG**2, f"{BIG}x{BIG}, torus", CELLS
        )  # fmt: skip

    (two, two_work, what, unit), (one, one_work, _, _) = sides(2), sides(1)
    compare(
        benchmark,
        f"{what}, 2 threads",
        Side("golfast", on(2, two), two_work),
        [Side("one thread", on(1, one), one_work)],
        unit=unit,
        targets={} if name == "limit" else {"best peer": 1.8},
        rounds=16,  # two cores see more of the weather than one
    )


def _bare(benchmark: Any, boundary: str, targets: dict[str, float]) -> None:
    """The kernel in its own tiles, four generations of boards in the cache, nothing stored between."""
    boards = soups(BOARDS, SIDE, SIDE, seed=1)
    states = simulate(boards, GENERATIONS, boundary=boundary)
    peers = _checked_peers(boards, states, boundary)
    if boundary == "torus" and not missing("CAX"):
        some = boards[: PEER_BOARDS["CAX"]]
        np.testing.assert_array_equal(simulate_cax(some, GENERATIONS), states[: len(some), -1])
        peers.append(Side("CAX", lambda: simulate_cax(some, GENERATIONS), len(some) * GENERATIONS))
    if not missing("jax"):  # without the states between, as we
        jax = jax_on_one_core()
        there = jax.put(boards)
        torus = boundary == "torus"
        np.testing.assert_array_equal(jax.jit_last(there, GENERATIONS, torus), states[:, -1])
        run = lambda: jax.jit_last(there, GENERATIONS, torus).block_until_ready()  # noqa: E731
        peers.append(Side("jax.jit uint8, last state only", run, BOARDS * GENERATIONS))
    compare(
        benchmark,
        f"20x20, {boundary}, bare, in cache",
        Side("golfast", _tiles(LIFE, boundary), _tile_work()),
        peers,
        unit=UNIT,
        limits=[logic(SIDE * OPERATIONS[boundary] / FIELDS)],
        targets=targets,
    )


def _tile_work(times: int = TIMES) -> float:
    return times * TILES * 8 * FIELDS * GENERATIONS


def _tiles(rule: Rule, boundary: str, times: int = TIMES, *, calls: int = TIMES) -> Callable[[], None]:
    """Run tiles of boards 4 * times generations on, by so many calls; found right for the first time."""
    boards = soups(TILES * 8 * FIELDS, SIDE, SIDE, seed=1)
    tiles, advance = to_tiles(boards), narrow(rule, boundary == "torus").advance
    advance(tiles, GENERATIONS, SIDE, SIDE, 0, TILES)
    expected = reference.trajectories(boards, GENERATIONS, rule, boundary)[:, -1]
    np.testing.assert_array_equal(from_tiles(tiles, SIDE), expected)
    each = GENERATIONS * times // calls

    def span(first: int, last: int) -> None:
        for _ in range(calls):
            advance(tiles, each, SIDE, SIDE, first, last)

    return lambda: over_batch(span, TILES)


def _last(packed: Cells, width: int, generations: int, boundary: str) -> Cells:
    return last_packed(packed, width, generations, rule=LIFE, boundary=boundary)


def _big(benchmark: Any, board: Cells, peers: list[Side], *, torus: bool, targets: dict[str, float]) -> None:
    packed, boundary = pack(board[None]), "torus" if torus else "dead"
    compare(
        benchmark,
        f"{BIG}x{BIG}, {boundary}, {BIG_GENERATIONS} gens",
        Side("golfast", lambda: _last(packed, BIG, BIG_GENERATIONS, boundary), BIG_GENERATIONS * BIG**2),
        peers,
        unit=CELLS,
        limits=[logic(OPERATIONS["one board"] / 64)],
        rounds=5,
        targets=targets,
    )


def _big_peers(board: Cells, *, torus: bool) -> list[Side]:
    peers = [_big_peer("torch conv2d fp32", lambda few: last_torch(board, few, torus=torus), board, torus=torus)]
    if not missing("scipy"):
        peers.append(_big_peer("scipy convolve2d", lambda n: last_scipy(board, n, torus=torus), board, torus=torus))
    if not missing("jax"):
        peers.append(_big_peer("jax.jit uint8", lambda n: last_jax(board, n, torus=torus), board, torus=torus))
    if COMPILER is not None:
        generations = 50
        with compiled() as library:
            plain = Compiled(library, board, torus=torus)
        plain.run(3)
        expected = unpack(_last(pack(board[None]), BIG, 3, "torus" if torus else "dead"), BIG)[0]
        np.testing.assert_array_equal(plain.cells(), expected)
        peers.append(Side("C++, 64 cells a word, -O3", lambda: plain.run(generations), generations * BIG**2))
    return peers


def _big_peer(name: str, run: Callable[[int], Cells], board: Cells, *, torus: bool) -> Side:
    """A peer that takes its time: one generation of it is enough, found right."""
    expected = unpack(_last(pack(board[None]), BIG, 1, "torus" if torus else "dead"), BIG)[0]
    np.testing.assert_array_equal(run(1), expected)
    return Side(name, lambda: run(1), BIG**2)


def _checked_peers(boards: Cells, states: Cells, boundary: str) -> list[Side]:
    """The peers, each on as many boards as its speed allows, after all have been found to agree with `states`."""
    np.testing.assert_array_equal(states, reference.trajectories(boards, GENERATIONS, LIFE, boundary))
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


def _limits(moved: int) -> list[Limit]:
    return [logic(SIDE * OPERATIONS["dead"] / FIELDS), copying(moved, BOARDS * GENERATIONS)]
