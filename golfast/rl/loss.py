"""What an update descends: the losses of actor and critic, and their gradients at logits and values.

The gradients have short closed forms. `plain_loss` is the definition, by autograd; `loss_gradients` gives the same
numbers in one compiled pass, where autograd takes some forty operations on tensors of a few kilobytes.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from golfast.jit import kernel


class Weights(NamedTuple):
    """Of the terms of the loss, and the clip range of PPO; 0 is A2C."""

    entropy: float
    critic: float
    clip: float = 0.0


class Figures(NamedTuple):
    """Means over the steps that count."""

    policy: float
    value: float
    entropy: float


def plain_loss(
    logits: Tensor,
    values: Tensor,
    actions: Tensor,
    advantages: Tensor,
    targets: Tensor,
    counts: Tensor,
    before: Tensor | None,
    weights: Weights,
) -> tuple[Tensor, Figures]:
    """The loss and its terms, in plain torch.

    logits (B, actions), values (B,): the network's. actions (B,) int64, advantages, targets of the values (B,) float32.
    counts (B,) bool: steps that are learned from. before (B,): log probabilities of the actions when they were taken,
    which PPO compares with; A2C takes None.
    """
    log = torch.log_softmax(logits, dim=1)
    taken = log.gather(1, actions[:, None]).squeeze(1)
    entropy = -(log.exp() * log).sum(dim=1)[counts].mean()
    value = (targets - values).square()[counts].mean()
    if weights.clip and before is not None:
        ratio = (taken - before).exp()
        near = ratio.clamp(1 - weights.clip, 1 + weights.clip)
        policy = -torch.minimum(ratio * advantages, near * advantages)[counts].mean()
    else:
        policy = -(taken * advantages)[counts].mean()
    loss = policy + weights.critic * value - weights.entropy * entropy
    return loss, Figures(float(policy.detach()), float(value.detach()), float(entropy.detach()))


def loss_gradients(
    logits: Tensor,
    values: Tensor,
    actions: NDArray[np.int64],
    advantages: NDArray[np.float32],
    targets: NDArray[np.float32],
    counts: NDArray[np.bool_],
    before: NDArray[np.float32] | None,
    weights: Weights,
) -> tuple[Tensor, Tensor, Figures]:
    """The gradients of `plain_loss` at logits and values (CPU tensors without a graph), and its terms."""
    at_logits, at_values = torch.empty_like(logits), torch.empty_like(values)
    sums = np.zeros(3)
    _gradients(
        logits.numpy(),
        values.numpy(),
        actions,
        advantages,
        targets,
        counts,
        advantages if before is None else before,
        0.0 if before is None else weights.clip,
        weights.entropy,
        weights.critic,
        max(1, int(np.count_nonzero(counts))),
        at_logits.numpy(),
        at_values.numpy(),
        sums,
    )
    return at_logits, at_values, Figures(*sums.tolist())


@kernel
def _gradients(
    logits: NDArray[np.float32],
    values: NDArray[np.float32],
    actions: NDArray[np.int64],
    advantages: NDArray[np.float32],
    targets: NDArray[np.float32],
    counts: NDArray[np.bool_],
    before: NDArray[np.float32],
    clip: float,
    entropy_weight: float,
    critic_weight: float,
    counted: int,
    at_logits: NDArray[np.float32],
    at_values: NDArray[np.float32],
    sums: NDArray[np.float64],
) -> None:
    choices = logits.shape[1]
    log = np.empty(choices)
    for b in range(len(logits)):
        if not counts[b]:
            at_values[b] = 0
            for a in range(choices):
                at_logits[b, a] = 0
            continue
        highest = logits[b, 0]
        for a in range(1, choices):
            if logits[b, a] > highest:
                highest = logits[b, a]
        total = 0.0
        for a in range(choices):
            total += np.exp(np.float64(logits[b, a] - highest))
        entropy = 0.0
        for a in range(choices):
            log[a] = np.float64(logits[b, a] - highest) - np.log(total)
            entropy -= np.exp(log[a]) * log[a]
        taken, advantage = log[actions[b]], float(advantages[b])
        pull = advantage  # of the taken action's log probability
        gain = taken * advantage
        if clip > 0:
            ratio = np.exp(taken - before[b])
            near = min(max(ratio, 1 - clip), 1 + clip)
            gain = min(ratio * advantage, near * advantage)
            pull = ratio * advantage if ratio * advantage <= near * advantage else 0.0
        for a in range(choices):
            chance = np.exp(log[a])
            at_logits[b, a] = (
                pull * (chance - (1.0 if a == actions[b] else 0.0)) + entropy_weight * chance * (log[a] + entropy)
            ) / counted
        wrong = np.float64(values[b]) - targets[b]
        at_values[b] = 2 * critic_weight * wrong / counted
        sums[0] -= gain / counted
        sums[1] += wrong * wrong / counted
        sums[2] += entropy / counted
