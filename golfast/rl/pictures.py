"""Games as pictures, (H, W, 3) uint8."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

_PAPER, _INK, _GREY = (255, 255, 255), (27, 38, 51), (190, 198, 208)
_CELL = 24
_FINER = 3


def planes(board: NDArray[np.uint8], colours: Sequence[Colour]) -> NDArray[np.uint8]:
    """Planes (C, H, W) of 0 and 1 as one board, the first planes on top, each in its colour."""
    picture = np.full((*board.shape[1:], 3), 246, np.uint8)
    for plane, colour in reversed(list(zip(board, colours, strict=True))):
        picture[plane > 0] = colour
    picture = picture.repeat(_CELL, axis=0).repeat(_CELL, axis=1)
    picture[::_CELL] = picture[:, ::_CELL] = 226
    return picture


def cart_and_pole(position: float, angle: float, *, farthest: float) -> NDArray[np.uint8]:
    """A cart at `position` metres from the middle with a pole `angle` radians from upright."""
    width, height = 480 * _FINER, 240 * _FINER
    image = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(image)
    x, y = width / 2 + position / farthest * width / 2.4, height * 0.8
    draw.line((0, y, width, y), fill=_GREY, width=2 * _FINER)
    for end in (-1, 1):
        draw.line((width / 2 + end * width / 2.4, y - 8 * _FINER, width / 2 + end * width / 2.4, y), _GREY, 2 * _FINER)
    tip = x + math.sin(angle) * height * 0.6, y - 12 * _FINER - math.cos(angle) * height * 0.6
    draw.rectangle((x - 30 * _FINER, y - 22 * _FINER, x + 30 * _FINER, y), fill=_INK)
    draw.line((x, y - 12 * _FINER, *tip), fill=(213, 94, 0), width=9 * _FINER)
    return np.asarray(image.reduce(_FINER))
