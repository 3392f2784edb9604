"""Choosing actions.

Torch takes longer to start an operation than a small MLP takes to compute it. So an MLP's actor is copied after each
update and run in compiled code, which also skips the zeros of an observation and of hidden units.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from golfast.jit import kernel
from golfast.rl.network import ActorCritic
from golfast.rl.randomness import uniform_at
from golfast.rl.sparse import TOGETHER, add_rows, nonzero
from golfast.run.precision import Compute


class Actor(ABC):
    """Chooses actions as a network does; `refresh` after its weights have changed."""

    def __init__(self, network: ActorCritic, count: int, *, seed: int, greedy: bool = False) -> None:
        self._network, self._greedy = network, greedy
        self._key = np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(1, np.uint64)[0]
        self._logits = np.zeros((count, network.actions), np.float32)
        self._actions = np.zeros(count, np.int64)

    def act(self, observations: NDArray[Any], step: int) -> NDArray[np.int64]:
        """Actions (N,) for observations (N, *shape): the likeliest if greedy, or drawn with the number of this step."""
        self._look(observations)
        count = len(self._actions)
        choose(0, count, self._logits, self._key, np.uint64(step * count), self._greedy, self._actions)
        return self._actions

    @abstractmethod
    def refresh(self) -> None:
        """Take up the network's weights."""

    @abstractmethod
    def _look(self, observations: NDArray[Any]) -> None:
        """Fill the logits."""


class CompiledActor(Actor):
    """An MLP's."""

    def __init__(self, network: ActorCritic, count: int, *, seed: int, greedy: bool = False) -> None:
        super().__init__(network, count, seed=seed, greedy=greedy)
        self._layers = [layer for layer in [*network.actor, network.policy] if isinstance(layer, nn.Linear)]
        self._weights = np.zeros(
            sum((layer.in_features + 1) * layer.out_features for layer in self._layers), np.float32
        )
        self._widths = np.array([self._layers[0].in_features, *(layer.out_features for layer in self._layers)])
        self.refresh()

    @property
    def arguments(self) -> tuple[np.float32, NDArray[np.float32], NDArray[np.int64], np.uint64, bool]:
        """What the kernels need: the scale of observations, weights, widths, key and whether greedy."""
        return np.float32(1 / self._network.top), self._weights, self._widths, self._key, self._greedy

    def refresh(self) -> None:
        """Take up the network's weights: of each layer its matrix (in, out), then its bias."""
        with torch.no_grad():
            parts = [part for layer in self._layers for part in (layer.weight.t().reshape(-1), layer.bias)]
            torch.cat(parts, out=torch.from_numpy(self._weights))

    def _look(self, observations: NDArray[Any]) -> None:
        flat = observations.reshape(len(observations), -1)
        forward(0, len(flat), flat, self.arguments[0], self._weights, self._widths, self._logits)


class TorchActor(Actor):
    """Any network's, wherever it is: a copy of it in the precision that is multiplied."""

    def __init__(self, network: ActorCritic, count: int, *, seed: int, greedy: bool = False, compute: Compute) -> None:
        super().__init__(network, count, seed=seed, greedy=greedy)
        self._device = compute.device
        self._copy = copy.deepcopy(network).to(torch.bfloat16 if compute.bf16 else torch.float32)

    def refresh(self) -> None:
        """Take up the network's weights."""
        with torch.no_grad():
            for ours, theirs in zip(self._copy.parameters(), self._network.parameters(), strict=True):
                ours.copy_(theirs)

    def _look(self, observations: NDArray[Any]) -> None:
        seen = torch.from_numpy(observations).to(self._device)
        with torch.inference_mode():
            logits = self._copy.logits(seen.to(self._copy.policy.weight.dtype) if seen.is_floating_point() else seen)
        self._logits[:] = logits.cpu().numpy()


class LookingActor(Actor):
    """Leaves the forward pass to who keeps it, to learn from it."""

    def __init__(
        self,
        network: ActorCritic,
        count: int,
        *,
        seed: int,
        greedy: bool = False,
        look: Callable[[NDArray[Any]], tuple[Tensor, Tensor]],
    ) -> None:
        """look: logits and values of observations, as the network has them."""
        super().__init__(network, count, seed=seed, greedy=greedy)
        self._forward = look

    def refresh(self) -> None:
        """Nothing: it has no weights."""

    def _look(self, observations: NDArray[Any]) -> None:
        self._logits[:] = self._forward(observations)[0].numpy()


def actor_for(network: ActorCritic, count: int, *, seed: int, greedy: bool = False, compute: Compute) -> Actor:
    """The actor that is fast for this network."""
    if compute.device.type == "cpu" and not network.convolves:
        return CompiledActor(network, count, seed=seed, greedy=greedy)
    return TorchActor(network, count, seed=seed, greedy=greedy, compute=compute)


@kernel
def forward(
    start: int,
    stop: int,
    observations: NDArray[Any],
    scale: np.float32,
    weights: NDArray[np.float32],
    widths: NDArray[np.int64],
    logits: NDArray[np.float32],
) -> None:
    """Logits (N, actions) of observations (N, features) times `scale`, of games start..stop."""
    layers, size = len(widths) - 1, widths.max() + TOGETHER
    hidden = np.empty(size, np.float32)
    signals, rows = np.empty(size, np.float32), np.empty(size, np.int64)
    for game in range(start, stop):
        place = 0
        for layer in range(layers):
            inputs, outputs = widths[layer], widths[layer + 1]
            if layer == 0:
                found = nonzero(observations[game], inputs, scale, place, outputs, signals, rows)
            else:
                found = nonzero(hidden, inputs, np.float32(1), place, outputs, signals, rows)
            place += inputs * outputs
            for j in range(outputs):
                hidden[j] = weights[place + j]  # the bias
            place += outputs
            for k in range(0, found, TOGETHER):
                add_rows(
                    hidden, weights, outputs, rows[k], rows[k + 1], rows[k + 2], rows[k + 3],
                    signals[k], signals[k + 1], signals[k + 2], signals[k + 3],
                )  # fmt: skip
            if layer < layers - 1:
                for j in range(outputs):
                    hidden[j] = max(hidden[j], np.float32(0))
        for j in range(logits.shape[1]):
            logits[game, j] = hidden[j]


@kernel
def choose(
    start: int,
    stop: int,
    logits: NDArray[np.float32],
    key: np.uint64,
    first: np.uint64,
    greedy: bool,
    actions: NDArray[np.int64],
) -> None:
    """The likeliest actions, or drawn ones: game i takes number first + i of the stream `key`."""
    choices = logits.shape[1]
    for game in range(start, stop):
        best = 0
        for action in range(1, choices):
            if logits[game, action] > logits[game, best]:
                best = action
        if not greedy:
            total = 0.0
            for action in range(choices):
                total += np.exp(np.float64(logits[game, action] - logits[game, best]))
            left = uniform_at(key, first + np.uint64(game)) * total
            for action in range(choices):
                left -= np.exp(np.float64(logits[game, action] - logits[game, best]))
                if left < 0:
                    best = action
                    break
        actions[game] = best
