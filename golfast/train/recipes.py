"""Named recipes: what to train by. Options win over a config file, a file over the recipe, it over the defaults."""

from collections.abc import Mapping
from typing import Any

from golfast.errors import meant
from golfast.run.config import from_mapping
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
        raise ValueError(f"recipe {recipe!r} is unknown; {meant(recipe, RECIPES)}")
    merged: dict[str, Any] = {}
    for layer in (_nested(RECIPES[recipe]), file or {}, _nested(changes or {})):
        _merge(merged, layer)
    return from_mapping(TrainConfig, merged)


def _nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for key, value in dotted.items():
        for name in reversed(key.split(".")):
            value = {name: value}
        _merge(tables, value)
    return tables


def _merge(under: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(under.get(key), dict):
            _merge(under[key], value)
        else:
            under[key] = dict(value) if isinstance(value, Mapping) else value
