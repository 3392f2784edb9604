"""One trial: train a network, evaluate it, leave a run folder that explains itself."""

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from golfast.ablate.cost import LARGER, LESS
from golfast.ablate.forecast import Forecast
from golfast.ablate.reuse import check_reuse, reuse, reused
from golfast.ablate.stages import Stages, train_stages
from golfast.data import Recipe, States, Trajectories, generate
from golfast.errors import Failure
from golfast.imagine import EVALUATED, VARIANTS, check_threshold, draw_run, evaluate
from golfast.imagine.terminal import imagined_lines
from golfast.model import Network, load_weights
from golfast.run.config import difference, fingerprint, from_mapping, override, to_toml
from golfast.run.folder import RunFolder
from golfast.run.hardware import hardware, versions
from golfast.run.precision import Compute, choose_compute
from golfast.run.progress import Display
from golfast.run.shapes import NETWORK
from golfast.run.watch import Watch, watch_nothing
from golfast.train import Outcome, TrainConfig, as_run, train
from golfast.train.ahead import memory_bytes
from golfast.train.memory import check_memory
from golfast.train.optimise import seeded_network
from golfast.train.trivial import reached_without_learning

UNTRAINED = 1000
"""Sequences that an untrained network is evaluated on: it has nothing to tell that would need more."""

DRAWN_FROM = 1000
"""Sequences of which a run's strips are chosen, fewer where they have more than DRAWN_CELLS in all."""
DRAWN_CELLS = 1 << 25


def run_trial(
    config: TrainConfig,
    folder: RunFolder,
    dataset: Trajectories | None = None,
    *,
    device: str = "auto",
    source: RunFolder | None = None,
    resume: bool = False,
    again: bool = False,
    draw: bool = True,
    sequences: int = EVALUATED,
    display: Display | None = None,
    watch: Watch = watch_nothing,
) -> dict[str, Any]:
    """Train, evaluate on held-out sequences, draw unless told not to; returns what result.json holds.

    dataset: the training data, of the recipe config.data; if left out it is made in memory. source: a finished run
    whose network this one's is, and is not trained again: what comes out is the same. sequences: how many test
    sequences the metric is the mean of. A folder whose run is finished is not run again: its result is returned, unless
    `again` is set: then the run in the folder, whatever it is, is removed once no other job is at work in it. watch is
    called with every record of what is trained, under its name.

    A run that diverges or is stuck ends like any other and says so in its "outcome". Raises ValueError if the folder
    has a run and `resume` is not set, or if the dataset is of another recipe; Failure as `train` does.
    """
    display = display or Display(quiet=True)
    compute = choose_compute(device, config.precision)
    config = as_run(config, compute)
    if dataset is not None and dataset.recipe != config.data:
        raise ValueError("the dataset is of another recipe than the config's data")
    if not again and (done := folder.earlier_result(resume=resume, same=lambda: _is_of(config, folder))):
        return folder.read_result(NETWORK) or done
    if source is not None and not folder.stage_checkpoint("network").exist():
        check_reuse(source, load_config(source), config)
    check_memory(config, compute.device.type, compute.precision, in_memory=dataset is None)
    with folder.locked():
        if again:
            folder.clear()
        folder.start(to_toml(config))
        return _run(config, folder, dataset, compute, source, sequences, resume, draw, display, watch)


