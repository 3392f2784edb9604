"""Life, soups and the metric on a GPU. Left out with a note where CuPy or a CUDA device is missing.

Nothing here goes over the bus: arrays lie on the device before the clock starts, and stay there. A side has ended when
the device has.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from golfast import cuda
from golfast.cuda import Array, Device
from golfast.data import Recipe, generate
from golfast.imagine.cuda import interpretability_packed_cuda
from golfast.imagine.metric import interpretability_packed
from golfast.life import pack, simulate_packed, soups_packed
from golfast.life.cuda import last_packed_cuda, simulate_packed_cuda, soup_trajectories_packed_cuda

from .beside import Limit, Side, compare

BOARDS, SIDE = 1 << 22, 20
CHECKED = 20_000  # of them, against the CPU
PEER_BOARDS = 1 << 18  # a byte a cell takes eight times the memory, and several times that on the way
SEQUENCES = 1 << 21
BIG = 1 << 14

# Three-input operations and shifts on 32-bit words, as nvcc compiles them; golfast/life/cuda/README.md counts them.
BOARD_GENERATION = {"dead": 440 / 3, "torus": 560 / 3}
BIG_CELL = 656 / 1860  # of a lane's 64 words, 1860 cells a generation are not halo
# What an H100 is asked to do: cells/s of batches and of one big torus, five-state sequences/s left in its memory.
BATCH_RATE, BIG_RATE, SEQUENCE_RATE = 3e13, 2.5e13, 1e10
FRAME = SIDE * 3

_LOGIC = """
extern "C" __global__ void logic(unsigned* words, int rounds)
{
    unsigned w[8];
    for (int i = 0; i < 8; ++i) w[i] = words[threadIdx.x] + i;
    for (int r = 0; r < rounds; ++r)
#pragma unroll
        for (int k = 0; k < 16; ++k)
#pragma unroll
            for (int i = 0; i < 8; ++i) w[i] ^= w[(i + 1) % 8] & w[(i + 2) % 8];
    unsigned all = 0;
    for (int i = 0; i < 8; ++i) all ^= w[i];
    if (all == 0xDEADBEEF) words[threadIdx.x] = all;  // else nothing would have to be computed
}
"""


@pytest.fixture
def device() -> Device:
    try:
        return cuda.device()
    except ValueError as error:
        pytest.skip(str(error))


def bench_batch_dead(benchmark: Any, device: Device) -> None:
    _batch(benchmark, device, "dead", "B3/S23", BOARD_GENERATION["dead"])


def bench_batch_torus(benchmark: Any, device: Device) -> None:
    _batch(benchmark, device, "torus", "B3/S23", BOARD_GENERATION["torus"])


def bench_batch_highlife(benchmark: Any, device: Device) -> None:
    _batch(benchmark, device, "dead", "B36/S23", 640 / 3)


def bench_big_torus(benchmark: Any, device: Device) -> None:
    _big(benchmark, device, "torus")


def bench_big_dead(benchmark: Any, device: Device) -> None:
    _big(benchmark, device, "dead")


def bench_sequences(benchmark: Any, device: Device) -> None:
    _sequences(benchmark, device, 1.0, [_logic(device, 1014), _writing(device, 5 * FRAME)])


def bench_sequences_aged(benchmark: Any, device: Device) -> None:
    further = (1 - 0.1) / 0.1 * BOARD_GENERATION["dead"]
    _sequences(benchmark, device, 0.1, [_logic(device, 1014 + further), _writing(device, 5 * FRAME)])


def bench_metric(benchmark: Any, device: Device) -> None:
    xp, recipe = device.xp, Recipe(count=10_000, split="validation")
    truth = generate(recipe)
    rng = np.random.default_rng(3)
    imagined = truth[:, 1:-1] ^ np.packbits(rng.random((*truth[:, 1:-1].shape[:3], recipe.width)) < 0.05, axis=-1)
    times = 100
    ours = [xp.tile(xp.asarray(boards), (times, 1, 1, 1)) for boards in (imagined, truth)]
    expected = interpretability_packed(imagined, truth, recipe.width)
    np.testing.assert_array_equal(interpretability_packed_cuda(*ours, recipe.width).get()[: recipe.count], expected)
    board = recipe.height * truth.shape[3]
    compare(
        benchmark,
        "the metric on packed bits, on the GPU",
        Side(
            "golfast",
            _ended(device, lambda: interpretability_packed_cuda(*ours, recipe.width)),
            times * recipe.count,
        ),
        [Side("golfast on the CPU", lambda: interpretability_packed(imagined, truth, recipe.width), recipe.count)],
        unit="sequences/s",
        limits=[_reading(device, 2 * (truth.shape[1] - 2) * board)],
    )


def _batch(benchmark: Any, device: Device, boundary: str, rule: str, operations: float) -> None:
    generations = 100
    boards = device.xp.asarray(soups_packed(CHECKED, SIDE, SIDE, seed=1))
    options = {"rule": rule, "boundary": boundary}
    expected = simulate_packed(boards.get(), SIDE, 10, **options)
    np.testing.assert_array_equal(simulate_packed_cuda(boards, SIDE, 10, **options).get(), expected)
    boards = soup_trajectories_packed_cuda(BOARDS, SIDE, SIDE, 0, seed=1)[:, 0]
    peers = [_cupy(device, boards[:PEER_BOARDS], SIDE, 4)] if (rule, boundary) == ("B3/S23", "torus") else []
    few = boards[:CHECKED].get()
    peers.append(Side("golfast on the CPU", lambda: simulate_packed(few, SIDE, 4, **options), 4 * CHECKED * SIDE**2))
    compare(
        benchmark,
        f"20x20 boards, {boundary}, {rule}, {generations} generations, on the GPU",
        Side(
            "golfast",
            _ended(device, lambda: last_packed_cuda(boards, SIDE, generations, **options)),
            generations * BOARDS * SIDE**2,
        ),
        peers,
        unit="cells/s",
        limits=[_logic(device, operations / SIDE**2)],
        targets={"rate": BATCH_RATE},
    )


def _big(benchmark: Any, device: Device, boundary: str) -> None:
    generations = 128
    small = soups_packed(1, 300, 2500, seed=2)
    expected = simulate_packed(small, 2500, 20, boundary=boundary)[:, -1]
    np.testing.assert_array_equal(last_packed_cuda(small, 2500, 20, boundary=boundary).get(), expected)
    board = soup_trajectories_packed_cuda(1, BIG, BIG, 0, seed=2)[:, 0]
    few = board[:, :4096, :512].get()
    compare(
        benchmark,
        f"one {BIG}x{BIG} board, {boundary}, on the GPU",
        Side(
            "golfast",
            _ended(device, lambda: last_packed_cuda(board, BIG, generations, boundary=boundary)),
            generations * BIG**2,
        ),
        [
            *([_cupy(device, device.xp.asarray(few), 4096, 4)] if boundary == "torus" else []),
            Side("golfast on the CPU", lambda: simulate_packed(few, 4096, 4, boundary=boundary), 4 * 4096**2),
        ],
        unit="cells/s",
        limits=[_logic(device, BIG_CELL)],
        targets={"rate": BIG_RATE} if boundary == "torus" else {},
    )


def _sequences(benchmark: Any, device: Device, fresh: float, limits: list[Limit]) -> None:
    def ours(count: int = SEQUENCES) -> Array:
        return soup_trajectories_packed_cuda(count, SIDE, SIDE, 4, seed=1, fresh=fresh)

    def theirs() -> Any:
        return simulate_packed(soups_packed(CHECKED, SIDE, SIDE, seed=1, fresh=fresh), SIDE, 4)

    np.testing.assert_array_equal(ours(CHECKED).get(), theirs())
    compare(
        benchmark,
        f"soups and four generations, fresh={fresh:g}, five packed states left on the GPU",
        Side("golfast", _ended(device, ours), SEQUENCES),
        [Side("golfast on the CPU", theirs, CHECKED)],
        unit="sequences/s",
        limits=limits,
        targets={"rate": SEQUENCE_RATE},
    )


def _ended(device: Device, run: Callable[[], object]) -> Callable[[], None]:
    def whole() -> None:
        run()
        device.xp.cuda.Device().synchronize()

    return whole


def _cupy(device: Device, boards: Array, width: int, generations: int) -> Side:
    """Life on a torus as it is written with CuPy: a byte a cell, eight rolls added up."""
    xp = device.xp
    cells = xp.unpackbits(boards.reshape(-1)).reshape(*boards.shape[:2], -1)[..., :width].copy()

    def run() -> Array:
        now = cells
        for _ in range(generations):
            around = sum(
                xp.roll(now, (row, column), axis=(1, 2))
                for row in (-1, 0, 1)
                for column in (-1, 0, 1)
                if (row, column) != (0, 0)
            )
            now = ((around == 3) | ((around == 2) & (now == 1))).astype(np.uint8)
        return now

    expected = last_packed_cuda(boards, width, generations, boundary="torus").get()
    np.testing.assert_array_equal(pack(run().get()), expected)
    return Side("CuPy uint8, eight rolls", _ended(device, run), generations * cells.size)


def _logic(device: Device, needed: float) -> Limit:
    """Operations a ^ (b & c) on 32-bit words in registers of every multiprocessor; `needed` for a unit of the work."""
    xp, rounds = device.xp, 2000
    kernel = xp.RawKernel(_LOGIC, "logic")
    blocks, threads = 8 * xp.cuda.Device().attributes["MultiProcessorCount"], 256
    words = xp.arange(threads, dtype=np.uint32)

    def run() -> None:
        kernel((blocks,), (threads,), (words, np.int32(rounds)))

    return Limit("logic operations", _ended(device, run), float(blocks * threads * rounds * 16 * 8), needed)


def _writing(device: Device, needed: int) -> Limit:
    words = device.xp.empty(1 << 28, np.uint32)
    return Limit("memory write", _ended(device, lambda: words.fill(1)), words.nbytes, needed)


def _reading(device: Device, needed: int) -> Limit:
    words = device.xp.ones(1 << 28, np.uint32)
    return Limit("memory read", _ended(device, words.max), words.nbytes, needed)
