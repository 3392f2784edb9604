"""Trials of the first paper's kind: networks that learn to predict a later state."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golfast.ablate.searched import searched
from golfast.ablate.work import TrialWork
from golfast.data import generate
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute
from golfast.train import RECIPES, TrainConfig, as_run, configure, train

_STEPS = 20
_TICK = 0.001  # seconds: records have no finer ones, and the smallest networks are faster


@dataclass(frozen=True, slots=True)
class Networks:
    """As `Kind` says; the recipes are those of `golfast train`."""

    @property
    def recipes(self) -> tuple[str, ...]:
        """fast, adam, authors."""
        return tuple(RECIPES)

    @property
    def left_to_machine(self) -> tuple[str, ...]:
        """The engine. Not the precision: bf16 and fp32 are two questions."""
        return ("engine",)

    def config(self, recipe: str, seed: int) -> TrainConfig:
        """Of "authors" each seed has hyperparameters of its own, as they searched them; a variant's changes win."""
        drawn = searched(seed) if recipe == "authors" else {}
        return configure(recipe, changes={**drawn, "seed": seed})

    def as_run(self, config: TrainConfig, device: str, *, stacked: bool = False) -> TrainConfig:
        """With precision and engine resolved."""
        if stacked and config.engine == "auto":
            config = override(config, {"engine": "stacked"})
        return as_run(config, choose_compute(device, config.precision))

    def work(self, folder: Path, device: str) -> TrialWork:
        """Train, evaluate."""
        return TrialWork(folder, device)

    def at_most_seconds(self, config: TrainConfig, device: str) -> float:
        """From twenty steps after twenty for warming up, one network at a time; most runs stop long before that."""
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
            compute = choose_compute(device, small.precision)
            train(small, RunFolder(Path(folder) / "run"), generate(small.data), compute=compute, watch=records.append)
        taken = max(records[-1]["seconds"] - records[-2]["seconds"], _TICK)
        return float(taken) / _STEPS * config.steps
