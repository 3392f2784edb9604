"""What in an input a score hangs on, and a played episode with that laid over it.

Saliency is the size of the gradient (Simonyan, Vedaldi & Zisserman 2014) times the range of each value, averaged over
copies with a little noise (SmoothGrad, Smilkov et al. 2017). On a board it says little: it is as large in empty cells,
where a gradient is, but nothing to look at. There a cell is emptied and the score asked again (occlusion, Zeiler &
Fergus 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from golfast.features.layers import Probe
from golfast.features.looks import BoardLook, ColourLook, FramesLook, Look, NumbersLook, PlanesLook
from golfast.features.objectives import Objective, logit, value
from golfast.features.parametrise import Space
from golfast.run.pictures import DEAD, FAINT, FRAME, GRID, INK, MARGIN, PAPER, TEXT, Colour, text_width, wrap, write

_HEAT: Colour = (230, 30, 30)
_LINE: Colour = (0, 114, 178)
_CHOSEN: Colour = (213, 94, 0)
_TITLE = 19
_GAP = 20
_CURVE = 84
_LEVELS = 6
_HOTTEST = 0.998  # the share of places that are cooler than full red
_SAMPLED = 10_000_000  # values that a quantile can be taken of
_BARS = 150


def saliency(
    probe: Probe,
    objective: Objective,
    inputs: Tensor,
    space: Space,
    *,
    copies: int = 8,
    noise: float = 0.1,
    seed: int = 0,
) -> Tensor:
    """How much the score of each input (B, *shape) hangs on each of its values: (B, *shape), in units of score.

    noise: its standard deviation, as a share of the range; 0 is the plain gradient. ValueError for less than one copy.
    """
    if copies < 1:
        raise ValueError(f"copies is {copies}; it must be 1 or more")
    generator = torch.Generator().manual_seed(seed)
    width = (space.high - space.low).expand(space.shape)
    total = torch.zeros_like(inputs, dtype=torch.float32)
    for _ in range(copies):
        shaken = torch.randn(inputs.shape, generator=generator).to(inputs.device) * noise * width
        leaf = (inputs.float() + shaken).requires_grad_()
        score = objective.score(probe.read(leaf, objective.layers))
        (gradient,) = torch.autograd.grad(score.sum(), [leaf])
        total += gradient.abs() * width
    return total / copies


def occlusion(probe: Probe, objective: Objective, inputs: Tensor, space: Space) -> Tensor:
    """How much each input's score changes if all channels of a cell take their least: (B, C, H, W) to (B, 1, H, W)."""
    low = space.low.expand(space.shape)
    there = (inputs > low).any(1)
    changed = torch.zeros(there.shape, dtype=torch.float32, device=inputs.device)

    def score(seen: Tensor) -> Tensor:
        with torch.inference_mode():
            return objective.score(probe.read(seen, objective.layers))

    whole = score(inputs.float())
    for y, x in torch.nonzero(there.any(0)).tolist():
        emptied = inputs.float().clone()
        emptied[:, :, y, x] = low[:, y, x]
        changed[:, y, x] = (score(emptied) - whole).abs()
    return changed[:, None]


@dataclass(frozen=True)
class Played:
    """An episode as the agent saw it: T steps of A actions."""

    inputs: Tensor
    """(T, *shape)."""
    chances: NDArray[np.float32]
    """Of each action, (T, A)."""
    values: NDArray[np.float32]
    """What the critic expected, (T,)."""
    actions: NDArray[np.int64]
    """What was done, (T,)."""
    scores: NDArray[np.float32]
    """The score so far, (T,)."""
    names: Sequence[str]
    """Of the actions."""


def draw_played(
    probe: Probe,
    played: Played,
    space: Space,
    look: Look,
    *,
    policy: str,
    critic: str,
    title: str,
    side: int = 220,
) -> list[Image.Image]:
    """A frame per step for `golfast.run.pictures.save_gif`: what value and choice hang on, chances, the value's curve.

    policy, critic: the layers that put out logits (B, A) and values (B, 1). Boards are shown with `occlusion`, all else
    with `saliency`. Full red is what the 0.2% hottest places of the episode reach. ValueError for one of no steps.
    """
    if len(played.inputs) == 0:
        raise ValueError("an episode of no steps cannot be drawn")
    chosen = torch.from_numpy(played.actions).to(played.inputs.device)
    board = isinstance(look, BoardLook | PlanesLook)
    heats = [
        (occlusion if board else saliency)(probe, objective, played.inputs, space)
        for objective in (value(critic), logit(policy, chosen))
    ]
    shares = [
        (heat / torch.quantile(heat.flatten()[:_SAMPLED], _HOTTEST).clamp(min=1e-12)).clamp(max=1) for heat in heats
    ]
    captions = ("what the value hangs on", "what the chosen action hangs on")
    return [
        _frame(played, step, [(caption, share[step]) for caption, share in zip(captions, shares, strict=True)],
               look, title, side)
        for step in range(len(played.inputs))
    ]  # fmt: skip


