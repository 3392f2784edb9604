"""Named recipes: what to train by. Flags win over a config file, a file over the recipe, the recipe over the defaults."""

from collections.abc import Mapping
from typing import Any

from golfast.run.config import flatten, from_mapping, override
from golfast.train.config import TrainConfig

_THEIRS = {
    "model.slope": 0.3,
    "optimiser.name": "adam",
    "optimiser.warmup": 0,
    "optimiser.schedule": "exponential",
    "optimiser.decay": 0.9,
    "optimiser.decay_steps": 100_000,
    "optimiser.clip": 0.1,
}

RECIPES: Mapping[str, Mapping[str, Any]] = {
    # The defaults: Muon, a nearly straight activation, small batches. Seconds of a CPU.
    "fast": {},
    # The authors' optimiser and activation with small batches. A minute and more of a CPU.
    "adam": {**_THEIRS, "batch": 24, "steps": 30_000, "optimiser.adam_lr": 2e-3, "checkpoint_every": 1000},
    # As the authors' public code has it, at a point of the ranges they searched: batch 200 to 512, learning rate 1e-5
    # to 1e-3. They looked whether to stop every few thousand steps. Hours of a CPU, minutes of a GPU.
    "authors": {
        **_THEIRS,
        "batch": 256,
        "steps": 100_000,
        "stop_every": 2000,
        "checkpoint_every": 2000,
        "optimiser.adam_lr": 1e-3,
        "adversarial.batch": 256,
        "adversarial.steps": 50_000,
        "adversarial.alone": 5000,
        "adversarial.pool": 4096,
    },
}


def configure(
    recipe: str = "fast", *, file: Mapping[str, Any] | None = None, changes: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The config of a recipe, with what a config file says (nested tables) and then what `changes` say (dotted keys).

    ValueError for an unknown recipe, for keys that do not exist (naming the nearest one that does) and for impossible
    values.
    """
    if recipe not in RECIPES:
        raise ValueError(f"recipe {recipe!r} is unknown; allowed are: {', '.join(RECIPES)}")
    from_mapping(TrainConfig, file or {})  # so that what is wrong is told as it stands in the file
    given = flatten(file or {})
    return override(TrainConfig(), {**RECIPES[recipe], **given, **(changes or {})})
