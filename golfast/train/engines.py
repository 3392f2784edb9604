"""Which engine a training runs on."""

import dataclasses

import torch

from golfast.run.precision import Compute
from golfast.train.config import TrainConfig


def as_run(config: TrainConfig, compute: Compute) -> TrainConfig:
    """The config as it runs: what "auto" stands for on this machine is part of what a run is.

    Raises ValueError if the engine that was asked for cannot run here.
    """
    from golfast.model.amx.engine import can_run

    fits = compute.device.type == "cpu" and compute.bf16 and can_run(config.model)
    if config.engine == "amx" and not fits:
        raise ValueError(
            "engine 'amx' was asked for; it needs a CPU with a matrix unit for bf16, precision 'bf16', device 'cpu' "
            f"and at most 32 channels, and got {compute.precision}, {compute.device.type} and {config.model.channels} "
            "channels; use engine 'torch'"
        )
    engine = config.engine
    if engine == "auto":
        engine = "stacked" if compute.device.type == "cuda" else "amx" if fits else "torch"
    if engine == "torch" and compute.dtype is torch.float16:
        raise ValueError("engine 'torch' was asked for, and it has no loss scaling for fp16; use engine 'stacked'")
    return dataclasses.replace(config, precision=compute.precision, engine=engine)
