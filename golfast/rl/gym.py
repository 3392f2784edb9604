"""Any Gymnasium environment whose actions are choices, an extra: pip install 'golfast[gym]'."""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.errors import Failure
from golfast.rl.environment import Environment, Observations, Step
from golfast.rl.randomness import derived
from golfast.rl.spaces import choices_of, seen_of

_TOLD = 300  # characters of what an environment says is wrong


class Gym(Environment):
    """N games of one Gymnasium id, or of a vector environment that begins episodes anew in the next step.

    kwargs: arguments of the environment's constructor, where a name is given. What is seen of its observations and how
    its actions are numbered say `seen_of` and `choices_of`. ValueError for what cannot be made or played.
    """

    def __init__(self, name: str | Any, count: int, kwargs: Mapping[str, Any] | None = None) -> None:
        games = _make(name, count, kwargs or {}) if isinstance(name, str) else name
        self._name = name if isinstance(name, str) else type(name).__name__
        from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

        try:
            choices, seen = choices_of(games.single_action_space), seen_of(games.single_observation_space)
            mode = (games.metadata or {}).get("autoreset_mode", AutoresetMode.NEXT_STEP)
            if mode != AutoresetMode.NEXT_STEP:
                raise ValueError("must begin episodes in the next step: AutoresetMode.NEXT_STEP")
        except ValueError as error:
            if isinstance(name, str):
                games.close()
            raise ValueError(f"gym/{self._name} {error}") from None
        self.count, self.actions, self._games = games.num_envs, choices.number, games
        self.meanings = ()
        self.shape, self.dtype, self.top = seen.shape, seen.dtype, seen.top
        self._own, self._theirs = seen.own, choices.theirs
        # Only these two take a seed for each game; others have one stream of random numbers for all of them.
        self._seeds_each = isinstance(getattr(games, "unwrapped", games), SyncVectorEnv | AsyncVectorEnv)

    def reset(self, seed: int) -> Observations:
        """Begin all games anew, as this seed has it."""
        seeds = [derived(seed, i) for i in range(self.count)]
        with self._telling("begin"):
            observations, _ = self._games.reset(seed=seeds if self._seeds_each else seeds[0])
            return self._own(observations)

    def step(self, actions: NDArray[np.int64]) -> Step:
        """Take an action (N,) in each game. Failure if the environment fails."""
        with self._telling("step"):
            observations, rewards, terminated, truncated, _ = self._games.step(self._theirs(actions))
            rewards = np.asarray(rewards, np.float32)
            terminated, truncated = np.asarray(terminated, np.bool_), np.asarray(truncated, np.bool_)
            return Step(self._own(observations), rewards, terminated, truncated, rewards, terminated | truncated)

    def picture(self) -> NDArray[np.uint8]:
        """The first game as it stands, (H, W, 3). ValueError if there is no picture of it."""
        try:
            drawn = self._games.render()
        except NotImplementedError:  # without a word, as Gymnasium's own render() raises it
            why = "it has no render() that gives a picture, an 'rgb_array'"
            raise ValueError(f"gym/{self._name} cannot be drawn: {why}") from None
        except Exception as error:  # another's code: it may lack a package or a screen
            why = _words(error)
            raise ValueError(f"gym/{self._name} cannot be drawn: {why}") from None
        first = None if drawn is None or len(drawn) == 0 else drawn[0]
        if first is None:
            raise ValueError(f"gym/{self._name} cannot be drawn: it has no render_mode 'rgb_array'")
        if not (isinstance(first, np.ndarray) and first.ndim == 3 and first.shape[2] == 3 and 0 not in first.shape):
            raise ValueError(f"gym/{self._name} cannot be drawn: its render() gives no array (height, width, 3)")
        return np.asarray(first, np.uint8)

    def close(self) -> None:
        """Close the games."""
        self._games.close()

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise Failure(f"gym/{self._name} failed to {what}: {self._misshapen() or _words(error)}") from error

    def _misshapen(self) -> str:
        """What is told where an observation that came last has not the shape that its space says; "" if all have."""
        games = getattr(self._games, "unwrapped", self._games)
        for seen in getattr(games, "_env_obs", ()):
            for space, part in _parts(games.single_observation_space, seen):
                if np.shape(part) != space.shape:
                    return (
                        f"an observation has shape {np.shape(part)}, and its observation_space says {space.shape}: "
                        "the environment must give what it says"
                    )
        return ""


def check_id(name: str) -> None:
    """ValueError if Gymnasium is there and knows no environment of this id. Nothing is made."""
    try:
        import gymnasium
        from gymnasium.envs.registration import find_highest_version, parse_env_id
    except ImportError:
        return
    try:
        module, _, bare = name.rpartition(":")
        if module:
            importlib.import_module(module)
        space, kind, version = parse_env_id(bare)
        if version is None and find_highest_version(space, kind) is not None:
            return  # the newest is taken
        gymnasium.spec(bare)
    except Exception as error:  # another's code, which may raise anything
        raise ValueError(f"gymnasium cannot make {name!r}: {_words(error)}") from error


def _parts(space: Any, seen: Any) -> Iterator[tuple[Any, Any]]:
    """The arrays of an observation, each beside its space; none of what is no array."""
    from gymnasium.spaces import Box, Dict, MultiBinary, MultiDiscrete, Tuple

    if isinstance(space, Box | MultiBinary | MultiDiscrete) and seen is not None:
        yield space, seen
    elif isinstance(space, Dict) and isinstance(seen, Mapping):
        for key in space.spaces.keys() & seen.keys():
            yield from _parts(space[key], seen[key])
    elif isinstance(space, Tuple) and isinstance(seen, tuple):
        for inner, part in zip(space.spaces, seen, strict=False):
            yield from _parts(inner, part)


def _make(name: str, count: int, kwargs: Mapping[str, Any]) -> Any:
    try:
        import gymnasium
    except ImportError as error:
        raise ValueError(f"gym/{name} needs gymnasium ({error}); install it with: pip install 'golfast[gym]'") from None
    try:
        one = gymnasium.make(name, **kwargs)
        modes = one.metadata.get("render_modes") or ()
        one.close()
        options: dict[str, Any] = {"render_mode": "rgb_array"} if "rgb_array" in modes else {}
        return gymnasium.make_vec(name, num_envs=count, vectorization_mode="sync", **options | dict(kwargs))
    except Exception as error:  # another's code, which may raise anything
        told = "; its constructor's arguments are set as environment.kwargs.NAME=VALUE" * isinstance(error, TypeError)
        raise ValueError(f"gymnasium cannot make {name!r}: {_words(error)}{told}") from error


def _words(error: Exception) -> str:
    """What an error of another's code says, in one line of some length."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split()) or "it gives no reason"
    kind = "" if type(error).__module__.startswith("gymnasium") else f"{type(error).__name__}: "
    return kind + (text if len(text) <= _TOLD else f"{text[:_TOLD]}...")
