"""Making a dataset of the paper's kind, from nothing to a closed file.

A small file's time is mostly HDF5's own and the disk's, some ten milliseconds whoever computes; so it is a large one
that is held against a plain write, made as `golfast data make` does it, by all cores.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from golfast.data import Recipe, Trajectories, generate, make
from golfast.data.overlap import check_workers
from golfast.data.writer import write_train
from golfast.life import soups
from golfast.life.soup import soup_ages

from .beside import Limit, Side, compare
from .limits import cleared, file_write
from .peers_life import write_dataset

RECIPE = Recipe(seed=4)  # 48 MB, what `golfast data make` makes if nothing else is said
LARGE = Recipe(count=2_000_000, seed=4)  # 480 MB
PEER_COUNT = 5_000
CORES = check_workers(None)


def bench_make(benchmark: Any, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.h5", tmp_path / "theirs.h5"
    size = (RECIPE.height, RECIPE.width)
    # Random numbers are given to the peer, so that both make the same file; they are in our time alone.
    boards = soups(PEER_COUNT, *size, seed=RECIPE.seed)
    ages = soup_ages(PEER_COUNT, seed=RECIPE.seed, fresh=RECIPE.fresh)

    def peer() -> None:
        write_dataset(theirs, boards, ages, RECIPE.generations)

    make(ours, RECIPE)
    peer()
    with h5py.File(theirs, "r") as file:
        np.testing.assert_array_equal(Trajectories(ours).cells(slice(0, PEER_COUNT)), file["states"][:])
    compare(
        benchmark,
        f"making a dataset of {RECIPE.count:,} trajectories, on the disk",
        Side("golfast", lambda: make(ours, RECIPE), RECIPE.count, cleared(ours)),
        [Side("NumPy uint8 and h5py's defaults", peer, PEER_COUNT, cleared(theirs))],
        unit="trajectories/s",
        limits=[file_write(tmp_path / "plain", RECIPE.count * RECIPE.trajectory_bytes, RECIPE.count)],
        bytes_per_trajectory=RECIPE.trajectory_bytes,
        peer_bytes_per_trajectory=theirs.stat().st_size / PEER_COUNT,
    )


def bench_make_large(benchmark: Any, tmp_path: Path) -> None:
    ours = tmp_path / "ours.h5"
    side = Side("golfast", lambda: make(ours, LARGE, workers=CORES), LARGE.count, cleared(ours))
    _compare_with_a_write(benchmark, f"by {CORES} threads, making", side, _large_write(tmp_path))


def bench_store_large(benchmark: Any, tmp_path: Path) -> None:
    """What making costs besides making: checksums and the file, from trajectories in memory."""
    ours, packed = tmp_path / "ours.h5", generate(LARGE, 0, 40_000)

    def source(start: int, stop: int, out: NDArray[np.uint8]) -> None:
        out[:] = packed[start % 20_000 :][: stop - start]

    side = Side("golfast", lambda: write_train(ours, LARGE, source), LARGE.count, cleared(ours))
    _compare_with_a_write(benchmark, "storing", side, _large_write(tmp_path))


def _compare_with_a_write(benchmark: Any, doing: str, ours: Side, plain: Limit) -> None:
    compare(
        benchmark,
        f"{doing} {LARGE.count:,} trajectories, on the disk",
        ours,
        [Side(plain.name, plain.run, LARGE.count, plain.before)],
        unit="trajectories/s",
        targets={"best peer": 0.9},
        rounds=5,
    )


def _large_write(folder: Path) -> Limit:
    return file_write(folder / "plain", LARGE.count * LARGE.trajectory_bytes, LARGE.count)
