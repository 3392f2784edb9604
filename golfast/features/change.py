"""What training changed: the units of one layer before and after, side by side."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw

from golfast.features.looks import Look, view_of
from golfast.features.parametrise import Space
from golfast.features.sheet import columns_of, histogram, label_of, mark_of
from golfast.features.study import Study, World
from golfast.run.pictures import FAINT, GRID, MARGIN, PAPER, TEXT, stack, text_width, wrap, write

_TITLE = 19
_GAP = 10


def selectivity(study: Study) -> torch.Tensor:
    """How far above its mean a unit's 99.9th percentile of real inputs is, in standard deviations, (U,); 0 if dead."""
    index = list(study.units)
    values = study.activity.values[:, index]
    far = (study.activity.percentile[index] - values.mean(0)) / study.activity.spread[index]
    return torch.where(study.dead, torch.zeros_like(far), far)


def change_figures(before: Study, after: Study, space: Space) -> dict[str, Any]:
    """Both studies in a few plain values: dead units, selectivity, how large the plainest inputs are, how alike.

    "needed_cells": in how many places these are not `Space.empty`, on average.
    """
    empty = space.empty.expand(space.shape).flatten()
    plain = [study.plain.flatten(1).float() for study in (before, after)]
    standard = [part - part.mean(1, keepdim=True) for part in plain]
    alike = torch.cosine_similarity(standard[0], standard[1], dim=1)
    both = ~(before.dead | after.dead)
    return {
        "layer": after.layer.address,
        "dead": [before.figures()["dead"], after.figures()["dead"]],
        "reached": [before.figures()["reached"], after.figures()["reached"]],
        "selectivity": [round(float(selectivity(study).mean()), 3) for study in (before, after)],
        "needed_cells": [round(float((part != empty).float().sum(1).mean()), 2) for part in plain],
        "inputs_correlate": round(float(alike[both].mean()), 4) if bool(both.any()) else None,
    }


def draw_change(
    before: Study,
    after: Study,
    world: World,
    look: Look,
    *,
    title: str,
    names: Sequence[str] = (),
    side: int = 84,
) -> Image.Image:
    """A card per unit: its best and plainest legal inputs and its histogram, before training and after.

    names: what the layer's units are called, as in `draw_sheet`. ValueError if the two are not of the same units of the
    same layer.
    """
    if before.layer != after.layer or before.units != after.units:
        raise ValueError("before and after must be studies of the same units of the same layer")
    cards = [_card(before, after, world, look, k, names, side) for k in range(len(after.units))]
    width, height = cards[0].width, cards[0].height
    columns = columns_of(len(cards), width + 2 * _GAP)
    rows = -(-len(cards) // columns)
    page = Image.new("RGB", (2 * MARGIN + columns * (width + 2 * _GAP) - 2 * _GAP, rows * (height + _GAP)), PAPER)
    for k, card in enumerate(cards):
        page.paste(card, (MARGIN + k // rows * (width + 2 * _GAP), k % rows * (height + _GAP)))
    figures = change_figures(before, after, world.space)
    text = (
        "Each card, before training | after training: the legal input that excites the unit most; the same with all "
        "taken away that is not needed to reach the 99.9th percentile of real inputs; how active the unit is on real "
        "inputs (purple: that percentile, red: the input found). Selectivity, how far that is above the mean: "
        f"{figures['selectivity'][0]:.1f} standard deviations before, {figures['selectivity'][1]:.1f} after. "
        f"Dead units, which put out the same whatever real input they see: {len(figures['dead'][0])} before, "
        f"{len(figures['dead'][1])} after."
    )
    wide = max(page.width, 2 * MARGIN + text_width(title, _TITLE))
    lines = wrap(text, wide - 2 * MARGIN)
    head = Image.new("RGB", (wide, MARGIN + _TITLE + 20 + (TEXT + 6) * len(lines)), PAPER)
    write(head, (MARGIN, MARGIN), title, size=_TITLE)
    for k, line in enumerate(lines):
        write(head, (MARGIN, MARGIN + _TITLE + 12 + (TEXT + 6) * k), line, colour=FAINT)
    return stack([head, page])


def _card(
    before: Study, after: Study, world: World, look: Look, k: int, names: Sequence[str], side: int
) -> Image.Image:
    halves = []
    for study, when in ((before, "before"), (after, "after")):
        view = view_of(study.matters, world.space.shape, mark_of(study, world))
        parts = [look.draw(picture, side=side, view=view) for picture in (study.best[k], study.plain[k])]
        parts.append(histogram(study, k))
        width = sum(part.width for part in parts) + _GAP * (len(parts) - 1)
        half = Image.new("RGB", (width, TEXT + 8 + max(part.height for part in parts)), PAPER)
        words = f"{label_of(after.units[k], names)} {when}" + (", dead" if bool(study.dead[k]) else "")
        write(half, (0, TEXT + 3), words, anchor="ls")
        x = 0
        for part in parts:
            half.paste(part, (x, TEXT + 8))
            x += part.width + _GAP
        halves.append(half)
    width = sum(half.width for half in halves) + 2 * _GAP
    image = Image.new("RGB", (width, max(half.height for half in halves) + 4), PAPER)
    draw = ImageDraw.Draw(image)
    draw.line((0, 0, width, 0), fill=GRID)
    image.paste(halves[0], (0, 2))
    middle = halves[0].width + _GAP
    draw.line((middle, 6, middle, image.height - 6), fill=GRID, width=2)
    image.paste(halves[1], (middle + _GAP, 2))
    return image
