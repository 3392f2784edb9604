"""Trials of the second paper's kind: agents that learn to play. A recipe is what they play."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golfast.ablate.cost import Guess
from golfast.ablate.draw import Range
from golfast.ablate.jobs import Trial
from golfast.ablate.past import PastRun, is_number
from golfast.rl.config import AgentConfig
from golfast.rl.evaluate import EPISODES
from golfast.rl.loop import train
from golfast.rl.recipes import recipe as agent_recipe
from golfast.rl.trial import as_run, judge, load_agent, run_agent
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.hardware import processor
from golfast.run.precision import choose_compute

_ROLLOUTS = 40
# Steps a second of A2C's recipes where nothing is known of this machine: results/bench-rl.txt.
_USUAL = {"cartpole": 400_000, "brick": 160_000, "atari": 1_800, "gym": 10_000}
_CNN = 5  # times as slow as an MLP on a game of our own
_PPO_EPOCH = 1.75  # times as long as A2C's update


@dataclass(frozen=True, slots=True)
class AgentWork:
    """Train an agent and judge it by whole games. Workers of one machine must name the same folder.

    The result has "curve" beside what result.json holds: the records of metrics.jsonl. A finished run that was judged
    by another number of games is judged again.
    """

    folder: Path
    device: str = "auto"
    episodes: int = EPISODES

    def __call__(self, trial: Trial) -> dict[str, Any]:
        """Run it, or go on with what a killed worker left of it, or read the result if it is finished."""
        run = RunFolder(self.folder / "trials" / trial.name)
        result = run_agent(trial.config, run, device=self.device, resume=True, episodes=self.episodes, pictures=False)
        if result["greedy"]["count"] != self.episodes:
            config, network, compute = load_agent(run.path, self.device)
            for name in ("greedy", "sampled"):
                again = judge(network, config, compute, greedy=name == "greedy", episodes=self.episodes)
                result = result | {name: again}
        return result | {"reached": True, "curve": run.read_log()}


@dataclass(frozen=True, slots=True)
class Agents:
    """As `Kind` says. Every environment is a recipe: those named are the two that come with golfast."""

    episodes: int = EPISODES

    @property
    def recipes(self) -> tuple[str, ...]:
        """Further ones are atari/NAME and gym/ID."""
        return "cartpole", "brick"

    @property
    def left_to_machine(self) -> tuple[str, ...]:
        """Agents have one engine."""
        return ()

    def config(self, recipe: str, seed: int) -> AgentConfig:
        """The fields that suit the game."""
        return override(agent_recipe(recipe), {"seed": seed})

    def draw(self, recipe: str) -> Mapping[str, Range]:
        """Nothing."""
        return {}

    def as_run(self, config: AgentConfig, device: str, *, stacked: bool = False) -> AgentConfig:
        """With precision resolved; agents are not stacked."""
        return as_run(config, device)

    def work(self, folder: Path, device: str) -> AgentWork:
        """Train, judge."""
        return AgentWork(folder, device, self.episodes)

    def check(self, config: AgentConfig, device: str) -> None:
        """All agents are small."""

    def guess(self, configs: Sequence[AgentConfig], device: str, past: Sequence[PastRun]) -> list[Guess]:
        """By the speed of earlier runs of the same game, algorithm and kind of network. All steps are always taken."""
        speeds: dict[tuple[str, ...], list[float]] = {}
        for run in past:
            key, speed = _key(run.config), run.result.get("steps_per_second")
            on = run.result.get("hardware")
            here = isinstance(on, dict) and on.get("cpu") == processor()
            if key and here and is_number(speed) and speed:
                speeds.setdefault(key, []).append(float(speed))
        guesses = []
        for config in configs:
            key = config.environment.name, config.algorithm, config.policy.kind
            known = speeds.get(key, [])
            seconds = config.steps / (sum(known) / len(known) if known else _usual_speed(config))
            guesses.append(Guess(seconds, seconds, len(known), bool(known)))
        return guesses

    def doubts(self, config: AgentConfig) -> str | None:
        """None: every agent that has taken its steps counts."""
        return None

    def at_most_seconds(self, config: AgentConfig, device: str) -> float:
        """From forty rollouts after forty for warming up."""
        steps = _ROLLOUTS * config.batch
        small = override(config, {"steps": 2 * steps, "report_every": _ROLLOUTS, "checkpoint_every": 2 * _ROLLOUTS})
        records: list[dict[str, Any]] = []
        with tempfile.TemporaryDirectory() as folder:
            compute = choose_compute(device, config.precision).unscaled
            train(small, RunFolder(Path(folder) / "run"), compute=compute, watch=records.append)
        taken = records[-1]["seconds"] - records[-2]["seconds"]
        return float(taken) / steps * config.steps


def _key(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Game, algorithm and kind of network of a config as it was written; None if it is not an agent's."""
    parts = config.get("environment"), config.get("policy")
    if not all(isinstance(part, dict) for part in parts):
        return None
    return str(parts[0].get("name")), str(config.get("algorithm")), str(parts[1].get("kind"))  # type: ignore[union-attr]


def _usual_speed(config: AgentConfig) -> float:
    family = config.environment.name.partition("/")[0]
    slower = _CNN if config.policy.kind != "mlp" and family != "atari" else 1
    return _USUAL[family] / slower / (_PPO_EPOCH * config.ppo.epochs if config.algorithm == "ppo" else 1)
