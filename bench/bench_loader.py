"""Random training batches as float32 tensors, from a file, from shards and from memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from golfast.data import Recipe, States, Trajectories, generate, make, split
from golfast.life import unpack
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig
from golfast.train.feed import Feed
from golfast.train.loop import _Training

from .beside import Side, compare
from .limits import copying
from .peers_life import Items, ItemsInMemory

BATCH = TrainConfig().batch
RECIPE = Recipe(count=BATCH * 1_000, seed=5)
TAKEN, TAKEN_SLOWLY = 48_000, 4_800  # sequences in a round, by us and by what takes them item by item
STEPS = 3  # of training, in a round
UNIT = "sequences/s"
PEER = "DataLoader over h5py items"  # as people write it: shuffle=True, an item an index, collated
ASKED = {PEER: 100.0}

Batch = tuple[Tensor, Tensor]


@pytest.mark.parametrize("batch", [BATCH, 128, 256])
def bench_from_file(benchmark: Any, tmp_path: Path, batch: int) -> None:
    path = make(tmp_path / "ours.h5", RECIPE)
    packed = Trajectories(path).packed
    sharded = Trajectories(split(path, tmp_path / "shards", 8)).packed
    theirs = tmp_path / "theirs.h5"
    with h5py.File(theirs, "w") as file:
        file.create_dataset("states", data=unpack(np.asarray(packed), RECIPE.width))
    peers = {
        PEER: (_loader(Items(theirs), batch), TAKEN_SLOWLY),
        "the same with num_workers=1": (_loader(Items(theirs), batch, workers=1), TAKEN_SLOWLY),
        "golfast, from 8 shards": (_fed(_feed(sharded, batch)), TAKEN),
    }
    _compare(benchmark, "training batches from a file", packed, batch, peers, targets=ASKED)


def bench_from_memory(benchmark: Any) -> None:
    packed = generate(RECIPE)
    states = unpack(packed, RECIPE.width)
    peers = {
        "DataLoader over items in memory": (_loader(ItemsInMemory(states), BATCH), TAKEN_SLOWLY),
        "indexing a uint8 tensor in memory": (_indexed(torch.from_numpy(states), BATCH), TAKEN),
    }
    _compare(benchmark, "training batches from memory", packed, BATCH, peers)


def bench_feeding(benchmark: Any, tmp_path: Path) -> None:
    """What part of a training step is feeding it: at most 3% if a step takes 34 times as long."""
    packed = Trajectories(make(tmp_path / "ours.h5", RECIPE)).packed
    batches = _fed(_feed(packed, BATCH))
    training = _Training(TrainConfig(), RunFolder(tmp_path / "run"), packed, choose_compute("cpu"))

    def steps() -> None:
        for _ in range(STEPS):
            training.step()

    steps()
    compare(
        benchmark,
        f"feeding a training step of {BATCH} sequences",
        Side("golfast", _taking(batches, TAKEN // BATCH), TAKEN // BATCH),
        [Side("the step, fed", steps, STEPS)],
        unit="batches/s",
        targets={"the step, fed": 1 / 0.03},
    )


def _compare(
    benchmark: Any,
    what: str,
    packed: States,
    batch: int,
    peers: dict[str, tuple[Iterator[Batch], int]],
    **also: Any,
) -> None:
    ours = _fed(_feed(packed, batch))
    _check_epochs(packed, batch, {"golfast": ours, **{name: batches for name, (batches, _) in peers.items()}})
    row, width, height = (RECIPE.width + 7) // 8, RECIPE.width, RECIPE.height
    calls = TAKEN // batch
    compare(
        benchmark,
        f"{what}, {batch} sequences each",
        Side("golfast", _taking(ours, calls), batch * calls),
        [
            Side(name, _taking(batches, taken // batch), batch * (taken // batch))
            for name, (batches, taken) in peers.items()
        ],
        unit=UNIT,
        limits=[copying(2 * height * (row + 4 * width) * batch * calls, batch * calls)],
        **also,
    )


def _check_epochs(packed: States, batch: int, all_batches: dict[str, Iterator[Batch]]) -> None:
    """The batches of an epoch are the set: its first and last states, each once (but for those that fill no batch)."""
    wanted = _rows(packed[:, [0, -1]])
    whole, left = divmod(RECIPE.count, batch)
    for name, batches in all_batches.items():
        epoch = [torch.cat(next(batches), dim=1).numpy() for _ in range(whole)]
        given = _rows(np.packbits(np.concatenate(epoch).astype(np.uint8), axis=-1))
        places = np.searchsorted(wanted, given)
        np.testing.assert_array_equal(wanted[places], given, err_msg=f"{name} gives what is not in the set")
        most = np.diff(np.append(np.flatnonzero(np.append(True, wanted[1:] != wanted[:-1])), len(wanted))).max()
        assert np.unique(places, return_counts=True)[1].max() <= most, f"{name} gives a trajectory twice in an epoch"
        assert len(given) == len(wanted) - left


def _taking(batches: Iterator[Batch], calls: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(calls):
            next(batches)

    return run


def _feed(packed: States, batch: int) -> Feed:
    return Feed(packed, RECIPE.width, batch=batch, seed=0, device=torch.device("cpu"))


def _fed(feed: Feed) -> Iterator[Batch]:
    step = 0
    while True:
        yield feed.batch(step)
        step += 1


def _loader(items: Items, batch: int, workers: int = 0) -> Iterator[Batch]:
    loader = DataLoader(
        items, batch_size=batch, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )
    while True:
        yield from loader


def _indexed(states: Tensor, batch: int) -> Iterator[Batch]:
    while True:
        for chosen in torch.randperm(len(states)).split(batch):
            cells = states[chosen]
            yield cells[:, :1].float(), cells[:, -1:].float()


def _rows(packed: NDArray[np.uint8]) -> NDArray[np.void]:
    """Sequences (N, 2, H, bytes) as sorted values, so that sets can be compared whatever their order."""
    flat = np.ascontiguousarray(packed.reshape(len(packed), -1))
    return np.sort(flat.view(np.dtype((np.void, flat.shape[1]))).ravel())
