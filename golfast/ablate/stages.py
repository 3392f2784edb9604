"""What a trial trains on top of its network, if its config says so, and what its result says of that."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from golfast.data import States, generate
from golfast.errors import Failure
from golfast.model import Decoder, Network, Probes, load_weights, save_weights
from golfast.run.files import replacing
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute
from golfast.run.progress import Display, Phase
from golfast.run.watch import Watch
from golfast.train import StageOutcome, TrainConfig, train_adversarial, train_probes

Kept = TypeVar("Kept", bound=nn.Module)


@dataclass(slots=True)
class Stages:
    """Decoders beside the network's own. None: the config asks for none, or its training diverged."""

    adversarial: Decoder | None = None
    probes: Probes | None = None
    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    """For each that was trained what its result holds besides figures."""


def train_stages(
    config: TrainConfig,
    folder: RunFolder,
    network: Network,
    packed: States,
    compute: Compute,
    *,
    resume: bool,
    display: Display,
    watch: Watch,
) -> Stages:
    """Train what the config asks for and leave its weights in the folder."""
    stages, compute = Stages(), compute.unscaled
    if config.adversarial.on:
        phase = display.phase("adversarial decoder", config.adversarial.steps, unit="step")
        decoder, outcome = train_adversarial(
            config,
            folder,
            network,
            packed,
            compute=compute,
            resume=resume,
            watch=_to("adversarial", phase, watch),
        )
        phase.done()
        stages.told["adversarial"] = _told(outcome)
        stages.adversarial = _kept(decoder, folder.adversarial, outcome)
    if config.probes.on:
        phase = display.phase("probes", config.probes.steps, unit="step")
        validation = generate(dataclasses.replace(config.data, split="validation"), 0, config.evaluate_on)
        probes, outcome, right = train_probes(
            config,
            folder,
            network,
            packed,
            validation,
            compute=compute,
            resume=resume,
            watch=_to("probes", phase, watch),
        )
        phase.done()
        stages.told["probes"] = {
            **_told(outcome),
            "states": [2 + target for target in probes.chosen.tolist()],
            "right": [[round(float(value), 6) for value in row] for row in right],
        }
        stages.probes = _kept(probes, folder.probes, outcome)
    return stages


def load_stages(path: Path | str, config: TrainConfig, compute: Compute) -> Stages:
    """The decoders of a run folder, as far as it has them. Failure if a file is damaged."""
    folder, stages = RunFolder(Path(path)), Stages()
    if folder.adversarial.exists():
        with torch.device("meta"):
            stages.adversarial = Decoder(config.model, config.adversarial.layers)
        load_weights(stages.adversarial, folder.adversarial)
        stages.adversarial.to(compute.device)
    if folder.probes.exists():
        with torch.device("meta"):
            stages.probes = Probes(config.model, config.data.generations, layers=config.probes.layers)
        load_weights(stages.probes, folder.probes)
        if not (stages.probes.chosen.min() >= 0 and stages.probes.chosen.max() < stages.probes.targets):
            raise Failure(f"{folder.probes} is damaged: it names states that are not there")
        stages.probes.to(compute.device)
    return stages


def _to(stage: str, phase: Phase, watch: Watch) -> Callable[[dict[str, Any]], None]:
    def told(record: dict[str, Any]) -> None:
        phase.update(record["step"])
        watch(stage, record)

    return told


def _told(outcome: StageOutcome) -> dict[str, Any]:
    return {
        "outcome": outcome.outcome,
        "steps": outcome.steps,
        "seconds": round(outcome.seconds, 2),
        "loss": None if outcome.loss is None else round(outcome.loss, 6),
    }


def _kept(module: Kept, path: Path, outcome: StageOutcome) -> Kept | None:
    if outcome.outcome != "trained":
        path.unlink(missing_ok=True)
        return None
    with replacing(path) as temporary:
        save_weights(module, temporary)
    return module
