"""Which engine a training runs on."""

import dataclasses

import torch

from golfast.run.precision import Compute
from golfast.train.config import TrainConfig


def as_run(config: TrainConfig, compute: Compute) -> TrainConfig:
    """The config as it runs: what "auto" stands for on this machine is part of what a run is.

    Raises ValueError if the engine that was asked for cannot run here.
    """
    from golfast.model.compiled.choose import KINDS, fastest

    on_cpu = compute.device.type == "cpu" and compute.bf16
    if (kind := KINDS.get(config.engine)) and not (on_cpu and kind.can_run(config.model)):
        model = config.model
        raise ValueError(
            f"engine {config.engine!r} was asked for; it needs {kind.needs}, precision 'bf16' and device 'cpu', and "
            f"got {model.channels} channels, padding {model.padding!r}, {compute.precision} and {compute.device.type}; "
            "use engine 'torch'"
        )
    engine = config.engine
    if engine == "auto":
        engine = "stacked" if compute.device.type == "cuda" else (on_cpu and fastest(config.model)) or "torch"
    if engine == "torch" and compute.dtype is torch.float16:
        raise ValueError("engine 'torch' was asked for, and it has no loss scaling for fp16; use engine 'stacked'")
    return dataclasses.replace(config, precision=compute.precision, engine=engine)
