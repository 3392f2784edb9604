"""How long a sweep will take, from a short measurement."""

import dataclasses
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from golfast.ablate.jobs import Trial
from golfast.data import generate
from golfast.run.config import fingerprint, override
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig, train

_STEPS = 20


def step_seconds(config: TrainConfig, device: str = "auto") -> float:
    """Seconds that a step of a config takes here, one trial at a time, from twenty steps after twenty for warming up.

    Measured with what a trial does once at its beginning and end left out.
    """
    small = override(
        config,
        {
            "steps": 2 * _STEPS,
            "stop": 2.0,
            "evaluate_every": _STEPS,
            "checkpoint_every": 2 * _STEPS,
            "data.count": max(1000, config.batch),
        },
    )
    records: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        train(
            small,
            RunFolder(Path(folder) / "run"),
            generate(small.data),
            compute=choose_compute(device, small.precision),
            watch=records.append,
        )
    return float(records[-1]["seconds"] - records[-2]["seconds"]) / _STEPS


def at_most_seconds(trials: Iterable[Trial], device: str = "auto") -> dict[str, float]:
    """Seconds that the training of each trial takes at most, by name: a step of its kind times its most steps."""
    measured: dict[str, float] = {}
    found = {}
    for trial in trials:
        kind = fingerprint(dataclasses.replace(trial.config, seed=0))
        if kind not in measured:
            measured[kind] = step_seconds(trial.config, device)
        found[trial.name] = measured[kind] * trial.config.steps
    return found
