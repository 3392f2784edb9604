"""Legal inputs: what a world could show to a network, and how to get there from what an optimiser dreamt up.

A legal space is anything with a `project` that takes a batch of floating inputs (B, ...) to the legal ones nearest to
them; an environment can bring its own. Legal inputs come back as they went in. The spaces here: boards, games of
planes such as a brick game's, stacked frames, and states within ranges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

PLANES = ("any", "one", "at most one")


class Legal(Protocol):
    """The legal inputs of one world."""

    def project(self, inputs: Tensor) -> Tensor:
        """Any floating inputs (B, ...) to legal ones of the same shape; legal ones stay as they are."""
        ...


@dataclass(frozen=True)
class Boards:
    """Cells are 0 or 1, and any board may be."""

    def project(self, inputs: Tensor) -> Tensor:
        """Alive where above a half."""
        return (inputs > 0.5).to(inputs.dtype)


@dataclass(frozen=True)
class Planes:
    """Channels of 0 and 1 (B, C, H, W), each of a kind: "any" cells, exactly "one", or "at most one".

    where: cells that a channel may use at all, (C, H, W) of bool, such as the bottom row for a paddle; all if left out.
    A cell of an "any" channel is on where it is above a half. A channel of "one" has its largest cell on; with "at most
    one" only if that is above a half. beside: pairs of channels of "one"; the second has its cell next to the first's,
    on a diagonal too, or in the same place, as where a ball was a step ago is to where it is. ways: which of these the
    second may be in, for each cell of the first, (3, 3, H, W) of bool: rows up, level, down, then columns left, same,
    right; all if left out.
    """

    kinds: Sequence[str]
    where: Tensor | None = None
    beside: Sequence[tuple[int, int]] = ()
    ways: Tensor | None = None

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in PLANES:
                raise ValueError(f"a plane is of kind {kind!r}; allowed are: {', '.join(PLANES)}")
        if self.where is not None and (
            self.where.dtype != torch.bool or self.where.dim() != 3 or len(self.where) != len(self.kinds)
        ):
            raise ValueError(
                f"where must be bool of shape ({len(self.kinds)}, H, W); "
                f"it is {self.where.dtype} of shape {tuple(self.where.shape)}"
            )
        for plane, kind in enumerate(self.kinds):
            if kind == "one" and self.where is not None and not bool(self.where[plane].any()):
                raise ValueError(f"plane {plane} must have one cell on, and may use none")
        if self.ways is not None and (self.ways.dtype != torch.bool or self.ways.shape[:2] != (3, 3)):
            raise ValueError(
                f"ways must be bool of shape (3, 3, H, W); it is {self.ways.dtype} of shape {tuple(self.ways.shape)}"
            )
        for pair in self.beside:
            if any(not 0 <= plane < len(self.kinds) or self.kinds[plane] != "one" for plane in pair):
                raise ValueError(f"beside names planes {pair}; both must be of kind 'one'")

    def project(self, inputs: Tensor) -> Tensor:
        """Channel by channel."""
        if inputs.dim() != 4 or inputs.shape[1] != len(self.kinds):
            raise ValueError(f"inputs of {len(self.kinds)} planes are expected; got shape {tuple(inputs.shape)}")
        legal = torch.zeros_like(inputs)
        paired = {plane for pair in self.beside for plane in pair}
        for plane, kind in enumerate(self.kinds):
            if plane in paired:
                continue
            cells = self._cells(inputs, plane)
            if kind == "any":
                legal[:, plane] = (cells > 0.5).to(inputs.dtype)
            else:
                best, place = cells.flatten(1).max(1)
                on = torch.ones_like(best) if kind == "one" else (best > 0.5).to(inputs.dtype)
                legal[:, plane] = _lit(cells, place, on)
        for first, second in self.beside:
            ours, theirs = self._cells(inputs, first), self._cells(inputs, second)
            # The pair of neighbours whose sum is largest is the nearest legal one.
            around = _around(theirs)
            if self.ways is not None:
                around = around.masked_fill(~self.ways.flatten(0, 1).flatten(1), -torch.inf)
            near, way = around.max(1)
            place = (ours.flatten(1) + near).argmax(1)
            on = torch.ones_like(place, dtype=inputs.dtype)
            legal[:, first] = _lit(ours, place, on)
            way = way.gather(1, place[:, None])[:, 0]
            width = inputs.shape[3]
            legal[:, second] = _lit(theirs, place + (way // 3 - 1) * width + way % 3 - 1, on)
        return legal

    def _cells(self, inputs: Tensor, plane: int) -> Tensor:
        """A channel (B, H, W), without the cells that it may not use."""
        cells = inputs[:, plane]
        return cells if self.where is None else cells.masked_fill(~self.where[plane], -torch.inf)


def _around(cells: Tensor) -> Tensor:
    """For each place of (B, H, W) what is in the nine places around it, (B, 9, H * W); -inf beyond the edge."""
    count, height, width = cells.shape
    padded = nn.functional.pad(cells, (1, 1, 1, 1), value=-torch.inf)
    views = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return torch.stack(views, 1).view(count, 9, height * width)


def _lit(cells: Tensor, place: Tensor, value: Tensor) -> Tensor:
    """Empty planes like `cells` (B, H, W), with a value (B,) in one place (B,) of each."""
    return torch.zeros_like(cells).flatten(1).scatter(1, place[:, None], value[:, None]).view_as(cells)


@dataclass(frozen=True)
class Box:
    """Values from `low` to `high`, one for all or one for each place; if there is a `step`, `low` and steps above it.

    Frames of a screen are Box(0, 255, step=1), or Box(0, 1, step=1 / 255) where a network takes them so; the state of a
    cart and its pole is a Box of four ranges.
    """

    low: float | Tensor
    high: float | Tensor
    step: float | None = None

    def __post_init__(self) -> None:
        if not bool((torch.as_tensor(self.high) >= torch.as_tensor(self.low)).all()):
            raise ValueError("a box's high must not be below its low")
        if self.step is not None and not self.step > 0:
            raise ValueError(f"a box's step is {self.step}; it must be above 0, or None for any value")

    def project(self, inputs: Tensor) -> Tensor:
        """Clamp, and go to the nearest step."""
        low, high = (torch.as_tensor(edge).to(inputs) for edge in (self.low, self.high))
        held = torch.minimum(torch.maximum(inputs, low), high)
        if self.step is None:
            return held
        return torch.minimum(low + ((held - low) / self.step).round() * self.step, high)
