"""How inputs look: boards, games of planes, stacks of frames, plain numbers.

A look draws one input within about `side` pixels. An environment can bring its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from golfast.run.pictures import DEAD, FAINT, FRAME, INK, PAPER, Colour, paint_cells, text_width, write

UNSEEN: Colour = (250, 236, 208)
MARK: Colour = (230, 120, 0)
RAISED: Colour = (213, 94, 0)
LOWERED: Colour = (0, 114, 178)
PLANE_COLOURS: tuple[Colour, ...] = ((0, 114, 178), (213, 94, 0), (230, 172, 110), (120, 132, 146), (0, 158, 115))
_SMALL = 11
_BAR = 14

Legend = list[tuple[Colour, str]]


@dataclass(frozen=True)
class View:
    """What of an input is shown: rows and columns, and which of its cells matter to whoever looks."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    matters: NDArray[np.bool_]
    """(H, W): cells that can change the unit in any channel."""
    mark: tuple[int, int] | None = None
    """The cell where the unit sits, if layer and input have the same places."""


class Look(Protocol):
    """Draws inputs of one world."""

    def draw(self, inputs: Tensor, *, side: int, view: View | None) -> Image.Image:
        """One input (of any shape this look is for) as a picture of about `side` pixels."""
        ...

    @property
    def legend(self) -> Legend:
        """Colours and what they mean."""
        ...


@dataclass(frozen=True)
class BoardLook:
    """Boards of one channel, (1, H, W) of 0 to 1: dark is alive, grey is undecided."""

    def draw(self, inputs: Tensor, *, side: int, view: View | None) -> Image.Image:
        """The board."""
        life = inputs[0].clamp(0, 1).cpu().numpy()[:, :, None]
        return _paint(DEAD + life * (np.array(INK) - DEAD), side, view)

    @property
    def legend(self) -> Legend:
        """Colours and what they mean."""
        return [(INK, "living cell"), (DEAD, "dead cell")]


@dataclass(frozen=True)
class PlanesLook:
    """Planes (C, H, W) of 0 to 1 as one board, each plane in its colour, earlier ones on top."""

    names: Sequence[str]
    colours: Sequence[Colour] = PLANE_COLOURS

    def draw(self, inputs: Tensor, *, side: int, view: View | None) -> Image.Image:
        """The board, a cell of 0.3 coloured three tenths."""
        picture = np.full((*inputs.shape[1:], 3), DEAD, np.float64)
        for plane, colour in reversed(list(zip(inputs.clamp(0, 1).cpu().numpy(), self.colours, strict=False))):
            picture += plane[:, :, None] * (np.array(colour) - picture)
        return _paint(picture, side, view)

    @property
    def legend(self) -> Legend:
        """Colours and what they mean."""
        return list(zip(self.colours, self.names, strict=False))


