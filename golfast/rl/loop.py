"""The training loop: play, learn, and leave a run folder."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from golfast.errors import Failure
from golfast.jit import kernel
from golfast.rl.act import CompiledActor
from golfast.rl.compiled import CompiledEnvironment
from golfast.rl.config import AgentConfig
from golfast.rl.environment import Environment
from golfast.rl.games import make_environment
from golfast.rl.learn import Learner, Rollout
from golfast.rl.loss import Figures
from golfast.rl.network import ActorCritic, seeded_agent
from golfast.rl.randomness import derived
from golfast.run.checkpoint import load_checkpoint, save_checkpoint, taken_up
from golfast.run.config import fingerprint, to_toml
from golfast.run.files import replacing
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.run.untrusted import From, check_shape
from golfast.run.weights import save_weights

RECENT = 100  # games that the training return is the mean of

_SAVED = {"update": From(0, 2**62), "seconds": float, "played": int, "recent": list}

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended."""

    network: ActorCritic
    steps: int
    seconds: float
    """Time in the loop, summed over resumes."""
    returned: float | None
    """Mean score of the last 100 games of training, None if none ended. `evaluate` judges the agent."""


def train(
    config: AgentConfig,
    folder: RunFolder,
    *,
    compute: Compute,
    environment: Environment | None = None,
    resume: bool = False,
    watch: Callable[[Record], None] = lambda record: None,
) -> Outcome:
    """Train an agent and leave weights.safetensors and metrics.jsonl in the run folder.

    environment: what to play instead of config.environment, such as `Gym(vector_environment, 0)`. `resume` goes on from
    the folder's checkpoint, if there is one, to the weights that an uninterrupted run gives: bit for bit on a CPU.
    `watch` is called with every record that goes into metrics.jsonl.

    Raises Failure if rewards, observations or weights stop being numbers, or if the checkpoint is damaged, of another
    config or of another device; ValueError as `make_environment` does.
    """
    with torch_threads(config.threads):
        games = environment or make_environment(config.environment, training=True)
        try:
            return _Training(config, folder, games, compute).run(resume, watch)
        finally:
            if environment is None:
                games.close()


class Scores:
    """Scores and lengths of the games that ended last."""

    def __init__(self, count: int) -> None:
        self.running = np.zeros(count)
        self.lengths = np.zeros(count, np.int64)
        self.recent: deque[tuple[float, int]] = deque(maxlen=RECENT)
        self.games = 0

    def add(self, scores: NDArray[np.float32], over: NDArray[np.bool_]) -> None:
        """Count the steps (T, N) of all games."""
        ended = np.zeros((over.size, 2))
        count = _tally(scores, over, self.running, self.lengths, ended)
        self.games += count
        self.recent.extend((score, int(length)) for score, length in ended[max(0, count - RECENT) : count].tolist())

    def clear_running(self) -> None:
        """All games begin anew."""
        self.running[:] = 0
        self.lengths[:] = 0

    def means(self) -> tuple[float, float] | tuple[None, None]:
        """Mean score and length of the last games."""
        if not self.recent:
            return None, None
        score, length = np.mean(self.recent, axis=0).tolist()
        return score, length


@kernel
def _tally(
    scores: NDArray[np.float32],
    over: NDArray[np.bool_],
    running: NDArray[np.float64],
    lengths: NDArray[np.int64],
    ended: NDArray[np.float64],
) -> int:
    count = 0
    for t in range(len(scores)):
        for i in range(len(running)):
            running[i] += scores[t, i]
            lengths[i] += 1
            if over[t, i]:
                ended[count, 0], ended[count, 1] = running[i], lengths[i]
                count += 1
                running[i], lengths[i] = 0, -1  # the step that begins the next game is not of it
    return count


