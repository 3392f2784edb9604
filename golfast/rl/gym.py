"""Any Gymnasium environment with discrete actions, an extra: pip install 'golfast[gym]'."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.rl.environment import Environment, Observations, Step
from golfast.rl.randomness import derived

_IMAGE_CHANNELS = (1, 3, 4)


class Gym(Environment):
    """N games of one Gymnasium id, or of a vector environment that begins episodes anew in the next step.

    Observations: Box of any shape, as float32; uint8 images stay so, channels first.
    """

    def __init__(self, name: str | Any, count: int) -> None:
        games = _make(name, count) if isinstance(name, str) else name
        self._name = name if isinstance(name, str) else type(name).__name__
        from gymnasium.spaces import Box, Discrete
        from gymnasium.vector import AutoresetMode

        actions, seen = games.single_action_space, games.single_observation_space
        if not isinstance(actions, Discrete):
            raise ValueError(
                f"gym/{self._name} has actions {actions}; golfast's agents choose among a number of discrete actions"
            )
        if not isinstance(seen, Box):
            raise ValueError(
                f"gym/{self._name} has observations {seen}; golfast's agents take a Box, an array of numbers"
            )
        if games.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP) != AutoresetMode.NEXT_STEP:
            raise ValueError(f"gym/{self._name} must begin episodes in the next step: AutoresetMode.NEXT_STEP")
        self.count, self.actions, self._games = games.num_envs, int(actions.n), games
        self.meanings = ()
        self._first = int(actions.start)
        self._turn = seen.dtype == np.uint8 and len(seen.shape) == 3 and seen.shape[-1] in _IMAGE_CHANNELS
        self.shape = (seen.shape[-1], *seen.shape[:2]) if self._turn else seen.shape or (1,)
        self.dtype = np.dtype(np.uint8 if seen.dtype == np.uint8 else np.float32)
        self.top = 255 if self.dtype == np.uint8 else 1

    def reset(self, seed: int) -> Observations:
        """Begin all games anew, as this seed has it."""
        observations, _ = self._games.reset(seed=[derived(seed, i) for i in range(self.count)])
        return self._own(observations)

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Take an action (N,) in each game."""
        observations, rewards, terminated, truncated, _ = self._games.step(actions + self._first)
        rewards = rewards.astype(np.float32)
        return Step(self._own(observations), rewards, terminated, truncated, rewards, terminated | truncated)

    def picture(self) -> NDArray[np.uint8]:
        """The first game as it stands, (H, W, 3)."""
        from gymnasium.error import DependencyNotInstalled

        try:
            drawn = self._games.render()
        except DependencyNotInstalled as error:
            raise ValueError(f"gym/{self._name} cannot be drawn: {error}") from None
        if drawn is None or drawn[0] is None:
            raise ValueError(f"gym/{self._name} cannot be drawn: it has no render_mode 'rgb_array'")
        return np.asarray(drawn[0], np.uint8)

    def close(self) -> None:
        """Close the games."""
        self._games.close()

    def _own(self, observations: NDArray[Any]) -> Observations:
        if self._turn:
            observations = np.moveaxis(observations, -1, 1)
        return np.ascontiguousarray(observations, self.dtype).reshape(self.count, *self.shape)


def _make(name: str, count: int) -> Any:
    try:
        import gymnasium
    except ImportError as error:
        raise ValueError(f"gym/{name} needs gymnasium ({error}); install it with: pip install 'golfast[gym]'") from None
    try:
        one = gymnasium.make(name)
        options: dict[str, Any] = {"render_mode": "rgb_array"} if "rgb_array" in one.metadata["render_modes"] else {}
        one.close()
        return gymnasium.make_vec(name, num_envs=count, vectorization_mode="sync", **options)
    except (gymnasium.error.Error, ImportError) as error:
        raise ValueError(f"gymnasium cannot make {name!r}: {' '.join(str(error).split())}") from None