def _frame(
    played: Played, step: int, heats: Sequence[tuple[str, Tensor]], look: Look, title: str, side: int
) -> Image.Image:
    panels = [("what the agent sees", _seen(played.inputs[step].float(), look, side))]
    panels += [(caption, _heated(played.inputs[step].float(), heat, look, side)) for caption, heat in heats]
    slots = [max(panel.width, text_width(caption)) for caption, panel in panels]
    named = max(text_width(name) for name in played.names)
    width = max(
        2 * MARGIN + sum(slots) + _GAP * len(slots) + named + _BARS + 50, 2 * MARGIN + text_width(title, _TITLE)
    )
    lines = wrap(heat_words(look), width - 2 * MARGIN)
    top = MARGIN + _TITLE + 14 + (TEXT + 6) * (len(lines) + 1)
    tall = max(*(panel.height for _, panel in panels), 46 + 22 * len(played.names))
    image = Image.new("RGB", (width, top + tall + _CURVE + 2 * MARGIN + TEXT), PAPER)
    write(image, (MARGIN, MARGIN), title, size=_TITLE)
    for k, line in enumerate(lines):
        write(image, (MARGIN, MARGIN + _TITLE + 10 + (TEXT + 6) * k), line, colour=FAINT)
    x = MARGIN
    for (caption, panel), slot in zip(panels, slots, strict=True):
        write(image, (x + slot // 2, top - 6), caption, anchor="ms")
        image.paste(panel, (x + (slot - panel.width) // 2, top))
        x += slot + _GAP
    write(image, (x, top), f"step {step}   score {played.scores[step]:g}")
    draw = ImageDraw.Draw(image)
    for k, name in enumerate(played.names):
        y = top + 34 + 22 * k
        done = k == played.actions[step]
        write(image, (x, y), name, colour=INK if done else FAINT)
        bar = x + named + 10
        draw.rectangle((bar, y + 1, bar + _BARS - 40, y + 12), fill=DEAD)
        share = float(played.chances[step, k])
        draw.rectangle((bar, y + 1, bar + round(share * (_BARS - 40)), y + 12), fill=_CHOSEN if done else FRAME)
        write(image, (bar + _BARS - 34, y), f"{share:.0%}", colour=FAINT)
    _draw_curve(image, played, step, (MARGIN, top + tall + MARGIN, width - MARGIN))
    return image


def heat_words(look: Look) -> str:
    """What the colour of heat means in a look."""
    if isinstance(look, BoardLook | PlanesLook):
        return "Red: how much the value, or the action's logit, would change if this cell were empty."
    what = "the score changes with this {} (SmoothGrad: the mean size of the gradient under noise)."
    if isinstance(look, FramesLook | ColourLook):
        return f"Red: how much {what.format('place')}"
    return f"Orange bars: how much {what.format('number')}"


def _draw_curve(image: Image.Image, played: Played, step: int, place: tuple[int, int, int]) -> None:
    """The value over the whole episode, drawn up to now."""
    left, top, right = place
    draw = ImageDraw.Draw(image)
    low, high = min(0.0, float(played.values.min())), max(float(played.values.max()), 1e-6)
    write(image, (left, top), f"value, what the critic expects from here on: {played.values[step]:.2f}", colour=_LINE)
    top += TEXT + 8
    bottom = top + _CURVE - TEXT
    for edge, y in ((high, top), (low, bottom)):
        draw.line((left, y, right, y), fill=GRID)
        write(image, (right, y - 2), f"{edge:.3g}", size=TEXT - 2, colour=FAINT, anchor="rs")
    last = max(1, len(played.values) - 1)
    points: list[tuple[float, float]] = [
        (left + k / last * (right - left), bottom - (float(v) - low) / (high - low) * (bottom - top))
        for k, v in enumerate(played.values[: step + 1])
    ]
    if len(points) > 1:
        draw.line(points, fill=_LINE, width=2)
    across, down = points[-1]
    draw.ellipse((across - 4, down - 4, across + 4, down + 4), fill=_LINE)


def _seen(inputs: Tensor, look: Look, side: int) -> Image.Image:
    newest = inputs[-1:] if isinstance(look, FramesLook) else inputs
    return look.draw(newest, side=side, view=None)


def _heated(inputs: Tensor, heat: Tensor, look: Look, side: int) -> Image.Image:
    """The input in grey with heat (shares 0..1) over it; of plain numbers, a bar each."""
    if heat.dim() == 1:
        names = look.names if isinstance(look, NumbersLook) else [str(k) for k in range(len(heat))]
        return NumbersLook(names, [-1.0] * len(heat), [1.0] * len(heat)).draw(heat, side=side, view=None)
    picture = _seen(inputs, look, side).convert("L").convert("RGB")
    level = (heat.amax(0) * _LEVELS).round() / _LEVELS  # few colours, which a GIF can hold
    over = Image.fromarray((level * 255).byte().cpu().numpy())
    mask = over.resize((picture.width - 2, picture.height - 2), Image.Resampling.NEAREST)
    faded = Image.blend(picture, Image.new("RGB", picture.size, PAPER), 0.35)
    faded.paste(Image.new("RGB", mask.size, _HEAT), (1, 1), mask)
    return faded
