"""Random training batches as float32 tensors, from a file, from shards and from memory."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
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
CALLS, SLOW_CALLS = 200, 20  # batches in a round
UNIT = "sequences/s"

Batch = tuple[Tensor, Tensor]


def bench_from_file(benchmark: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "ours.h5", RECIPE)
    packed = Trajectories(path).packed
    sharded = Trajectories(split(path, tmp_path / "shards", 8)).packed
    with h5py.File(tmp_path / "theirs.h5", "w") as file:
        file.create_dataset("states", data=unpack(np.asarray(packed), RECIPE.width))
    peers = {"DataLoader over h5py items": (_loader(Items(tmp_path / "theirs.h5")), SLOW_CALLS)}
    peers["golfast, from 8 shards"] = (_fed(_feed(sharded)), CALLS)
    feed, training = _feed(packed), _Training(TrainConfig(), RunFolder(tmp_path / "run"), packed, choose_compute("cpu"))
    step = _seconds(lambda _: training._step(), 10)
    _compare(benchmark, "training batches from a file", packed, peers, share_of_a_step=_seconds(feed.batch, 500) / step)


def bench_from_memory(benchmark: Any) -> None:
    packed = generate(RECIPE)
    states = unpack(packed, RECIPE.width)
    peers = {
        "DataLoader over items in memory": (_loader(ItemsInMemory(states)), SLOW_CALLS),
        "indexing a uint8 tensor in memory": (_indexed(torch.from_numpy(states)), CALLS),
    }
    _compare(benchmark, "training batches from memory", packed, peers)


def _compare(
    benchmark: Any, what: str, packed: States, peers: dict[str, tuple[Iterator[Batch], int]], **also: object
) -> None:
    ours = _fed(_feed(packed))
    wanted = _rows(packed[:, [0, -1]])
    for name, batches in {"golfast": ours, **{name: batches for name, (batches, _) in peers.items()}}.items():
        epoch = [torch.cat(next(batches), dim=1).numpy() for _ in range(RECIPE.count // BATCH)]
        given = _rows(np.packbits(np.concatenate(epoch).astype(np.uint8), axis=-1))
        np.testing.assert_array_equal(given, wanted, err_msg=f"an epoch of {name} is not the set")
    row, width, height = (RECIPE.width + 7) // 8, RECIPE.width, RECIPE.height
    compare(
        benchmark,
        f"{what}, {BATCH} sequences each",
        Side("golfast", _taking(ours, CALLS), BATCH * CALLS),
        [Side(name, _taking(batches, calls), BATCH * calls) for name, (batches, calls) in peers.items()],
        unit=UNIT,
        limits=[copying(2 * height * (row + 4 * width) * BATCH * CALLS, BATCH * CALLS)],
        **also,
    )


def _taking(batches: Iterator[Batch], calls: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(calls):
            next(batches)

    return run


def _feed(packed: States) -> Feed:
    return Feed(packed, RECIPE.width, batch=BATCH, seed=0, device=torch.device("cpu"))


def _seconds(call: Callable[[int], object], calls: int) -> float:
    """Mean time of a call, after the first."""
    call(0)
    began = time.perf_counter()
    for k in range(1, calls + 1):
        call(k)
    return (time.perf_counter() - began) / calls


def _fed(feed: Feed) -> Iterator[Batch]:
    step = 0
    while True:
        yield feed.batch(step)
        step += 1


def _loader(items: Items) -> Iterator[Batch]:
    while True:
        yield from DataLoader(items, batch_size=BATCH, shuffle=True)


def _indexed(states: Tensor) -> Iterator[Batch]:
    while True:
        for chosen in torch.randperm(len(states)).split(BATCH):
            cells = states[chosen]
            yield cells[:, :1].float(), cells[:, -1:].float()


def _rows(packed: NDArray[np.uint8]) -> NDArray[np.void]:
    """Sequences (N, 2, H, bytes) as sorted values, so that sets can be compared whatever their order."""
    flat = np.ascontiguousarray(packed.reshape(len(packed), -1))
    return np.sort(flat.view(np.dtype((np.void, flat.shape[1]))).ravel())
