"""Boards as pictures, and pictures as files.

The same boards give the same pixels and, with the same Pillow, the same bytes.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from golfast.run.arrays import as_array
from golfast.run.files import replacing

Colour = tuple[int, int, int]

PAPER: Colour = (255, 255, 255)
INK: Colour = (27, 38, 51)  # living cells and text
FAINT: Colour = (103, 113, 126)  # text of second rank
DEAD: Colour = (246, 248, 250)
GRID: Colour = (226, 231, 237)
FRAME: Colour = (190, 198, 208)

TEXT = 13  # pixels
MARGIN = 20
MOST_FPS = 50  # frames of a GIF a second
_KEPT = 64  # colours of a GIF of too many that stay as they are
_LEAST_GRID_CELL = 6  # below that, lines would grey the board
_LEAST_SPACE = 0.3  # between words, of the size of the font


def draw_board(cells: object, *, cell: int = 8, frame: Colour = FRAME, thickness: int = 1) -> Image.Image:
    """One board as an RGB image: cell (row, column) is the square whose corner is thickness + cell * (column, row).

    cells: (H, W), 0/1 of any type, or floating shares of life in 0..1, which come out grey. cell: the side of a cell in
    pixels; of cells of 6 and more the last pixel is a thin line that sets them apart. frame, thickness: colour and
    pixels of the line around.
    ValueError for other shapes and values, and for a cell of less than 1 pixel.
    """
    return paint_cells(_shades(cells), cell=cell, frame=frame, thickness=thickness)


def draw_row(
    boards: Sequence[object] | NDArray[Any], *, cell: int = 8, labels: Sequence[str] | None = None, gap: int = 16
) -> Image.Image:
    """Boards (each as in `draw_board`) side by side, `gap` pixels apart, under their labels if there are any.

    ValueError if there are no boards, or not one label for each.
    """
    panels = [draw_board(board, cell=cell) for board in boards]
    if not panels:
        raise ValueError("a row of no boards cannot be drawn")
    if labels is not None and len(labels) != len(panels):
        raise ValueError(f"{len(panels)} boards have {len(labels)} labels; one for each is needed")
    texts = list(labels) if labels is not None else [""] * len(panels)
    slots = [max(panel.width, text_width(text)) for panel, text in zip(panels, texts, strict=True)]
    top = MARGIN + (TEXT + 8 if labels is not None else 0)
    size = (2 * MARGIN + sum(slots) + gap * (len(slots) - 1), top + max(panel.height for panel in panels) + MARGIN)
    image = Image.new("RGB", size, PAPER)
    left = MARGIN
    for panel, text, slot in zip(panels, texts, slots, strict=True):
        write(image, (left + slot // 2, MARGIN), text, anchor="mt")
        image.paste(panel, (left + (slot - panel.width) // 2, top))
        left += slot + gap
    return image


def save_gif(frames: Sequence[Image.Image], path: Path, *, milliseconds: int = 200) -> None:
    """Write a GIF that repeats for ever, whole or not at all; missing folders are made.

    milliseconds: how long a frame is shown, unless its `info["duration"]` (milliseconds, Pillow's own place for it)
    says otherwise. GIFs count in hundredths of a second. All frames share one palette: up to 256 colours are kept as
    they are. Equal frames in a row become one that is shown for as long as all of them.
    ValueError if there are no frames, if their sizes differ, or for less than 10 ms.
    """
    if not frames:
        raise ValueError("a GIF of no frames cannot be written")
    if len({frame.size for frame in frames}) > 1:
        raise ValueError(f"frames of a GIF have one size; got {sorted({frame.size for frame in frames})}")
    durations = [int(frame.info.get("duration", milliseconds)) for frame in frames]
    if min(durations) < 10:
        raise ValueError(f"a frame of {min(durations)} ms is too short for a GIF, which counts in steps of 10 ms")
    first, *others = _with_one_palette(frames)
    with replacing(path) as temporary:
        first.save(
            temporary,
            "GIF",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=0,
            disposal=1,
            optimize=False,
        )


def frame_time(fps: float) -> int:
    """The milliseconds that a frame of a GIF is shown for so many frames a second, in whole hundredths of a second.

    ValueError below 0.1 and above MOST_FPS: what is faster, programs that show GIFs show slower, each in its own way.
    """
    if not 0.1 <= fps <= MOST_FPS:
        raise ValueError(f"a GIF shows from 0.1 to {MOST_FPS} frames a second; got {fps:g}")
    return max(20, 10 * round(100 / fps))


def write_png(image: Image.Image, path: Path) -> None:
    """Write a PNG file, whole or not at all; missing folders are made."""
    with replacing(path) as temporary:
        image.save(temporary, "PNG", optimize=True)


# --- what strips and animations draw with ----------------------------------------------------------------------------


def paint_cells(
    colours: NDArray[np.uint8], *, cell: int, frame: Colour = FRAME, thickness: int = 1, grid: bool = True
) -> Image.Image:
    """A board whose cells have the colours (H, W, 3); grid: whether lines set large ones apart."""
    if cell < 1:
        raise ValueError(f"a cell of {cell} pixels cannot be seen; the least is 1")
    pixels = colours.repeat(cell, axis=0).repeat(cell, axis=1)
    if grid and cell >= _LEAST_GRID_CELL:
        pixels[cell - 1 :: cell] = GRID
        pixels[:, cell - 1 :: cell] = GRID
        pixels = pixels[:-1, :-1]  # the frame takes the place of the last lines
    height, width = pixels.shape[:2]
    image = Image.new("RGB", (width + 2 * thickness, height + 2 * thickness), frame)
    image.paste(Image.fromarray(pixels), (thickness, thickness))
    return image


def fitting_cell(height: int, width: int, *, side: int = 160, largest: int = 20) -> int:
    """The cell size at which the longer side of a board comes closest to `side` pixels."""
    return max(1, min(largest, int(side / max(height, width) + 0.5)))


@cache
def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own font, the same everywhere."""
    return ImageFont.load_default(size=size)


def text_width(text: str, size: int = TEXT) -> int:
    """Pixels from the left to the right end of a line of text."""
    spaces = text.count(" ") * _space(size)
    return int(np.ceil(sum(font(size).getlength(word) for word in text.split(" ")))) + spaces


def write(
    image: Image.Image, at: tuple[int, int], text: str, *, size: int = TEXT, colour: Colour = INK, anchor: str = "lt"
) -> None:
    """Write a line of text; `anchor` as in Pillow ("mt": `at` is its top middle)."""
    draw, face = ImageDraw.Draw(image), font(size)
    width = text_width(text, size)
    x = at[0] - {"l": 0, "m": width // 2, "r": width}[anchor[0]]
    # Each word stands on the line's own baseline: the top of a word is not the top of the line.
    y = at[1] + face.getbbox(text, anchor=f"l{anchor[1]}")[1] - face.getbbox(text, anchor="ls")[1]
    for word in text.split(" "):
        draw.text((x, y), word, fill=colour, font=face, anchor="ls")
        x += text_width(word, size) + _space(size)


def _space(size: int) -> int:
    """Pixels between words: the font's own space, rounded to whole pixels, vanishes in small sizes."""
    return max(int(np.ceil(font(size).getlength(" "))), int(np.ceil(_LEAST_SPACE * size)))


def stack(images: Sequence[Image.Image], *, gap: int = 0) -> Image.Image:
    """Images one below the other, flush left, on paper."""
    size = max(image.width for image in images), sum(image.height for image in images) + gap * (len(images) - 1)
    page = Image.new("RGB", size, PAPER)
    top = 0
    for image in images:
        page.paste(image, (0, top))
        top += image.height + gap
    return page


def flow(widths: Sequence[int], left: int, right: int, *, gap: int = 18) -> tuple[list[tuple[int, int]], int]:
    """Places (x, row) of things set from `left` to `right`, on in the next row where one is full; number of rows."""
    places: list[tuple[int, int]] = []
    x, row = left, 0
    for width in widths:
        if x > left and x + width > right:
            x, row = left, row + 1
        places.append((x, row))
        x += width + gap
    return places, row + 1


def wrap(text: str, width: int, size: int = TEXT) -> list[str]:
    """A text in lines of at most `width` pixels."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _shades(cells: object) -> NDArray[np.uint8]:
    """Colours (H, W, 3) from DEAD at 0 to INK at 1."""
    life = as_array("a board", cells)
    if life.ndim != 2 or life.size == 0:
        raise ValueError(f"a board has shape (H, W); got shape {life.shape}")
    life = life.astype(np.float64)
    if not ((life >= 0) & (life <= 1)).all():
        raise ValueError("a board's cells are 0, 1, or something between")
    dead, alive = np.array(DEAD, np.float64), np.array(INK, np.float64)
    return np.rint(dead + life[:, :, None] * (alive - dead)).astype(np.uint8)


def _with_one_palette(frames: Sequence[Image.Image]) -> list[Image.Image]:
    """The frames as indices into one palette.

    If there are more than 256 colours, the most frequent stay as they are, so that flat areas do; the smoothed edges
    of text and the like share what is left by median cut, and each takes the nearest.
    """
    parts = [np.unique(_codes(frame), return_counts=True) for frame in frames]  # a frame at a time: they may be many
    colours, places = np.unique(np.concatenate([part for part, _ in parts]), return_inverse=True)
    counts = np.bincount(places, np.concatenate([number for _, number in parts])).astype(np.int64)
    channels = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
    order = np.argsort(-counts, kind="stable")
    palette = channels[order[:256]]
    if len(colours) > 256:
        others = Image.fromarray(channels[None, order[_KEPT:]].astype(np.uint8))
        cut = others.quantize(256 - _KEPT, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        shared = np.array(cut.getpalette() or [], np.int32).reshape(-1, 3)[: 256 - _KEPT]
        palette = np.concatenate([palette[:_KEPT], shared])
    nearest = np.full(len(colours), np.iinfo(np.int32).max)
    index = np.zeros(len(colours), np.uint8)
    for k, colour in enumerate(palette):
        distance = ((channels - colour) ** 2).sum(axis=1)
        index[distance < nearest] = k
        nearest = np.minimum(nearest, distance)
    result = []
    for frame in frames:
        image = Image.fromarray(index[np.searchsorted(colours, _codes(frame))])
        image.putpalette(palette.astype(np.uint8).tobytes())
        result.append(image)
    return result


def _codes(frame: Image.Image) -> NDArray[np.int32]:
    """A frame's colours as numbers, (H, W)."""
    red, green, blue = np.moveaxis(np.asarray(frame.convert("RGB"), np.int32), 2, 0)
    return np.asarray(red << 16 | green << 8 | blue)
