"""What a run of a network costs, counted, and how long that takes here, from what earlier runs took.

Counted are multiplications with additions of convolutions; all else is small beside them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from golfast.ablate.past import PastRun, is_number
from golfast.ablate.usual import FEWEST_USUAL, USUAL
from golfast.run.config import flatten, to_mapping
from golfast.run.hardware import processor
from golfast.train.config import TrainConfig

LARGER = 2
"""How many times as high and wide the boards are that a network is evaluated on, too: what it knows has no size."""
LESS = 20
"""By so much fewer of them are enough: each has four times the cells."""
_TAPS = 9
_BACK = 3  # forward, gradients of what goes in, gradients of weights
# Multiplications a second of one core where nothing is known of this machine: results/bench-train-*.txt.
_USUAL = {"amx": 2.2e11, "avx512": 8.5e10, "torch bf16": 4e10, "torch fp32": 1.5e10, "cuda": 2e12}
_PROBES_SLOWER = 15  # small sums
_STAGE = "steps", "seconds"
_PARTS = "network", "adversarial", "probes"


class Guess(NamedTuple):
    """Seconds that a trial takes."""

    at_most: float
    expected: float | None
    """None if no run like it is known."""
    like: int = 0
    """How many runs like it are known."""
    measured: bool = False
    """Whether the speed is that of runs on this machine, and not one that is usual."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Multiplications of the parts of a run."""

    picture: float
    """To draw one sequence."""
    step: float
    adversarial_step: float
    probes: float
    """All of their training."""


def counted(config: Mapping[str, Any]) -> Counts:
    """What a run's config, flattened, asks for."""
    cells, channels = config["data.height"] * config["data.width"], config["model.channels"]
    layer, edge = _TAPS * channels**2 * cells, _TAPS * channels * cells  # edge: from or to one plane
    timesteps = config["model.timesteps"]
    encoder = edge + (config["model.encoder_layers"] - 1) * layer
    decoder = edge + (config["model.decoder_layers"] - 1) * layer
    core = timesteps * config["model.core_layers"] * layer
    drawn = 2 if config["autoencoder"] else 1
    second = edge + (config["adversarial.layers"] - 1) * layer
    probe = edge + (config["probes.layers"] - 1) * layer
    targets = timesteps * max(1, config["data.generations"] - 1)
    if config["probes.layers"] == 1:  # computed: the squares of all that a cell sees
        probes = config["probes.pool"] * cells * timesteps * (_TAPS * channels) ** 2 / 4
    else:
        probes = _BACK * config["probes.steps"] * config["probes.batch"] * targets * probe
    return Counts(
        picture=encoder + core + timesteps * decoder,
        step=_BACK * config["batch"] * (encoder + core + drawn * decoder),
        adversarial_step=2 * _BACK * config["adversarial.batch"] * (timesteps + 1) * second,
        probes=probes,
    )