class _Training:
    def __init__(self, config: AgentConfig, folder: RunFolder, games: Environment, compute: Compute) -> None:
        self.config, self.folder, self.games, self.compute = config, folder, games, compute
        self.network = seeded_agent(
            games.shape, games.actions, config.policy, top=games.top, seed=derived(config.seed, 0)
        ).to(compute.device)
        self.learner = Learner(self.network, config, compute)
        self.actor = self.learner.actor(games.count)
        self.scores = Scores(games.count)
        self.update = 0
        self.seconds = 0.0
        steps, count = config.rollout, games.count
        self.seen = np.zeros((steps + 1, count, *games.shape), games.dtype)
        self.ended = np.zeros(count, np.bool_)  # before the rollout: its first step begins an episode
        self.rollout = Rollout(
            self.seen,
            np.zeros((steps, count), np.int64),
            np.zeros((steps, count), np.float32),
            np.zeros((steps, count), np.bool_),
            np.zeros((steps, count), np.bool_),
            np.zeros((steps, count), np.bool_),
        )
        self.truncated, self.over = np.zeros((steps, count), np.bool_), np.zeros((steps, count), np.bool_)
        self.scored = np.zeros((steps, count), np.float32)

    def run(self, resume: bool, watch: Callable[[Record], None]) -> Outcome:
        config = self.config
        self.folder.start(to_toml(config))
        log = None
        if resume and (state := load_checkpoint(self.folder.checkpoint, config=fingerprint(config))):
            with taken_up(self.folder.checkpoint):
                self._load(state)
            log = state.get("log")
        else:
            self._begin()
        self.folder.rewind_log(self.step if self.update else -1, log)
        began = time.perf_counter() - self.seconds
        while self.update < config.updates:
            figures = self.advance()
            if self.update % config.report_every == 0 or self.update == config.updates:
                self.seconds = time.perf_counter() - began
                record = self._record(figures)
                self.folder.log(record)
                watch(record)
            if self.update % config.checkpoint_every == 0 and self.update < config.updates:
                self._save()
        with replacing(self.folder.weights) as temporary:
            save_weights(self.network, temporary)
        return Outcome(self.network, self.step, self.seconds, self.scores.means()[0])

    @property
    def step(self) -> int:
        """Actions so far, in all games."""
        return self.update * self.config.rollout * self.games.count

    def advance(self) -> Figures:
        """Play a rollout and learn from it."""
        self._play()
        figures = self.learner.update(self.rollout, self.update)
        self.actor.refresh()
        self.update += 1
        return figures

    def _begin(self) -> None:
        """Begin all games anew, as seed and update have it."""
        self.seen[-1] = self.games.reset(derived(self.config.seed, 1, self.update))
        self.ended[:] = False
        self.scores.clear_running()

    def _play(self) -> None:
        """Fill the rollout."""
        rollout, first = self.rollout, self.update * self.config.rollout
        self.seen[0] = self.seen[-1]
        if isinstance(self.games, CompiledEnvironment) and isinstance(self.actor, CompiledActor):
            self.games.rollout(
                self.actor, first, self.seen, rollout.actions, rollout.rewards, rollout.terminated, self.truncated
            )
            np.logical_or(rollout.terminated, self.truncated, out=rollout.ended)
            self.scores.add(rollout.rewards, rollout.ended)
        else:
            for t in range(self.config.rollout):
                actions = self.actor.act(self.seen[t], first + t)
                step = self.games.step(actions)
                self.seen[t + 1] = step.observations
                rollout.actions[t], rollout.rewards[t], rollout.terminated[t] = actions, step.rewards, step.terminated
                np.logical_or(step.terminated, step.truncated, out=rollout.ended[t])
                self.scored[t], self.over[t] = step.scores, step.over
            self.scores.add(self.scored, self.over)
        np.logical_not(self.ended, out=rollout.counts[0])
        np.logical_not(rollout.ended[:-1], out=rollout.counts[1:])
        self.ended[:] = rollout.ended[-1]
        self._check("a reward", rollout.rewards)
        if self.seen.dtype == np.float32:
            self._check("an observation", self.seen)

    def _check(self, what: str, values: NDArray[np.float32]) -> None:
        finite = np.isfinite(values)
        if not finite.all():
            name, before = self.config.environment.name, self.step + self.config.batch
            raise Failure(
                f"{name} gave {what} of {values[~finite][0]} before step {before}; "
                "an agent cannot learn from what is not a number: mend the environment"
            )

    def _record(self, figures: Figures) -> Record:
        if not all(map(math.isfinite, (*figures, self.learner.gradient))):
            raise Failure(
                f"training diverged at step {self.step}: policy loss {figures.policy}, value loss {figures.value}, "
                f"norm of the gradient {self.learner.gradient}; lower optimiser.lr"
            )
        score, length = self.scores.means()
        return {
            "step": self.step,
            "return": score,
            "length": length,
            "games": self.scores.games,
            "entropy": figures.entropy,
            "policy_loss": figures.policy,
            "value_loss": figures.value,
            "gradient": self.learner.gradient,
            "lr": self.learner.rate(self.update - 1),
            "seconds": round(self.seconds, 3),
        }

    def _save(self) -> None:
        games = self.games.state()
        if games is None:  # so that a resumed run, which cannot do otherwise, is the uninterrupted one
            self._begin()
        state = {
            "update": self.update,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "optimiser": self.learner.descent.state(),
            "games": None if games is None else {name: _tensor(array) for name, array in games.items()},
            "ended": torch.from_numpy(self.ended.copy()),
            "running": torch.from_numpy(self.scores.running.copy()),
            "lengths": torch.from_numpy(self.scores.lengths.copy()),
            "recent": list(self.scores.recent),
            "played": self.scores.games,
            "log": self.folder.log_digest(),
        }
        save_checkpoint(self.folder.checkpoint, state, config=fingerprint(self.config))

    def _load(self, state: dict[str, Any]) -> None:
        check_shape({name: state.get(name) for name in _SAVED}, _SAVED)
        self.update, self.seconds = state["update"], state["seconds"]
        self.network.load_state_dict(state["network"])
        self.learner.descent.load(state["optimiser"])
        self.actor.refresh()
        self.scores.recent.extend((score, length) for score, length in state["recent"])
        self.scores.games = state["played"]
        if state["games"] is None:
            self._begin()
            return
        saved = {name: np.asarray(tensor.numpy()) for name, tensor in state["games"].items()}
        self.games.reset(0)
        self.games.load(saved)
        self.seen[-1] = saved["observations"]
        self.ended[:] = state["ended"].numpy()
        self.scores.running[:] = state["running"].numpy()
        self.scores.lengths[:] = state["lengths"].numpy()


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    """An array for a checkpoint; unsigned 64-bit states as signed ones of the same bits."""
    return torch.from_numpy(array.view(np.int64) if array.dtype == np.uint64 else array)