@dataclass(frozen=True)
class FramesLook:
    """Stacks of frames (F, H, W) of `bottom` to `top`, oldest first: side by side in rows of two."""

    top: float = 1.0
    bottom: float = 0.0

    def draw(self, inputs: Tensor, *, side: int, view: View | None) -> Image.Image:
        """All frames."""
        frames = ((inputs - self.bottom) / (self.top - self.bottom)).clamp(0, 1).cpu().numpy()
        across = 1 if len(frames) == 1 else 2
        each = max(16, (side - 2 * (across - 1)) // across)
        panels = [_paint(np.repeat(frame[:, :, None], 3, 2) * 255.0, each, view) for frame in frames]
        width, height = panels[0].size
        down = -(-len(panels) // across)
        page = Image.new("RGB", (across * (width + 2) - 2, down * (height + 2) - 2), PAPER)
        for k, panel in enumerate(panels):
            page.paste(panel, (k % across * (width + 2), k // across * (height + 2)))
        return page

    @property
    def legend(self) -> Legend:
        """None is needed: it looks like the screen."""
        return []


@dataclass(frozen=True)
class ColourLook:
    """Images in colour, (3, H, W): red, green and blue from `low` to `high`, one for all or one for each channel."""

    low: Tensor | float = 0.0
    high: Tensor | float = 1.0

    def draw(self, inputs: Tensor, *, side: int, view: View | None) -> Image.Image:
        """The image."""
        share = ((inputs - self.low) / (self.high - self.low)).clamp(0, 1)
        return _paint(share.permute(1, 2, 0).cpu().numpy() * 255.0, side, view, grid=False)

    @property
    def legend(self) -> Legend:
        """None is needed: it looks like the image."""
        return []


@dataclass(frozen=True)
class NumbersLook:
    """Plain numbers, (D,) or of any shape, as bars within their ranges, by name."""

    names: Sequence[str]
    low: Sequence[float]
    high: Sequence[float]

    def draw(self, inputs: Tensor, *, side: int, view: View | None) -> Image.Image:
        """A bar for each, from the middle of its range to its value."""
        named = max(text_width(name, _SMALL) for name in self.names)
        room = max(40, side - named - 8)
        image = Image.new("RGB", (named + 8 + room, _BAR * len(self.names) + 2), PAPER)
        draw = ImageDraw.Draw(image)
        for k, (name, value) in enumerate(zip(self.names, inputs.flatten().tolist(), strict=True)):
            top = k * _BAR + 2
            write(image, (named, top + _BAR // 2 - 1), name, size=_SMALL, colour=FAINT, anchor="rm")
            draw.rectangle((named + 8, top, named + 7 + room, top + _BAR - 4), fill=DEAD, outline=FRAME)
            share = (value - self.low[k]) / (self.high[k] - self.low[k])
            middle, end = named + 8 + room // 2, named + 8 + round(min(1.0, max(0.0, share)) * (room - 1))
            left, right = sorted((middle, end))
            draw.rectangle((left, top + 1, right, top + _BAR - 5), fill=RAISED if end >= middle else LOWERED)
        return image

    @property
    def legend(self) -> Legend:
        """Colours and what they mean."""
        return [(RAISED, "above the middle of its range"), (LOWERED, "below it")]


def plain_look(shape: tuple[int, ...], low: Tensor, high: Tensor) -> Look:
    """A look for inputs of a shape, where nobody knows more about them."""
    if len(shape) == 3 and shape[0] == 3:
        return ColourLook(low, high)
    if len(shape) == 3:
        bottom, top = float(low.min()), float(high.max())
        return BoardLook() if shape[0] == 1 and (bottom, top) == (0, 1) else FramesLook(top, bottom)
    ranges = [[float(value) for value in edge.expand(shape).flatten()] for edge in (low, high)]
    return NumbersLook([str(k) for k in range(len(ranges[0]))], *ranges)


def view_of(matters: Tensor, shape: tuple[int, ...], at: tuple[int, ...] | None) -> View | None:
    """The part of an input that matters, with a cell around it; None for inputs without rows and columns.

    matters: bool, of an input's shape. at: the unit's place, if the layer has as many as the input.
    """
    if len(shape) != 3:
        return None
    seen = matters.any(0).cpu().numpy()
    if not seen.any():
        seen = np.ones_like(seen)
    spans = []
    for axis, length in ((1, shape[1]), (0, shape[2])):
        there = np.flatnonzero(seen.any(axis=axis))
        spans.append((max(0, int(there[0]) - 1), min(length, int(there[-1]) + 2)))
    mark = (at[0], at[1]) if at is not None and len(at) == 2 else None
    return View(spans[0], spans[1], seen, mark)


def _paint(colours: NDArray[np.floating], side: int, view: View | None, *, grid: bool = True) -> Image.Image:
    """Colours (H, W, 3) as a picture whose longer side is `side` pixels, as nearly as whole cells allow."""
    shown = np.rint(colours).clip(0, 255).astype(np.uint8)
    mark = None
    if view is not None:
        shown = np.where(view.matters[:, :, None], shown, np.array(UNSEEN, np.uint8))
        shown = shown[view.rows[0] : view.rows[1], view.columns[0] : view.columns[1]]
        mark = None if view.mark is None else (view.mark[0] - view.rows[0], view.mark[1] - view.columns[0])
    cell = max(1, round(side / max(shown.shape[:2])))
    image = paint_cells(shown, cell=cell, grid=grid)
    if mark is not None and cell >= 3:
        y, x = (1 + cell * k for k in mark)
        ImageDraw.Draw(image).rectangle((x - 1, y - 1, x + cell - 1, y + cell - 1), outline=MARK, width=2)
    return image
