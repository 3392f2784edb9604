"""What is in a dataset, in figures."""

from typing import Any

import numpy as np

from golfast.data.reader import Trajectories

SAMPLED = 20_000  # trajectories looked at: enough for two digits, and instant from a set of any size
_SAMPLED_BYTES = 64 << 20  # of them, packed, however large one is
_RUN = 100  # of them in a row, so that few pages are read and few blocks of an archive decoded


def describe(dataset: Trajectories) -> dict[str, Any]:
    """Figures of a set, from at most 20,000 of its trajectories (and 64 MiB of them) spread evenly.

    "density": share of live cells, state by state. "activity": share of cells that change, from state to state.
    "settled": share of trajectories whose last two states are equal. "sampled": how many were looked at. "liveliest":
    the number of the trajectory among them, from the first 100, in which most cells change. ValueError if `dataset` is
    not an open one.
    """
    if not isinstance(dataset, Trajectories):
        raise ValueError(f"the dataset to describe is {dataset!r}; open it first, as golfast.data.Trajectories(path)")
    most = max(1, min(SAMPLED, _SAMPLED_BYTES // dataset.recipe.trajectory_bytes))
    if len(dataset) <= most:
        chosen = np.arange(len(dataset))
    else:
        run = min(_RUN, most)
        starts = np.linspace(0, len(dataset) - run, most // run).astype(np.int64)
        chosen = (starts[:, None] + np.arange(run)).reshape(-1)
    packed = dataset.batch(chosen)
    total = len(chosen) * dataset.recipe.height * dataset.recipe.width
    changes = packed[:, 1:] ^ packed[:, :-1]
    settled = ~changes[:, -1].any(axis=(1, 2)) if changes.shape[1] else np.zeros(len(chosen), bool)
    lively = np.bitwise_count(changes[:_RUN]).sum(axis=(1, 2, 3), dtype=np.int64)
    return {
        "density": (np.bitwise_count(packed).sum(axis=(0, 2, 3), dtype=np.int64) / total).tolist(),
        "activity": (np.bitwise_count(changes).sum(axis=(0, 2, 3), dtype=np.int64) / total).tolist(),
        "settled": float(settled.mean()),
        "sampled": len(chosen),
        "liveliest": int(lively.argmax()),
    }
