"""Pictures that move: a network that learns to imagine, and a board that lives."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from golfast.imagine.metric import agreement
from golfast.imagine.strip import TRAINED, draw_strip, percent
from golfast.run.arrays import as_array
from golfast.run.pictures import (
    FAINT,
    FRAME,
    GRID,
    MARGIN,
    PAPER,
    TEXT,
    Colour,
    draw_board,
    fitting_cell,
    flow,
    stack,
    text_width,
    write,
)

# Okabe and Ito's colours, which colour-blind readers can tell apart, less those that are too light on paper.
_CURVES: tuple[Colour, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
)
_TITLE = 19
_CHART_HEIGHT = 120
_DOT = 4  # radius
_FINER = 4


def draw_learning(
    truth: object,
    snapshots: Sequence[tuple[int, object]],
    *,
    threshold: float = 0.95,
    title: str | None = None,
    hold: int = 3000,
) -> list[Image.Image]:
    """How a network came to imagine one sequence: a strip at each snapshot, and curves of the cells that are right.

    truth: (m, H, W) 0 or 1. snapshots: (step of the optimiser, imagined (T, H, W)) in the order of their steps, at
    least one, imagined as in `draw_strip`. A curve is the share of right cells of one timestep: against s_{i+1} if
    model and game have the same number of timesteps, otherwise against the state from s_2 on that it is closest to,
    and of the last timestep always against s_m.

    Returns RGB frames of one size for `golfast.run.pictures.save_gif`; the last one asks to be shown for `hold`
    milliseconds. ValueError as in `draw_strip`, for no snapshots, and for steps that do not rise.
    """
    steps = [step for step, _ in snapshots]
    if not steps:
        raise ValueError("no snapshots to draw")
    if any(later <= earlier for earlier, later in pairwise(steps)):
        raise ValueError(f"snapshots are drawn in the order of their steps; got steps {steps}")
    shapes = {as_array("imagined", imagined).shape for _, imagined in snapshots}
    if len(shapes) > 1:
        raise ValueError(f"snapshots show the same timesteps of the same boards; got shapes {sorted(shapes)}")
    shares = np.stack([_right(truth, imagined) for _, imagined in snapshots])
    least_width = 3 * MARGIN + text_width(title or "", _TITLE) + text_width(f"step {steps[-1]:,}8", _TITLE)
    frames = []
    for k, (step, imagined) in enumerate(snapshots):
        strip = draw_strip(truth, imagined, threshold=threshold)
        header = _draw_header(max(strip.width, least_width), title, f"step {step:,}")
        frames.append(stack([header, strip, _draw_chart(strip.width, steps, shares, k)]))
    frames[-1].info["duration"] = hold
    return frames


def animate_boards(states: Sequence[object] | NDArray[Any], *, cell: int | None = None) -> list[Image.Image]:
    """The states (T, H, W) of a board, each as in `draw_board`, one frame each, with its generation below.

    cell: the side of a cell in pixels, by default what makes the board about 320 pixels long. Returns RGB frames of
    one size for `golfast.run.pictures.save_gif`. ValueError for no states and for what `draw_board` refuses.
    """
    if len(states) == 0:
        raise ValueError("no states to animate")
    states = as_array("states", states)
    shape = states.shape
    if len(shape) != 3:
        raise ValueError(f"states to animate have shape (T, H, W); got shape {shape}")
    frames = []
    for generation, state in enumerate(states):
        board = draw_board(state, cell=fitting_cell(*shape[1:], side=320) if cell is None else cell)
        width = max(board.width, text_width(f"generation {len(states) - 1}")) + MARGIN
        image = Image.new("RGB", (width, board.height + MARGIN + TEXT + 8), PAPER)
        image.paste(board, ((width - board.width) // 2, MARGIN // 2))
        # Left-bound to where the widest number begins, so that the words stand still.
        left = (width - text_width(f"generation {len(states) - 1}")) // 2
        write(image, (left, board.height + MARGIN + TEXT), f"generation {generation}", colour=FAINT, anchor="ls")
        frames.append(image)
    return frames


def _right(truth: object, imagined: object) -> NDArray[np.float64]:
    """The share of right cells of each timestep, (T,)."""
    shares = agreement(as_array("imagined", imagined)[None], as_array("truth", truth)[None])[0]
    timesteps, states = shares.shape
    same = timesteps == states - 1
    right = np.diagonal(shares[:, 1:]).copy() if same else shares[:, 1:].max(axis=1, initial=0.0)
    right[-1] = shares[-1, -1]
    return np.asarray(right, np.float64)


def _draw_header(width: int, title: str | None, step: str) -> Image.Image:
    image = Image.new("RGB", (width, MARGIN + 24), PAPER)
    write(image, (MARGIN, MARGIN + 18), title or "", size=_TITLE, anchor="ls")
    write(image, (width - MARGIN, MARGIN + 18), step, size=_TITLE, anchor="rs")
    return image


def _draw_chart(width: int, steps: Sequence[int], shares: NDArray[np.float64], now: int) -> Image.Image:
    """The curves up to snapshot `now` under their names; shares: (snapshots, T)."""
    timesteps = shares.shape[1]
    colours = [*(_CURVES[i % len(_CURVES)] for i in range(timesteps - 1)), TRAINED]
    names = [f"timestep {i + 1}: " for i in range(timesteps)]
    names[-1] = f"timestep {timesteps} (trained on): "
    left, right = MARGIN + text_width("100%") + 8, width - MARGIN
    places, rows = flow([text_width(name + "100.0%") + 20 for name in names], left, right)
    top = 2 * TEXT + 14 + rows * (TEXT + 6)
    image = Image.new("RGB", (width, top + _CHART_HEIGHT + 2 * TEXT + MARGIN), PAPER)
    draw = ImageDraw.Draw(image)
    write(image, (left, TEXT), "cells that are right", anchor="ls")
    for name, colour, (x, row), share in zip(names, colours, places, shares[now], strict=True):
        line = 2 * TEXT + 12 + row * (TEXT + 6)
        draw.rectangle((x, line - 6, x + 13, line - 3), fill=colour)
        write(image, (x + 20, line), name + percent(float(share)), colour=FAINT, anchor="ls")
    lowest = min(9, int(shares.min() * 10))  # tenths
    heights = (1 - shares) / (1 - lowest / 10)
    for tick in range(lowest, 11):
        y = top + round(_CHART_HEIGHT * (10 - tick) / (10 - lowest))
        draw.line((left, y, right, y), fill=GRID if tick < 10 else FRAME)
        if lowest >= 5 or tick % 5 == 0:
            write(image, (left - 8, y), f"{10 * tick}%", size=TEXT - 2, colour=FAINT, anchor="rm")
    across = (np.array(steps) - steps[0]) / max(1, steps[-1] - steps[0])
    box = (left - _DOT, top - _DOT, right + _DOT + 1, top + _CHART_HEIGHT + _DOT + 1)
    image.paste(_draw_curves(image.crop(box), across[: now + 1], heights[: now + 1], colours), box[:2])
    bottom = top + _CHART_HEIGHT + TEXT + 6
    write(image, (left, bottom), f"step {steps[0]:,}", size=TEXT - 2, colour=FAINT, anchor="ls")
    if len(steps) > 1:
        write(image, (right, bottom), f"step {steps[-1]:,}", size=TEXT - 2, colour=FAINT, anchor="rs")
    return image


def _draw_curves(
    ground: Image.Image, across: NDArray[np.float64], down: NDArray[np.float64], colours: Sequence[Colour]
) -> Image.Image:
    """Curves through (across[k], down[k, i]) in 0..1, with a dot at the last; drawn large and made small, so smooth."""
    large = ground.resize((_FINER * ground.width, _FINER * ground.height), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(large)
    corner, radius = _FINER * _DOT + _FINER // 2, _FINER * _DOT
    wide, high = (_FINER * (side - 2 * _DOT - 1) for side in ground.size)
    for i in reversed(range(len(colours))):  # the first timestep on top
        points = [(corner + wide * x, corner + high * y) for x, y in zip(across, down[:, i], strict=True)]
        draw.line(points, fill=colours[i], width=2 * _FINER, joint="curve")
        x, y = points[-1]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colours[i])
    return large.reduce(_FINER)