class Costs:
    """What runs will take, from what earlier runs took."""

    def __init__(self, past: Sequence[PastRun]) -> None:
        defaults = flatten(to_mapping(TrainConfig()))
        self._known: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for run in past:
            flat = defaults | flatten(run.config)
            if flat.keys() == defaults.keys() and _whole(flat, defaults) and _finished(run.result):
                self._known.append((flat, run.result))
        self._steps: dict[str, list[int]] = {}
        for flat, result in self._known:
            self._steps.setdefault(_question(flat), []).append(result["steps"])
        self._speeds: dict[tuple[str, str], float] = {}
        for part in _PARTS:
            for engine in {_engine(flat, result["device"]) for flat, result in self._known}:
                if speed := _speed(part, self._here(engine)):
                    self._speeds[part, engine] = speed

    def _here(self, engine: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The runs by this engine on a machine like this one."""
        cpu = processor()
        return [
            (flat, result)
            for flat, result in self._known
            if result["hardware"].get("cpu") == cpu and _engine(flat, result["device"]) == engine
        ]

    def guess(self, config: TrainConfig, device: str, *, sequences: int) -> Guess:
        """What a run of `config`, as it will run, takes on a device ("cpu" or "cuda"), judged by so many sequences."""
        flat = flatten(to_mapping(config))
        engine, counts = _engine(flat, device), counted(flat)
        usual = self._speeds.get(("network", engine), _USUAL[engine])
        beside = sequences * counts.picture / usual
        if config.adversarial.on:
            speed = self._speeds.get(("adversarial", engine), usual)
            beside += config.adversarial.steps * counts.adversarial_step / speed
        if config.probes.on:
            beside += counts.probes / self._speeds.get(("probes", engine), usual / _PROBES_SLOWER)
        step = counts.step / usual
        like, many = self._steps_like(flat)
        steps = float(config.steps) if config.stop > 1 else sum(like) / len(like) if like else None
        expected = None if steps is None else min(steps, config.steps) * step + beside
        return Guess(config.steps * step + beside, expected, many, ("network", engine) in self._speeds)

    def usual_steps(self, config: TrainConfig) -> list[int]:
        """After how many steps runs that asked the same of other seeds ended: those known here, or golfast's own."""
        return self._steps_like(flatten(to_mapping(config)))[0]

    def _steps_like(self, flat: Mapping[str, Any]) -> tuple[list[int], int]:
        """The steps, and of how many runs they tell."""
        question = _question(flat)
        if here := self._steps.get(question):
            return here, len(here)
        many, steps = USUAL.get(hashlib.sha256(question.encode()).hexdigest()[:12], (0, ()))
        return list(steps), many

    def table(self) -> dict[str, tuple[int, tuple[int, ...]]]:
        """What `golfast.ablate.usual` keeps: for each question of five runs or more how many, and their deciles."""
        found = {}
        for question, steps in self._steps.items():
            if len(steps) >= FEWEST_USUAL:
                ordered = sorted(steps)
                deciles = tuple(ordered[round(k * (len(ordered) - 1) / 10)] for k in range(11))
                found[hashlib.sha256(question.encode()).hexdigest()[:12]] = len(steps), deciles
        return dict(sorted(found.items()))


def _speed(part: str, runs: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> float | None:
    """Multiplications a second, all runs together; None if none tells."""
    work = seconds = 0.0
    for flat, result in runs:
        counts = counted(flat)
        if part == "network":
            # A network that was another run's has that run's seconds.
            work, seconds = work + result["steps"] * counts.step, seconds + result["seconds_training"]
        elif isinstance(stage := result.get(part), dict) and all(is_number(stage.get(name)) for name in _STAGE):
            work += counts.probes if part == "probes" else stage["steps"] * counts.adversarial_step
            seconds += stage["seconds"]
    return work / seconds if work > 0 and seconds > 0 else None


def _question(flat: Mapping[str, Any]) -> str:
    """What decides after how many steps a training ends, the seed left out: not who computes it, nor what follows."""
    aside = "seed", "engine", "precision", "checkpoint_every"
    asked = {k: v for k, v in flat.items() if k not in aside and not k.startswith(("adversarial.", "probes."))}
    return json.dumps(asked, sort_keys=True)


def _engine(flat: Mapping[str, Any], device: str) -> str:
    """By what a run is computed, as _USUAL names it."""
    if device == "cuda":
        return "cuda"
    if flat["engine"] in _USUAL:
        return str(flat["engine"])
    return "torch bf16" if flat["precision"] == "bf16" else "torch fp32"


def _whole(flat: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Whether all of a config is of the types that it should be."""
    return all(
        type(flat[key]) is type(value) and (isinstance(value, str | bool) or is_number(flat[key]))
        for key, value in defaults.items()
    )


def _finished(result: Mapping[str, Any]) -> bool:
    """Whether a result tells what is asked of it, of a training that came to its end."""
    whole = is_number(result.get("steps")) and is_number(result.get("seconds_training"))
    beside = isinstance(result.get("hardware"), dict) and isinstance(result.get("device"), str)
    return whole and beside and not str(result.get("outcome")).startswith("diverged")
