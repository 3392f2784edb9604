"""Gymnasium's spaces as a network has them: observations as one array of numbers, actions as one choice among many."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_IMAGE_CHANNELS = (1, 3, 4)
_MOST_INPUTS = 100_000
_MOST_CHOICES = 4096


class Seen(NamedTuple):
    """What a network gets of the observations of a space."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """float32, or uint8 in 0..top."""
    top: int
    own: Callable[[Any], NDArray[Any]]
    """Observations of N games, as a vector environment gives them, to (N, *shape)."""


class Choices(NamedTuple):
    """How many different actions there are, and how their numbers (N,) become actions of N games."""

    number: int
    theirs: Callable[[NDArray[np.int64]], NDArray[Any]]


class _Part(NamedTuple):
    """A space as numbers in a row."""

    width: int
    flat: Callable[[Any], NDArray[np.float32]]
    """Observations of N games to (N, width)."""


def seen_of(space: Any) -> Seen:
    """How observations of a space are seen. ValueError, in words that go on after a name, for one that cannot be.

    A Box is seen in its own shape, as float32. One of uint8 stays so if its least is 0 and its most the same
    everywhere, to be divided by that most, and is brought to 0..1 by its bounds otherwise; its images come channels
    first. All else is a row of numbers: of a Discrete a 1 in the place of its value; of a Dict or Tuple its parts one
    after the other.
    """
    from gymnasium.spaces import Box

    if not isinstance(space, Box):
        part = _part(space, space)
        if not 1 <= part.width <= _MOST_INPUTS:
            raise ValueError(
                f"has observations {space}, which are {part.width:,} numbers in a row; golfast's agents take 1 to "
                f"{_MOST_INPUTS:,}"
            )
        return Seen((part.width,), np.dtype(np.float32), 1, part.flat)
    whole = space.dtype == np.uint8
    turned = whole and len(space.shape) == 3 and space.shape[-1] in _IMAGE_CHANNELS
    shape = (space.shape[-1], *space.shape[:2]) if turned else space.shape or (1,)
    if 0 in shape:
        raise ValueError(f"has observations {space}, which hold no number; golfast's agents need at least one")
    scaled = _scaled(space)
    kept = whole and scaled is None
    top = max(1, int(space.high.max())) if kept else 1
    dtype: np.dtype[Any] = np.dtype(np.uint8) if kept else np.dtype(np.float32)

    def own(observations: Any) -> NDArray[Any]:
        found = np.asarray(observations)
        if scaled is not None:
            found = scaled(found)
        if turned:
            found = np.moveaxis(found, -1, 1)
        return np.ascontiguousarray(found, dtype).reshape(len(found), *shape)

    return Seen(shape, dtype, top, own)


def choices_of(space: Any) -> Choices:
    """How the actions of a space are chosen. ValueError, in words that go on after a name, for one that cannot be.

    A MultiDiscrete or MultiBinary is one choice among all its combinations.
    """
    from gymnasium.spaces import Discrete, MultiBinary, MultiDiscrete

    if isinstance(space, Discrete):
        first = int(space.start)
        return Choices(int(space.n), lambda actions: actions + first)
    if not isinstance(space, MultiDiscrete | MultiBinary):
        raise ValueError(f"has actions {space}; golfast's agents choose among a number of discrete actions")
    counts = [2] * math.prod(space.shape) if isinstance(space, MultiBinary) else space.nvec.ravel().tolist()
    if (count := math.prod(counts)) > _MOST_CHOICES:
        raise ValueError(
            f"has actions {space}, {count:,} combinations; golfast's agents choose among {_MOST_CHOICES:,} at most"
        )
    start = 0 if isinstance(space, MultiBinary) else space.start

    def theirs(actions: NDArray[np.int64]) -> NDArray[Any]:
        each = np.stack(np.unravel_index(actions, counts), axis=1).reshape(len(actions), *space.shape)
        return (each + start).astype(space.dtype)

    return Choices(count, theirs)


def _scaled(box: Any) -> Callable[[NDArray[Any]], NDArray[np.float32]] | None:
    """What brings a Box of uint8 to 0..1, if dividing by one number does not; None for all others."""
    if box.dtype != np.uint8 or ((box.low == 0).all() and (box.high == box.high.max(initial=0)).all()):
        return None
    low = box.low.astype(np.float32)
    width = np.maximum(box.high.astype(np.float32) - low, 1)
    return lambda observations: (observations.astype(np.float32) - low) / width


def _part(space: Any, whole: Any) -> _Part:
    """A space that may be part of another, `whole`."""
    from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

    if isinstance(space, Dict | Tuple):
        inner: Any = space.spaces
        keys: list[Any] = list(inner) if isinstance(space, Dict) else list(range(len(inner)))
        parts = [(key, _part(inner[key], whole)) for key in keys]
        return _Part(
            sum(part.width for _, part in parts),
            lambda seen: np.concatenate([part.flat(seen[key]) for key, part in parts], axis=1),
        )
    if isinstance(space, Discrete):
        return _ones([int(space.n)], [int(space.start)])
    if isinstance(space, MultiDiscrete):
        return _ones(space.nvec.ravel().tolist(), space.start.ravel().tolist())
    if isinstance(space, MultiBinary):
        return _Part(math.prod(space.shape), lambda seen: np.asarray(seen, np.float32).reshape(len(seen), -1))
    if isinstance(space, Box):
        box = seen_of(space)
        return _Part(
            math.prod(box.shape),
            lambda seen: np.divide(box.own(seen).reshape(len(seen), -1), box.top, dtype=np.float32),
        )
    raise ValueError(
        f"has observations {whole}; golfast's agents take a Box, an array of numbers, or Discrete, MultiDiscrete and "
        "MultiBinary ones, and these in a Dict or a Tuple"
    )


def _ones(counts: list[int], starts: list[int]) -> _Part:
    """Choices, each a row of 0 with a 1 in its place."""
    width = sum(counts)
    if width > _MOST_INPUTS:
        return _Part(width, lambda seen: np.zeros((len(seen), 0), np.float32))  # refused by its width
    values = np.concatenate([start + np.arange(count) for start, count in zip(starts, counts, strict=True)])
    which = np.repeat(np.arange(len(counts)), counts)

    def flat(seen: Any) -> NDArray[np.float32]:
        rows = np.asarray(seen).reshape(len(seen), len(counts))
        ones: NDArray[np.float32] = (rows[:, which] == values).astype(np.float32)
        return ones

    return _Part(width, flat)
