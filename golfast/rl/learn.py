"""An update: from a rollout to new weights."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.rl.act import Actor, LookingActor, actor_for
from golfast.rl.by_hand import ByHand
from golfast.rl.config import AgentConfig, DescentConfig
from golfast.rl.convolved import Convolved
from golfast.rl.descend import Autograd, Descent
from golfast.rl.loss import Figures, Weights, loss_gradients
from golfast.rl.network import ActorCritic, linears
from golfast.rl.randomness import derived
from golfast.rl.returns import advantages
from golfast.run.precision import Compute


class Rollout(NamedTuple):
    """T steps of N games."""

    observations: NDArray[Any]
    """(T + 1, N, *shape): what the actions were chosen at, and what came last."""
    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]
    terminated: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    """(T, N) terminated or truncated."""
    counts: NDArray[np.bool_]
    """(T, N) whether the step was an action of the agent's, and not the beginning of an episode."""


class Learner:
    """Makes updates: A2C looks at a rollout once, PPO several times in parts."""

    def __init__(self, network: ActorCritic, config: AgentConfig, compute: Compute) -> None:
        self.config, self._network, self._compute = config, network, compute
        self.descent = descent_for(network, config.optimiser, compute)
        self.gradient = 0.0
        """Norm of the last gradient, before it was clipped."""
        ppo = config.algorithm == "ppo"
        # What an actor saw is what is learned from, unless weights move in between, as PPO's do.
        self._kept = self.descent if isinstance(self.descent, Convolved) and not ppo else None
        self._weights = Weights(config.entropy, config.critic, config.ppo.clip if ppo else 0.0)

    def actor(self, count: int) -> Actor:
        """Who chooses the actions of `count` games that are learned from."""
        if self._kept is not None:
            return LookingActor(self._network, count, seed=self.config.seed, look=self._kept.look)
        return actor_for(self._network, count, seed=self.config.seed, compute=self._compute)

    def update(self, rollout: Rollout, number: int) -> Figures:
        """Learn from a rollout; `number` counts updates from 0 and decides learning rate and shuffling."""
        return self._a2c(rollout, number) if self.config.algorithm == "a2c" else self._ppo(rollout, number)

    def rate(self, number: int) -> float:
        """The learning rate of update `number`."""
        settings = self.config.optimiser
        return settings.lr * (1 - (1 - settings.final) * number / self.config.updates)

    def _a2c(self, rollout: Rollout, number: int) -> Figures:
        if self._kept is not None:
            self._kept.look(rollout.observations[-1])
            logits, values = self._kept.looked()
        else:
            logits, values = self.descent.forward(_flat(rollout.observations))
        found = self._advantages(rollout, values)
        steps = found.size  # the last observations' values are looked at, not learned
        learned = _Learned(
            rollout.actions.reshape(-1), found, found + values[:steps].numpy(), rollout.counts.reshape(-1)
        )
        return self._descend(logits[:steps], values[:steps], learned, None, number)

    def _ppo(self, rollout: Rollout, number: int) -> Figures:
        seen = _flat(rollout.observations)
        logits, values = self.descent.forward(seen)
        found = self._advantages(rollout, values)
        steps = found.size
        actions = rollout.actions.reshape(-1)
        learned = _Learned(actions, found, found + values[:steps].numpy(), rollout.counts.reshape(-1))
        before = torch.log_softmax(logits[:steps], dim=1).numpy()[np.arange(steps), actions]
        order = np.random.default_rng(derived(self.config.seed, 2, number))
        figures = []
        for _ in range(self.config.ppo.epochs):
            for part in np.array_split(order.permutation(steps), self.config.ppo.minibatches):
                outputs = self.descent.forward(seen[part])
                figures.append(self._descend(*outputs, learned.part(part), before[part], number))
        return Figures(*np.mean(figures, axis=0).tolist())

    def _advantages(self, rollout: Rollout, values: Tensor) -> NDArray[np.float32]:
        steps, games = rollout.rewards.shape
        return advantages(
            rollout.rewards,
            rollout.terminated,
            rollout.ended,
            values.numpy().reshape(steps + 1, games),
            discount=self.config.discount,
            trace=self.config.trace,
        ).reshape(-1)

    def _descend(
        self, logits: Tensor, values: Tensor, learned: "_Learned", before: NDArray[np.float32] | None, number: int
    ) -> Figures:
        found = learned.advantages
        if self.config.normalise:
            counted = found[learned.counts]
            found = (found - counted.mean()) / (counted.std() + np.float32(1e-8))
        at_logits, at_values, figures = loss_gradients(
            logits, values, learned.actions, found, learned.targets, learned.counts, before, self._weights
        )
        self.gradient = self.descent.step(at_logits, at_values, self.rate(number))
        return figures


class _Learned(NamedTuple):
    """What is learned from steps, (B,) each."""

    actions: NDArray[np.int64]
    advantages: NDArray[np.float32]
    targets: NDArray[np.float32]
    counts: NDArray[np.bool_]

    def part(self, of: NDArray[np.int64]) -> "_Learned":
        """Some of the steps."""
        return _Learned(self.actions[of], self.advantages[of], self.targets[of], self.counts[of])


def descent_for(network: ActorCritic, config: DescentConfig, compute: Compute) -> Descent:
    """The descent that is fast for this network."""
    if compute.device.type == "cpu" and network.convolves and network.critic is None:
        return Convolved(network, config, compute)
    if compute.device.type == "cpu" and not compute.bf16 and linears(network.actor) and not network.convolves:
        return ByHand(network, config)
    return Autograd(network, config, compute)


def _flat(observations: NDArray[Any]) -> NDArray[Any]:
    """Observations (T, N, *shape), steps before games."""
    return observations.reshape(-1, *observations.shape[2:])
