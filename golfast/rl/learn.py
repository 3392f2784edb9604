"""An update: from a rollout to new weights."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam, Optimizer, RMSprop

from golfast.rl.config import AgentConfig
from golfast.rl.loss import Figures, Weights, loss_gradients, plain_loss
from golfast.rl.network import ActorCritic
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


def make_optimiser(network: ActorCritic, config: AgentConfig) -> Optimizer:
    """The optimiser of the config over all the network's weights."""
    settings = config.optimiser
    parameters = list(network.parameters())
    if settings.name == "adam":
        return Adam(parameters, lr=settings.lr, eps=settings.epsilon, fused=True)
    return RMSprop(parameters, lr=settings.lr, alpha=0.99, eps=settings.epsilon, foreach=True)


class Learner:
    """Makes updates: A2C looks at a rollout once, PPO several times in parts."""

    def __init__(self, network: ActorCritic, config: AgentConfig, compute: Compute) -> None:
        self.network, self.config, self.compute = network, config, compute
        self.optimiser = make_optimiser(network, config)
        self.gradient = 0.0
        """Norm of the last gradient, before it was clipped."""
        self._parameters = list(network.parameters())
        ppo = config.algorithm == "ppo"
        self._weights = Weights(config.entropy, config.critic, config.ppo.clip if ppo else 0.0)

    def update(self, rollout: Rollout, number: int) -> Figures:
        """Learn from a rollout; `number` counts updates from 0 and decides learning rate and shuffling."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(number)
        if self.config.algorithm == "a2c":
            return self._a2c(rollout)
        return self._ppo(rollout, number)

    def rate(self, number: int) -> float:
        """The learning rate of update `number`."""
        settings = self.config.optimiser
        return settings.lr * (1 - (1 - settings.final) * number / self.config.updates)

    def _a2c(self, rollout: Rollout) -> Figures:
        logits, values = self._forward(rollout.observations)
        found = self._advantages(rollout, values.detach())
        steps = found.size
        targets = found.reshape(-1) + values.detach()[:steps].cpu().numpy()
        # The values of the last observations are not learned here, only looked at.
        return self._descend(
            logits[:steps], values[:steps], rollout.actions.reshape(-1), found.reshape(-1), targets,
            rollout.counts.reshape(-1), None,
        )  # fmt: skip

    def _ppo(self, rollout: Rollout, number: int) -> Figures:
        with torch.no_grad():
            logits, values = self._forward(rollout.observations)
        found = self._advantages(rollout, values)
        steps = found.size
        actions, counts = rollout.actions.reshape(-1), rollout.counts.reshape(-1)
        targets = found.reshape(-1) + values[:steps].cpu().numpy()
        log = torch.log_softmax(logits[:steps], dim=1).cpu().numpy()
        before = log[np.arange(steps), actions]
        seen = rollout.observations.reshape(-1, *rollout.observations.shape[2:])
        order = np.random.default_rng(derived(self.config.seed, 2, number))
        figures = []
        for _ in range(self.config.ppo.epochs):
            for part in np.array_split(order.permutation(steps), self.config.ppo.minibatches):
                logits, values = self._forward(seen[part][None])
                figures.append(
                    self._descend(
                        logits, values, actions[part], found.reshape(-1)[part], targets[part], counts[part],
                        before[part],
                    )
                )  # fmt: skip
        return Figures(*np.mean(figures, axis=0).tolist())

    def _forward(self, observations: NDArray[Any]) -> tuple[Tensor, Tensor]:
        """Logits and values of observations (T, N, *shape), steps before games."""
        seen = torch.from_numpy(observations.reshape(-1, *observations.shape[2:]))
        with self.compute.autocast():
            logits, values = self.network(seen.to(self.compute.device))
        return logits, values

    def _advantages(self, rollout: Rollout, values: Tensor) -> NDArray[np.float32]:
        steps, games = rollout.rewards.shape
        found = advantages(
            rollout.rewards,
            rollout.terminated,
            rollout.ended,
            values.cpu().numpy().reshape(steps + 1, games),
            discount=self.config.discount,
            trace=self.config.trace,
        )
        return found

    def _descend(
        self,
        logits: Tensor,
        values: Tensor,
        actions: NDArray[np.int64],
        found: NDArray[np.float32],
        targets: NDArray[np.float32],
        counts: NDArray[np.bool_],
        before: NDArray[np.float32] | None,
    ) -> Figures:
        if self.config.normalise:
            counted = found[counts]
            found = (found - counted.mean()) / (counted.std() + 1e-8)
        self.optimiser.zero_grad(set_to_none=True)
        if logits.device.type == "cpu":
            at_logits, at_values, figures = loss_gradients(
                logits, values, actions, found, targets, counts, before, self._weights
            )
            torch.autograd.backward([logits, values], [at_logits, at_values])
        else:
            there = [torch.from_numpy(array).to(logits.device) for array in (actions, found, targets, counts)]
            old = None if before is None else torch.from_numpy(before).to(logits.device)
            loss, figures = plain_loss(logits, values, *there, old, self._weights)
            loss.backward()  # type: ignore[no-untyped-call]
        clip = self.config.optimiser.clip or float("inf")
        self.gradient = float(nn.utils.clip_grad_norm_(self._parameters, clip, foreach=True))
        self.optimiser.step()
        return figures
