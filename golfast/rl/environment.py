"""What an agent plays: many games in step.

An episode that ended is begun anew by the *next* step, whatever its action: the last observation of an episode is seen,
so that a value can be asked for it, and the step that begins the next one is no choice of the agent's and is not
learned from. (Gymnasium calls this AutoresetMode.NEXT_STEP.)
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Observations = NDArray[Any]
"""(N, *shape) of the environment's dtype."""


class Step(NamedTuple):
    """What a step of all N games brought. Arrays belong to the environment until its next step."""

    observations: Observations
    rewards: NDArray[np.float32]
    """(N,) what is learned from; clipped in Atari's training."""
    terminated: NDArray[np.bool_]
    """(N,) nothing can follow: the value of what comes is 0."""
    truncated: NDArray[np.bool_]
    """(N,) cut off: more could follow, of the last observation's value."""
    scores: NDArray[np.float32]
    """(N,) what is counted: unclipped."""
    over: NDArray[np.bool_]
    """(N,) the whole game is over, not just one life."""


class Environment(ABC):
    """N games of one kind, played in step."""

    count: int
    """N."""
    shape: tuple[int, ...]
    """Of one observation: (features,) or (channels, height, width)."""
    dtype: np.dtype[Any]
    """float32, or uint8 in 0..top."""
    top: int
    """What whole-number observations are divided by, to lie in 0..1."""
    actions: int
    """Choices at each step, 0..actions - 1."""
    meanings: tuple[str, ...]
    """The actions' names; none if they have none."""

    @abstractmethod
    def reset(self, seed: int) -> Observations:
        """Begin all games anew, as this seed has it."""

    @abstractmethod
    def step(self, actions: NDArray[np.int64]) -> Step:
        """Take an action (N,) in each game; where the last episode has ended, begin the next one instead."""

    def state(self) -> dict[str, NDArray[Any]] | None:
        """All that a game goes on from, or None if this kind cannot be saved."""
        return None

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from such a state."""
        raise NotImplementedError

    def picture(self) -> NDArray[np.uint8]:
        """The first game as it stands, (H, W, 3)."""
        raise ValueError("this environment cannot be drawn")

    def close(self) -> None:
        """Let go of what is held."""
        return None
