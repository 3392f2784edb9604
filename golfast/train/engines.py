"""Which engine a training runs on."""

import dataclasses
from typing import TYPE_CHECKING

from golfast.run.precision import foresee
from golfast.train.config import TrainConfig

if TYPE_CHECKING:
    from golfast.run.precision import Compute


def as_run(config: TrainConfig, compute: "Compute") -> TrainConfig:
    """The config as it runs: what "auto" stands for on this machine is part of what a run is.

    Raises ValueError if the engine that was asked for cannot run here.
    """
    return _resolved(config, compute.device.type, compute.precision)


def as_it_would_run(config: TrainConfig, device: str) -> TrainConfig:
    """`as_run` on what `choose_compute` would choose, found without torch where the machine leaves no doubt."""
    return _resolved(config, *foresee(device, config.precision))


def _resolved(config: TrainConfig, device: str, precision: str) -> TrainConfig:
    from golfast.model.compiled.able import NEEDS, can_run, fastest

    on_cpu = device == "cpu" and precision == "bf16"
    if config.engine in NEEDS and not (on_cpu and can_run(config.engine, config.model)):
        model = config.model
        raise ValueError(
            f"engine {config.engine!r} was asked for; it needs {NEEDS[config.engine]}, precision 'bf16' and device "
            f"'cpu', and got {model.channels} channels, padding {model.padding!r}, {precision} and {device}; "
            "use engine 'torch'"
        )
    engine = config.engine
    if engine == "auto":
        engine = "stacked" if device == "cuda" else (on_cpu and fastest(config.model)) or "torch"
    if engine == "torch" and precision == "fp16":
        raise ValueError("engine 'torch' was asked for, and it has no loss scaling for fp16; use engine 'stacked'")
    return dataclasses.replace(config, precision=precision, engine=engine)