def _run(
    config: TrainConfig,
    folder: RunFolder,
    dataset: Trajectories | None,
    compute: Compute,
    source: RunFolder | None,
    sequences: int,
    resume: bool,
    draw: bool,
    display: Display,
    watch: Watch,
) -> dict[str, Any]:
    if not display.quiet and (doubt := reached_without_learning(config)):
        display.say(f"note: {doubt}")
    if dataset is None:
        display.say(f"making {config.data.count:,} trajectories in memory")
    packed = generate(config.data) if dataset is None else dataset.packed
    found = reused(folder, config, watch) if resume else None
    if source is not None and found is None:
        reuse(source, folder, config)
        found = reused(folder, config, watch)
    more: dict[str, Any] = {}
    if found is None:
        outcome = _train(config, folder, packed, compute, resume, display, watch)
    else:
        outcome, more["network_from"] = found
        outcome.network.to(compute.device)
        display.say(f"the network is that of run {more['network_from']}")
    if outcome.diverged:
        display.say(outcome.outcome)
        result = {**_told(config, outcome, compute), **_no_figures(outcome)}
    else:
        stages = train_stages(
            config, folder, outcome.network, packed, compute, resume=resume, display=display, watch=watch
        )
        figures = evaluate_trial(config, outcome.network, compute, stages=stages, sequences=sequences, display=display)
        result = {**_told(config, outcome, compute), **more, **_flat(figures)}
        for name, about in stages.told.items():
            result[name] = {**about, **(_flat(figures[name]) if name in figures else _no_figures())}
        result["larger"] = _on_larger_boards(config, outcome.network, compute, max(1, sequences // LESS))
    if draw and not outcome.diverged:
        display.say("drawing")
        cells = config.data.states * config.data.height * config.data.width
        truth = held_out_cells(config, max(16, min(DRAWN_FROM, DRAWN_CELLS // cells)))
        draw_run(folder, outcome.network, truth, compute, steps=outcome.steps)
    folder.finish(result)
    return result


def _train(
    config: TrainConfig,
    folder: RunFolder,
    packed: States,
    compute: Compute,
    resume: bool,
    display: Display,
    watch: Watch,
) -> Outcome:
    name, at_most = f"train {config.model.timesteps} timesteps", config.stop <= 1
    phase = display.phase(name, config.steps, unit="step", at_most=at_most)
    forecast = Forecast(config, folder.path.parent) if at_most and not display.quiet else None

    def told(record: dict[str, Any]) -> None:
        expected = forecast.end(record["step"], record["accuracy"][-1]) if forecast else None
        phase.update(record["step"], "right: " + accuracy_words(record["accuracy"]), expected=expected)
        watch("train", record)

    def draw(states: NDArray[np.uint8], drawn: NDArray[np.uint8]) -> None:
        phase.picture = lru_cache(1)(partial(imagined_lines, states, drawn))  # drawn anew several times a second

    outcome = train(config, folder, packed, compute=compute, resume=resume, watch=told, draw=draw)
    phase.done("right: " + accuracy_words(outcome.accuracy))
    return outcome


def evaluate_trial(
    config: TrainConfig,
    network: Network,
    compute: Compute,
    *,
    stages: Stages | None = None,
    sequences: int = EVALUATED,
    dataset: Trajectories | None = None,
    threshold: float = 0.95,
    untrained: bool = False,
    display: Display | None = None,
) -> dict[str, Any]:
    """Figures of a network on `sequences` test trajectories of its own recipe, or on the first of a dataset.

    stages: decoders beside the network's own, whose figures are wanted, too. untrained: whether "baselines" is to have
    the metric of the same network before its training, too, on the first UNTRAINED sequences.

    The boards of a dataset may be of another size or another rule than those trained on; ValueError if it has another
    number of generations.
    """
    check_threshold(threshold)
    display = display or Display(quiet=True)
    if dataset is None:
        recipe = held_out_recipe(config, sequences)
        _check_sequences(recipe, config.model.timesteps)
        truth = generate(recipe)
    else:
        recipe, truth = dataset.recipe, dataset.packed[:sequences]
        if recipe.split == "train" and recipe.seed == config.data.seed:
            display.say("note: the network was trained on these boards; figures on them are not held-out")
    if recipe.generations != config.data.generations:
        raise ValueError(
            f"the dataset has {recipe.generations} generations, and the run was trained on {config.data.generations}; "
            "give data of the same number"
        )
    phase = display.phase("imagine", len(truth), unit="sequence")
    stages = stages or Stages()
    figures = evaluate(
        network,
        truth,
        recipe.width,
        compute,
        adversarial=stages.adversarial,
        probes=stages.probes,
        threshold=threshold,
        progress=phase.update,
    )
    phase.done()
    if untrained:
        fresh = seeded_network(Network, config.model, seed=config.seed).to(compute.device)
        few = _flat(evaluate(fresh, truth[:UNTRAINED], recipe.width, compute, threshold=threshold))
        figures["baselines"]["untrained"] = {name: few[name] for name in ("metric", "metric_variants", "sequences")}
    return figures


def _check_sequences(recipe: Recipe, timesteps: int) -> None:
    """Failure if this machine cannot hold so many sequences and what is drawn of them."""
    size = recipe.count * recipe.trajectory_bytes * (1 + timesteps / (recipe.generations + 1))
    if size > memory_bytes():
        raise Failure(
            f"{recipe.count:,} sequences on boards of {recipe.height}x{recipe.width} and what is drawn of them would "
            f"take {size / 1e9:,.1f} GB, and this machine has {memory_bytes() / 1e9:,.1f} GB; evaluate on fewer"
        )


def _on_larger_boards(config: TrainConfig, network: Network, compute: Compute, sequences: int) -> dict[str, Any]:
    """Figures of a network on boards LARGER times as high and wide as those it was trained on."""
    height, width = LARGER * config.data.height, LARGER * config.data.width
    recipe = override(held_out_recipe(config, sequences), {"height": height, "width": width})
    return {"height": height, "width": width, **_flat(evaluate(network, generate(recipe), width, compute))}


def load_trial(path: Path | str, device: str = "auto") -> tuple[TrainConfig, Network, Compute]:
    """A trained network from its run folder: the config and weights.safetensors are all that is needed.

    Raises Failure, FileNotFoundError or ValueError, each in one sentence, if the folder is not a run or is damaged.
    """
    folder = RunFolder(Path(path))
    config = load_config(folder)
    if not folder.weights.exists():
        raise Failure(f"{path} has no weights yet: its training has not ended; go on with `golfast train --resume`")
    # Weights trained in bf16 mean the same in fp32, so a machine without bf16 can evaluate them.
    compute = choose_compute(device, config.precision if config.precision == "fp32" else "auto")
    with torch.device("meta"):  # a config may ask for more than there is; what is in the file says what it takes
        network = Network(config.model)
    load_weights(network, folder.weights)
    return config, network.to(compute.device), compute


def load_config(folder: RunFolder) -> TrainConfig:
    """The config of a run folder. Failure if there is none or a damaged one, or one of an agent."""
    if not folder.config.exists():
        raise Failure(f"{folder.path} is not a run folder: it has no config.toml")
    mapping = folder.read_config()
    if "environment" in mapping:
        raise Failure(f"{folder.path} holds a run of another kind, of an agent and not of a network that predicts Life")
    try:
        config = from_mapping(TrainConfig, mapping)
    except ValueError as error:
        raise Failure(f"{folder.path} has no config of a run: {error}") from None
    folder.check_named(fingerprint(config))
    return config


def _is_of(config: TrainConfig, folder: RunFolder) -> bool:
    """True; Failure if the folder holds a run of another config, with what differs."""
    if others := difference(load_config(folder), config):
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise Failure(
            f"{folder.path} holds a run of another config: {', '.join(others[:3])}{more}; `golfast train --resume "
            f"--folder {folder.path}` alone goes on with it"
        )
    return True


def held_out_recipe(config: TrainConfig, count: int) -> Recipe:
    """The recipe of a network's held-out data."""
    return override(config.data, {"split": "test", "count": count})


def held_out_cells(config: TrainConfig, count: int, *, start: int = 0) -> NDArray[np.uint8]:
    """Held-out trajectories start.. of a network, (count, m, H, W) uint8 0/1."""
    packed = generate(held_out_recipe(config, start + count), start, start + count)
    return np.unpackbits(packed, axis=-1, count=config.data.width)


def accuracy_words(accuracy: list[float]) -> str:
    """Accuracies of states s_2..s_m as percentages, each with the name of its state."""
    return "  ".join(f"state {state} {value:.1%}" for state, value in enumerate(accuracy, 2))


def _told(config: TrainConfig, outcome: Outcome, compute: Compute) -> dict[str, Any]:
    return {
        "run": fingerprint(config),
        "seed": config.seed,
        "outcome": outcome.outcome,
        "reached": outcome.reached,
        "steps": outcome.steps,
        "steps_to_98": outcome.steps_to_learn,
        "seconds_training": round(outcome.seconds, 2),
        "precision": compute.precision,
        "device": compute.device.type,
        "hardware": hardware(),
        "versions": versions(),
    }


def _flat(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures as a result has them: the metric is its first variant, all of them beside it."""
    names = "matthews", "accuracy", "agreement", "sequences", "baselines"
    found = {"metric": figures["metric"][VARIANTS[0]], "metric_variants": figures["metric"]}
    return found | {name: figures[name] for name in names if name in figures}


def _no_figures(outcome: Outcome | None = None) -> dict[str, Any]:
    """What stands in their place where weights are of no use."""
    empty = {"metric": None, "metric_variants": dict.fromkeys(VARIANTS), "matthews": None, "agreement": None}
    return empty if outcome is None else {**empty, "accuracy": outcome.accuracy[-1], "sequences": 0}
