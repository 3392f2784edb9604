"""What the compiled games share: arrays of state, a kernel that steps them, whole rollouts, and saving."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from golfast.jit import Kernel, specialised
from golfast.rl.act import CompiledActor, choose, forward
from golfast.rl.environment import Environment, Observations, Step
from golfast.rl.randomness import streams
from golfast.threads import over_batch

_SMALLEST = 16384  # games for which another thread pays, for one step
_SMALLEST_ROLLOUT = 64  # and for a rollout


class CompiledEnvironment(Environment):
    """Games whose state is two arrays and whose step is a kernel.

    `begin` takes (start, stop, state, random, observations) and begins these games; `advance` takes (start, stop,
    state, random, done, actions, settings, observations, rewards, terminated, truncated). `done` is set where an
    episode has ended and the next step begins anew. Observations are flat, (N, features), and stay between steps, so
    that a step need write only what has changed.
    """

    begin: ClassVar[Kernel]
    advance: ClassVar[Kernel]
    play: ClassVar[Kernel]

    def __init__(self, count: int, fields: int, dtype: type[Any], settings: tuple[float, ...]) -> None:
        self.count = count
        self._state = np.zeros((count, fields), dtype)
        self._settings = np.array(settings, np.float64)
        self._random = np.zeros(count, np.uint64)
        self._observations = np.zeros((count, *self.shape), self.dtype)
        self._flat = self._observations.reshape(count, -1)  # as the kernels see them
        self._rewards = np.zeros(count, np.float32)
        self._terminated = np.zeros(count, np.bool_)
        self._truncated = np.zeros(count, np.bool_)
        self._done = np.zeros(count, np.bool_)

    def reset(self, seed: int) -> Observations:
        """Begin all games anew, as this seed has it."""
        self._random[:] = streams(seed, self.count)
        self._done[:] = False
        type(self).begin(0, self.count, self._state, self._random, self._flat)
        return self._observations

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Take an action (N,) in each game."""
        advance, state, random, done = type(self).advance, self._state, self._random, self._done

        def span(start: int, stop: int) -> None:
            advance(
                start, stop, state, random, done, actions, self._settings, self._flat, self._rewards,
                self._terminated, self._truncated,
            )  # fmt: skip

        if self.count < 2 * _SMALLEST:
            span(0, self.count)
        else:
            over_batch(span, self.count, smallest=_SMALLEST)
        return Step(self._observations, self._rewards, self._terminated, self._truncated, self._rewards, self._done)

    def rollout(
        self,
        actor: CompiledActor,
        first: int,
        seen: NDArray[Any],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        """T steps of `act` and `step` at once: no Python in between, and games on all cores.

        seen: (T + 1, N, *shape), of which the first is where the games stand; the others (T, N). first: the number of
        the first step. Bit for bit what the steps give one by one.
        """
        flat = seen.reshape(*seen.shape[:2], -1)

        def span(start: int, stop: int) -> None:
            type(self).play(
                start, stop, self._state, self._random, self._done, self._settings, self._flat, *actor.arguments,
                np.uint64(first), flat, actions, rewards, terminated, truncated,
            )  # fmt: skip

        over_batch(span, self.count, smallest=_SMALLEST_ROLLOUT)

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the games go on from."""
        return {
            "state": self._state.copy(),
            "random": self._random.copy(),
            "done": self._done.copy(),
            "observations": self._observations.copy(),
        }

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from such a state."""
        self._state[:] = state["state"]
        self._random[:] = state["random"].view(np.uint64)
        self._done[:] = state["done"]
        self._observations[:] = state["observations"]


def player(name: str, advance: Callable[..., None]) -> Kernel:
    """The kernel of `rollout` for one kind of game."""

    @specialised("play", name)
    def play(
        start: int,
        stop: int,
        state: NDArray[Any],
        random: NDArray[np.uint64],
        done: NDArray[np.bool_],
        settings: NDArray[np.float64],
        observations: NDArray[Any],
        scale: np.float32,
        weights: NDArray[np.float32],
        widths: NDArray[np.int64],
        key: np.uint64,
        greedy: bool,
        first: np.uint64,
        seen: NDArray[Any],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> None:
        games, features = observations.shape
        logits = np.empty((games, widths[-1]), np.float32)
        for t in range(len(actions)):
            forward(start, stop, seen[t], scale, weights, widths, logits)
            choose(start, stop, logits, key, (first + np.uint64(t)) * np.uint64(games), greedy, actions[t])
            advance(
                start, stop, state, random, done, actions[t], settings, observations, rewards[t], terminated[t],
                truncated[t],
            )  # fmt: skip
            for i in range(start, stop):
                for k in range(features):
                    seen[t + 1, i, k] = observations[i, k]

    return play
