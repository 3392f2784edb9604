"""A board as a stream of pixels, row by row, with a zero pixel after each row of cells and zeros before and behind.

A tap of a 3x3 convolution is then an offset into the stream, and what lies beyond the border is read as the zeros it
should be.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Plane(ABC):
    """Where the cells of a board are in its stream."""

    height: int
    width: int

    @property
    @abstractmethod
    def margin(self) -> int:
        """Pixels before the first cell: at least as far as a tap reaches, width + 2."""

    @property
    def span(self) -> int:
        """Pixels from the first cell to the last."""
        return self.height * (self.width + 1) - 1

    @cached_property
    def cells(self) -> NDArray[np.int64]:
        """The pixel of each cell, (H * W,)."""
        rows = self.margin + (self.width + 1) * np.arange(self.height)
        return np.asarray((rows[:, None] + np.arange(self.width)).reshape(-1))

    @cached_property
    def taps(self) -> NDArray[np.int64]:
        """The distance in pixels of each neighbour that a tap reads, row by row, (9,)."""
        return np.array([dy * (self.width + 1) + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
