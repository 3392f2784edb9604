"""Legal inputs: what a world could show to a network, and how to get there from what an optimiser dreamt up.

A legal space is anything with a `project` that takes a batch of floating inputs (B, ...) to the legal ones nearest to
them; an environment can bring its own. Legal inputs come back as they went in. The spaces here: boards, games of
planes such as a brick game's, stacked frames, and states within ranges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

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
    one" only if that is above a half.
    """

    kinds: Sequence[str]
    where: Tensor | None = None

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

    def project(self, inputs: Tensor) -> Tensor:
        """Channel by channel."""
        if inputs.dim() != 4 or inputs.shape[1] != len(self.kinds):
            raise ValueError(f"inputs of {len(self.kinds)} planes are expected; got shape {tuple(inputs.shape)}")
        legal = torch.zeros_like(inputs)
        for plane, kind in enumerate(self.kinds):
            cells = inputs[:, plane].flatten(1)
            if self.where is not None:
                cells = cells.masked_fill(~self.where[plane].flatten(), -torch.inf)
            if kind == "any":
                chosen = (cells > 0.5).to(inputs.dtype)
            else:
                best = cells.max(1, keepdim=True)
                on = torch.ones_like(best.values) if kind == "one" else (best.values > 0.5).to(inputs.dtype)
                chosen = torch.zeros_like(inputs[:, plane].flatten(1)).scatter(1, best.indices, on)
            legal[:, plane] = chosen.view(inputs[:, plane].shape)
        return legal


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
