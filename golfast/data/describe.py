"""What is in a dataset, in figures."""

from typing import Any

import numpy as np

from golfast.data.reader import Trajectories

SAMPLED = 20_000  # trajectories looked at: enough for three digits, and instant from a set of any size


def describe(dataset: Trajectories) -> dict[str, Any]:
    """Figures of a set, from at most 20,000 of its trajectories spread evenly.

    "density": share of live cells, state by state. "activity": share of cells that change, from state to state.
    "settled": share of trajectories whose last two states are equal. "sampled": how many were looked at.
    """
    count = min(len(dataset), SAMPLED)
    packed = dataset.batch(np.linspace(0, len(dataset) - 1, count).astype(np.int64))
    cells = dataset.recipe.height * dataset.recipe.width
    changes = packed[:, 1:] ^ packed[:, :-1]
    settled = ~changes[:, -1].any(axis=(1, 2)) if changes.shape[1] else np.zeros(count, bool)
    return {
        "density": (np.bitwise_count(packed).sum(axis=(0, 2, 3), dtype=np.int64) / (count * cells)).tolist(),
        "activity": (np.bitwise_count(changes).sum(axis=(0, 2, 3), dtype=np.int64) / (count * cells)).tolist(),
        "settled": float(settled.mean()),
        "sampled": count,
    }
