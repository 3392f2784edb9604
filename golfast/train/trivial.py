"""What a network that has learned nothing gets right."""

import dataclasses

import numpy as np

from golfast.data import Recipe, generate
from golfast.train.config import TrainConfig

_LOOKED_AT = 256  # trajectories


def reached_without_learning(config: TrainConfig) -> str | None:
    """A sentence if `config.stop` is reached by a network that draws dead boards, or its input; else None.

    Such a run ends, and counts, after 0 steps or few.
    """
    shares = right_without_learning(config.data)
    what, share = max(shares.items(), key=lambda pair: pair[1])
    if config.stop > share:
        return None
    return (
        f"stop is {config.stop:g}, and {what} has {share:.1%} of the last state's cells right: such a run ends after 0 "
        "steps or few, and counts though it has learned nothing; give more, such as 0.99"
    )


def right_without_learning(recipe: Recipe) -> dict[str, float]:
    """The share of the last state's cells that is right in a dead board and in the first state, on validation data."""
    looked_at = dataclasses.replace(recipe, split="validation", start=0, count=_LOOKED_AT)
    packed = generate(looked_at)
    cells = _LOOKED_AT * recipe.height * recipe.width
    first, last = packed[:, 0], packed[:, -1]
    wrong = {"a dead board": last, "the first state": first ^ last}
    return {what: 1 - int(np.bitwise_count(bits).sum(dtype=np.int64)) / cells for what, bits in wrong.items()}
