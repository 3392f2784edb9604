"""Trials of the first paper's kind: networks that learn to predict a later state.

Torch is loaded where one is trained, and not to say what would be.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golfast.ablate.cost import LARGER, LESS, Costs, Guess
from golfast.ablate.draw import Range
from golfast.ablate.past import PastRun
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute, foresee
from golfast.train import RECIPES, TrainConfig, configure
from golfast.train.engines import as_it_would_run
from golfast.train.memory import check_memory
from golfast.train.trivial import reached_without_learning

if TYPE_CHECKING:
    from golfast.ablate.work import TrialWork

# What the authors searched, as their public code and their paper have it.
SEARCHED: Mapping[str, Range] = {
    "model.channels": (2, 40),
    "model.encoder_layers": (1, 3),
    "model.core_layers": (3, 8),
    "model.decoder_layers": (1, 3),
    "batch": (200, 512),
    "optimiser.adam_lr": (1e-5, 1e-3),
}
_STEPS = 20
_FEW = 200  # trajectories
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
        """As `golfast train` takes them."""
        return configure(recipe, changes={"seed": seed})

    def draw(self, recipe: str) -> Mapping[str, Range]:
        """Of "authors" each seed has hyperparameters of its own, as they searched them."""
        return SEARCHED if recipe == "authors" else {}

    def as_run(self, config: TrainConfig, device: str, *, stacked: bool = False) -> TrainConfig:
        """With precision and engine resolved."""
        if stacked and config.engine == "auto":
            config = override(config, {"engine": "stacked"})
        return as_it_would_run(config, device)

    def work(self, folder: Path, device: str) -> "TrialWork":
        """Train, evaluate."""
        from golfast.ablate.work import TrialWork

        return TrialWork(folder, device)

    def check(self, config: TrainConfig, device: str) -> None:
        """Failure if what a training needs cannot fit."""
        check_memory(config, *foresee(device, config.precision), in_memory=False)

    def guess(self, configs: Sequence[TrainConfig], device: str, past: Sequence[PastRun]) -> list[Guess]:
        """By the network's shape and engine."""
        from golfast.imagine import EVALUATED

        costs, sequences = Costs(past), round(EVALUATED * (1 + LARGER**2 / LESS))
        on = foresee(device)[0]
        return [costs.guess(config, on, sequences=sequences) for config in configs]

    def doubts(self, config: TrainConfig) -> str | None:
        """That a network which has learned nothing reaches what is asked for."""
        return reached_without_learning(config)

    def at_most_seconds(self, config: TrainConfig, device: str) -> float:
        """Twenty steps of the network and of what is trained on top of it, and a small evaluation, each after one that
        is not counted; one network at a time. Most runs stop long before their last step.
        """
        from golfast.ablate.stages import train_stages
        from golfast.ablate.trial import evaluate_trial
        from golfast.data import generate
        from golfast.imagine import EVALUATED
        from golfast.run.progress import Display
        from golfast.run.watch import watch_nothing
        from golfast.train import train

        how: dict[str, Any] = {"resume": False, "display": Display(quiet=True), "watch": watch_nothing}

        changes = {
            "steps": 2 * _STEPS,
            "stop": 2.0,
            "evaluate_every": _STEPS,
            "checkpoint_every": 2 * _STEPS,
            "data.count": max(1000, config.batch),
            "adversarial.steps": _STEPS,
            "adversarial.alone": 0,
            "adversarial.pool": _FEW,
            "probes.steps": _STEPS,
            "probes.pool": _FEW,
        }
        small = override(config, changes)
        records: list[dict[str, Any]] = []
        with tempfile.TemporaryDirectory() as name:
            compute, packed = choose_compute(device, small.precision), generate(small.data)
            folder = RunFolder(Path(name) / "run")
            network = train(small, folder, packed, compute=compute, watch=records.append).network
            for _ in range(2):
                stages = train_stages(small, folder, network, packed, compute, **how)
                began = time.perf_counter()
                evaluate_trial(small, network, compute, stages=stages, sequences=_FEW)
                evaluating = time.perf_counter() - began
        spent = max(records[-1]["seconds"] - records[-2]["seconds"], _TICK) / _STEPS * config.steps
        if config.adversarial.on:
            spent += stages.told["adversarial"]["seconds"] / _STEPS * config.adversarial.steps
        if config.probes.on:
            linear = config.probes.layers == 1  # which takes no steps, but looks at the whole pool
            times = config.probes.pool / _FEW if linear else config.probes.steps / _STEPS
            spent += stages.told["probes"]["seconds"] * times
        return float(spent + evaluating * EVALUATED * (1 + LARGER**2 / LESS) / _FEW)
