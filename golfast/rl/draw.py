"""Learning as a curve, and a game as an animation with what the agent thinks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from golfast.rl.play import Episode, Moment
from golfast.run.pictures import FAINT, FRAME, GRID, INK, MARGIN, PAPER, TEXT, Colour, text_width, write

_BLUE: Colour = (0, 114, 178)
_ORANGE: Colour = (213, 94, 0)
_WIDTH, _HEIGHT, _LOWER = 720, 260, 110
_TITLE = 19
_FINER = 4
_MOST_FRAMES = 150
_GAME = 300  # pixels that the longer side of a game takes, about


def draw_curve(records: Sequence[dict[str, Any]], *, title: str) -> Image.Image:
    """Return (the mean score of the last 100 games of training) and entropy against steps, from metrics.jsonl.

    How long it took is not told here: that is the machine's, and what else it did, and stands with it in the result.
    ValueError if no game had ended.
    """
    scored = [record for record in records if record["return"] is not None]
    if not scored:
        raise ValueError("there is no learning curve to draw: no game has ended yet")
    steps = np.array([record["step"] for record in scored], float)
    image = Image.new("RGB", (_WIDTH, _HEIGHT + _LOWER + 7 * MARGIN + 60), PAPER)
    write(image, (MARGIN, MARGIN), title, size=_TITLE)
    write(image, (_WIDTH - MARGIN, MARGIN + 4), f"{scored[-1]['step']:,} steps", colour=FAINT, anchor="rt")
    top = MARGIN + 50
    write(image, (MARGIN, top), "return: mean score of the last 100 games of training", colour=_BLUE)
    _panel(image, top + 24, _HEIGHT, steps, np.array([record["return"] for record in scored]), _BLUE)
    top += 24 + _HEIGHT + 2 * MARGIN
    write(image, (MARGIN, top), "entropy of the policy, in nats", colour=_ORANGE)
    _panel(image, top + 24, _LOWER, steps, np.array([record["entropy"] for record in scored]), _ORANGE)
    bottom = top + 24 + _LOWER + 8
    write(image, (_left(), bottom), "step 0", colour=FAINT, size=TEXT - 1)
    write(image, (_WIDTH - MARGIN, bottom), f"step {int(steps[-1]):,}", colour=FAINT, size=TEXT - 1, anchor="rt")
    return image


def kept_records(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The learning curve in a file of `golfast rl evaluate --save`, as records for `draw_curve`."""
    curve = result["curve"]
    return [dict(zip(curve, point, strict=True)) for point in zip(*curve.values(), strict=True)]


def _left() -> int:
    return MARGIN + text_width("0,000.0") + 8


def _panel(
    image: Image.Image, top: int, height: int, steps: np.ndarray[Any, Any], values: np.ndarray[Any, Any], colour: Colour
) -> None:
    """One curve in a frame with round numbers beside it."""
    draw, left, right = ImageDraw.Draw(image), _left(), _WIDTH - MARGIN
    low, high = min(0.0, float(values.min())), max(float(values.max()), 1e-9)
    tick = _round(high - low)
    high = tick * np.ceil(high / tick - 1e-9)
    low = tick * np.floor(low / tick + 1e-9)
    for k in range(round((high - low) / tick) + 1):
        y = top + height - round(height * k * tick / (high - low))
        draw.line((left, y, right, y), fill=FRAME if k == 0 else GRID)
        value = low + k * tick
        text = f"{value:,.0f}" if tick >= 1 else f"{value:.2g}"
        write(image, (left - 8, y), text, colour=FAINT, size=TEXT - 1, anchor="rm")
    # Drawn large and made small, so that it is smooth.
    panel = image.crop((left, top, right + 1, top + height + 1))
    large = panel.resize((_FINER * panel.width, _FINER * panel.height), Image.Resampling.NEAREST)
    x = steps / steps[-1] * (large.width - 1)
    y = (high - values) / (high - low) * (large.height - 1)
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    if len(points) > 1:
        ImageDraw.Draw(large).line(points, fill=colour, width=2 * _FINER, joint="curve")
    else:
        ImageDraw.Draw(large).circle(points[0], 3 * _FINER, fill=colour)
    image.paste(large.reduce(_FINER), (left, top))


def _round(span: float) -> float:
    """A round distance of ticks, of which about five fit into the span."""
    raw = span / 5
    size = 10.0 ** np.floor(np.log10(raw))
    return float(next(step for step in (1, 2, 5, 10) if step * size >= raw * 0.999) * size)


def draw_episode(episode: Episode, *, title: str) -> list[Image.Image]:
    """A game frame by frame beside its score, the value of the state and the chance of each action.

    Long games are shown in at most 150 frames, of steps that follow each other: the first ones. Returns RGB frames of
    one size for `golfast.run.pictures.save_gif`.
    """
    moments = episode.moments[:_MOST_FRAMES]
    if not moments:
        raise ValueError("an episode of no steps cannot be drawn")
    values = [moment.value for moment in moments]
    span = min(0.0, *values), max(*values, 1e-6)
    return [_frame(moment, k, episode, span, title) for k, moment in enumerate(moments)]


def _frame(moment: Moment, step: int, episode: Episode, span: tuple[float, float], title: str) -> Image.Image:
    game = Image.fromarray(moment.picture)
    scale = max(1, round(_GAME / max(game.size)))
    if scale > 1:
        game = game.resize((scale * game.width, scale * game.height), Image.Resampling.NEAREST)
    names = [*episode.meanings]
    side = max(max(text_width(name) for name in names) + 160, 240)
    top = MARGIN + 36
    height = max(top + game.height, top + 96 + 24 * len(names)) + MARGIN
    image = Image.new(
        "RGB", (max(game.width + side + 3 * MARGIN, text_width(title, _TITLE) + 2 * MARGIN), height), PAPER
    )
    write(image, (MARGIN, MARGIN), title, size=_TITLE)
    image.paste(game, (MARGIN, top))
    draw, left = ImageDraw.Draw(image), game.width + 2 * MARGIN
    write(image, (left, top), f"step {step}")
    write(image, (left, top + 22), f"score {moment.score:g}")
    write(image, (left, top + 44), f"value {moment.value:.2f}")
    share = (moment.value - span[0]) / (span[1] - span[0])
    draw.rectangle((left, top + 64, left + round(share * (side - MARGIN)), top + 70), fill=_BLUE)
    for k, name in enumerate(names):
        y = top + 92 + 24 * k
        chosen = k == moment.action
        write(image, (left, y), name, colour=INK if chosen else FAINT)
        bar = left + max(text_width(other) for other in names) + 12
        width = round(float(moment.chances[k]) * 80)
        draw.rectangle((bar, y + 2, bar + width, y + 12), fill=_ORANGE if chosen else FRAME)
        write(image, (bar + width + 6, y), f"{moment.chances[k]:.0%}", colour=FAINT)
    return image
