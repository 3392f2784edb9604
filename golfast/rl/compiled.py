"""What the compiled games share: arrays of state, a kernel that steps them, and saving."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.jit import Kernel
from golfast.rl.environment import Environment, Observations, Step
from golfast.rl.randomness import streams
from golfast.threads import over_batch

_SMALLEST = 16384  # games for which another thread pays


class CompiledEnvironment(Environment):
    """Games whose state is two arrays and whose step is a kernel.

    A kernel takes (start, stop, state, random, done, *its own settings, observations) and begins games anew; the other
    takes the actions and results too. `done` is set where an episode has ended and the next step begins anew.
    """

    _begin: Kernel
    _advance: Kernel
    _settings: tuple[float | int, ...] = ()

    def __init__(self, count: int, fields: int, dtype: type[Any]) -> None:
        self.count = count
        self._state = np.zeros((count, fields), dtype)
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
        begin = type(self)._begin
        begin(0, self.count, self._state, self._random, *self._settings, self._flat)
        return self._observations

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Take an action (N,) in each game."""
        advance = type(self)._advance

        def span(start: int, stop: int) -> None:
            advance(
                start,
                stop,
                self._state,
                self._random,
                self._done,
                actions,
                *self._settings,
                self._flat,
                self._rewards,
                self._terminated,
                self._truncated,
            )

        if self.count < 2 * _SMALLEST:
            span(0, self.count)
        else:
            over_batch(span, self.count, smallest=_SMALLEST)
        return Step(
            self._observations, self._rewards, self._terminated, self._truncated, self._rewards, self._done
        )

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
