"""Making a dataset of the paper's kind, from nothing to a closed file."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from golfast.data import Recipe, Trajectories, generate, make
from golfast.data.writer import write_train
from golfast.life import soups
from golfast.life.soup import soup_ages

from .beside import Side, compare
from .limits import file_write
from .peers_life import write_dataset

RECIPE = Recipe(count=100_000, seed=4)
STORED = Recipe(count=2_000_000, seed=4)  # 480 MB
PEER_COUNT = 5_000


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
        Side("golfast", lambda: make(ours, RECIPE, overwrite=True), RECIPE.count),
        [Side("NumPy uint8 and h5py's defaults", peer, PEER_COUNT)],
        unit="trajectories/s",
        limits=[file_write(tmp_path / "plain", RECIPE.count * RECIPE.trajectory_bytes, RECIPE.count)],
        bytes_per_trajectory=RECIPE.trajectory_bytes,
        peer_bytes_per_trajectory=theirs.stat().st_size / PEER_COUNT,
    )


def bench_store(benchmark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What making costs besides making: checksums and the file, from trajectories in memory, on all cores."""
    monkeypatch.delenv("GOLFAST_THREADS")
    packed = generate(STORED, 0, 40_000)
    plain = file_write(tmp_path / "plain", STORED.count * STORED.trajectory_bytes, STORED.count)

    def source(start: int, stop: int, out: NDArray[np.uint8]) -> None:
        out[:] = packed[start % 20_000 :][: stop - start]

    compare(
        benchmark,
        f"storing {STORED.count:,} trajectories, on the disk",
        Side("golfast", lambda: write_train(tmp_path / "ours.h5", STORED, source, overwrite=True), STORED.count),
        [Side("one write and fsync", plain.run, STORED.count)],
        unit="trajectories/s",
        limits=[plain],
        rounds=5,
    )
