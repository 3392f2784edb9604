"""What people train agents with today: stable-baselines3's A2C, and the games in Python or NumPy."""

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from golfast.rl.environment import Environment


def stable_baselines() -> Any:
    """The module, or skip the benchmark, saying why."""
    for name, package in (("stable_baselines3", "stable-baselines3"), ("gymnasium", "gymnasium")):
        if find_spec(name) is None:
            pytest.skip(f"{package} is not installed: pip install 'golfast[peers]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import stable_baselines3

        return stable_baselines3


def under_stable_baselines(games: Environment) -> Any:
    """Our games as a VecEnv of stable-baselines3's, so that both learn from the same compiled code.

    The step that begins an episode anew counts as one of its own, as it does for us.
    """
    stable_baselines()
    from gymnasium.spaces import Box, Discrete
    from stable_baselines3.common.vec_env import VecEnv

    class Ours(VecEnv):  # type: ignore[misc]
        def __init__(self) -> None:
            flat = (int(np.prod(games.shape)),)
            super().__init__(games.count, Box(-np.inf, np.inf, flat, np.float32), Discrete(games.actions))
            self._actions: NDArray[np.int64] = np.zeros(games.count, np.int64)

        def reset(self) -> NDArray[np.float32]:
            return self._seen(games.reset(0))

        def step_async(self, actions: NDArray[np.int64]) -> None:
            self._actions = actions

        def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
            step = games.step(self._actions)
            done = step.terminated | step.truncated
            return self._seen(step.observations), step.rewards.copy(), done, [{} for _ in range(games.count)]

        def _seen(self, observations: NDArray[Any]) -> NDArray[np.float32]:
            return observations.reshape(games.count, -1).astype(np.float32)

        def close(self) -> None:
            games.close()

        def get_attr(self, attr_name: str, indices: object = None) -> list[Any]:
            return [None] * games.count

        def set_attr(self, attr_name: str, value: object, indices: object = None) -> None:
            raise NotImplementedError

        def env_method(self, method_name: str, *args: object, indices: object = None, **named: object) -> list[Any]:
            raise NotImplementedError

        def env_is_wrapped(self, wrapper_class: object, indices: object = None) -> list[bool]:
            return [False] * games.count

    return Ours()


class NumpyBricks:
    """The brick game over a batch in NumPy, without sticky actions: the same boards as `golfast.rl.brick`."""

    def __init__(self, x: NDArray[np.int64], dx: NDArray[np.int64]) -> None:
        count = len(x)
        self.start = x.copy(), dx.copy()
        self.x, self.y, self.dx, self.dy = x.copy(), np.full(count, 3), dx.copy(), np.ones(count, np.int64)
        self.paddle = np.full(count, 4)
        self.bricks = np.zeros((count, 10, 10), bool)
        self.bricks[:, 1:4] = True
        self.struck = np.zeros(count, bool)
        self._rows = np.arange(count)

    def step(self, actions: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
        """Observations (N, 4, 10, 10), rewards and whether the ball was lost; those games must not be stepped again."""
        every = self._rows
        self.paddle = np.clip(self.paddle + (actions == 2) - (actions == 1), 0, 9)
        old_x, old_y = self.x, self.y
        x, y = old_x + self.dx, old_y + self.dy
        wall = (x < 0) | (x > 9)
        x = np.where(wall, old_x, x)
        self.dx = np.where(wall, -self.dx, self.dx)
        ceiling = y < 0
        hit = ~ceiling & self.bricks[every, y, x]
        broken = hit & ~self.struck
        self.bricks[every[broken], y[broken], x[broken]] = False
        low = ~ceiling & ~hit & (y == 9)
        empty = low & ~self.bricks.any(axis=(1, 2))
        self.bricks[empty, 1:4] = True
        straight = low & (old_x == self.paddle)
        back = low & ~straight & (x == self.paddle)
        lost = low & ~straight & ~back
        self.dx = np.where(back, -self.dx, self.dx)
        self.dy = np.where(ceiling | broken | straight | back, -self.dy, self.dy)
        self.x, self.y = x, np.where(ceiling, 0, np.where(broken | straight | back, old_y, y))
        self.struck = hit
        seen = np.zeros((len(x), 4, 10, 10), np.uint8)
        seen[every, 0, 9, self.paddle] = 1
        seen[every, 1, self.y, self.x] = 1
        seen[every, 2, old_y, old_x] = 1
        seen[:, 3] = self.bricks
        return seen, broken.astype(np.float32), lost
