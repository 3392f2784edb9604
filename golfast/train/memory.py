"""What a training needs to keep at the least, told before any of it is allocated."""

from golfast.errors import Failure
from golfast.train.ahead import memory_bytes
from golfast.train.config import COMPILED, TrainConfig

_MOVED = 16  # bytes a weight: itself, its gradient, two running means


def check_memory(config: TrainConfig, device: str, precision: str, *, in_memory: bool) -> None:
    """Failure if this machine, or its GPU, cannot hold what the training needs.

    device: "cpu" or "cuda"; precision: that it will run in. in_memory: whether the training data is to be made
    there. The figures are lower bounds: what passes may still fail.
    """
    data, model = config.data, config.model
    here, cells = memory_bytes(), data.height * data.width
    if in_memory and data.count * data.trajectory_bytes > here:
        raise Failure(
            f"data.count is {data.count}: {_words(data.count * data.trajectory_bytes)} of trajectories, and this "
            f"machine has {_words(here)}; make a file with `golfast data make` and give it with --data, or lower it"
        )
    on_gpu, size_of = device == "cuda", 4 if precision == "fp32" else 2
    there = _gpu_bytes() if on_gpu else here
    layers = model.encoder_layers + model.timesteps * model.core_layers + 2 * model.decoder_layers
    kept = 1 if config.engine in COMPILED else config.batch * layers  # compiled code takes board by board
    numbers = {
        "weights": (_MOVED * model.weights, "model.channels, model.core_layers"),
        "hidden states of a batch": (
            kept * cells * model.channels * size_of,
            "batch, model.channels, model.timesteps",
        ),
        "a batch": (8 * config.batch * cells, "batch, data.height, data.width"),
        "validation data": (
            4 * config.evaluate_on * cells * (data.generations + 1 + model.timesteps),
            "evaluate_on, data.height, data.width",
        ),
    }
    hidden = cells * model.channels * (model.timesteps + 1)  # of a board
    for key, what, stage in (
        ("adversarial", "the adversarial decoder", config.adversarial),
        ("probes", "the probes", config.probes),
    ):
        if stage.on:
            size = min(stage.pool, data.count) * hidden * size_of
            numbers[f"hidden states for {what}"] = (size, f"{key}.pool")
    if (game := config.adversarial).on:
        # torch keeps what each layer gives; compiled code, of each a copy by pairs and one by rows
        numbers["a batch of the adversarial decoder"] = (
            game.batch * game.layers * hidden * (4 if config.engine in COMPILED else size_of),
            "adversarial.batch, adversarial.layers",
        )
    if (probes := config.probes).on:  # those of one layer are computed, not trained in batches
        drawn = probes.batch * model.timesteps * (data.generations - 1) * cells * model.channels
        numbers["a batch of the probes"] = (
            drawn * (probes.layers - 1) * size_of,
            "probes.batch, probes.layers",
        )
    for what, (size, keys) in numbers.items():
        if size > there:
            raise Failure(
                f"{what} would take {_words(size)}, and {'the GPU' if on_gpu else 'this machine'} has {_words(there)}; "
                f"lower {keys}"
            )


def _gpu_bytes() -> int:
    import torch

    return int(torch.cuda.get_device_properties(torch.device("cuda")).total_memory)


def _words(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
