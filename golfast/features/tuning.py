"""Pictures of what units stand for: how active each is for every value of a quantity, beside the input it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from golfast.features.concepts import Tuning
from golfast.run.pictures import FAINT, FRAME, GRID, INK, MARGIN, PAPER, TEXT, Colour, stack, text_width, wrap, write

CURVES: tuple[Colour, ...] = ((27, 38, 51), (213, 94, 0), (0, 158, 115), (0, 114, 178))
_CHART = (330, 150)
_TITLE = 19
_GAP = 16


@dataclass(frozen=True)
class TuningCard:
    """One unit: what it is called, in words what it stands for, pictures with captions, and its curves."""

    name: str
    words: str
    unit: int
    pictures: Sequence[tuple[str, Image.Image]]
    curves: Sequence[tuple[str, Tuning]]


def draw_tunings(cards: Sequence[TuningCard], *, title: str, text: str, quantity: str) -> Image.Image:
    """Cards one below the other under a title and a text; `quantity` names what the curves run over.

    A curve is the mean activation, with a bar of one standard deviation each way. ValueError for no cards.
    """
    if not cards:
        raise ValueError("no tuning to draw")
    drawn = [_card(card, quantity) for card in cards]
    width = max(max(card.width for card in drawn) + 2 * MARGIN, 2 * MARGIN + text_width(title, _TITLE))
    lines = wrap(text, width - 2 * MARGIN)
    head = Image.new("RGB", (width, MARGIN + _TITLE + 14 + (TEXT + 6) * len(lines)), PAPER)
    write(head, (MARGIN, MARGIN), title, size=_TITLE)
    for k, line in enumerate(lines):
        write(head, (MARGIN, MARGIN + _TITLE + 12 + (TEXT + 6) * k), line, colour=FAINT)
    body = [head]
    for card in drawn:
        page = Image.new("RGB", (width, card.height + _GAP), PAPER)
        ImageDraw.Draw(page).line((MARGIN, 8, width - MARGIN, 8), fill=GRID)
        page.paste(card, (MARGIN, _GAP))
        body.append(page)
    return stack(body)


def _card(card: TuningCard, quantity: str) -> Image.Image:
    chart = _chart(card, quantity)
    top = 2 * TEXT + 16
    pictures_width = sum(max(picture.width, text_width(caption)) + _GAP for caption, picture in card.pictures)
    tall = max([chart.height, *(picture.height + TEXT + 8 for _, picture in card.pictures)])
    width = max(pictures_width + chart.width, text_width(card.words), text_width(card.name))
    image = Image.new("RGB", (width, top + tall), PAPER)
    write(image, (0, TEXT), card.name, anchor="ls")
    write(image, (0, 2 * TEXT + 6), card.words, colour=FAINT, anchor="ls")
    x = 0
    for caption, picture in card.pictures:
        slot = max(picture.width, text_width(caption))
        write(image, (x + slot // 2, top), caption, colour=FAINT, anchor="mt")
        image.paste(picture, (x + (slot - picture.width) // 2, top + TEXT + 8))
        x += slot + _GAP
    image.paste(chart, (x, top))
    return image


def _chart(card: TuningCard, quantity: str) -> Image.Image:
    width, height = _CHART
    left, top, bottom = 46, TEXT + 10, 2 * TEXT + 10
    image = Image.new("RGB", (left + width + 10, top + height + bottom), PAPER)
    draw = ImageDraw.Draw(image)
    ends = [
        tuning.mean[card.unit] + sign * tuning.deviation[card.unit] for _, tuning in card.curves for sign in (-1, 1)
    ]
    low, high = min(0.0, *(float(end.min()) for end in ends)), max(0.0, *(float(end.max()) for end in ends))
    span = (high - low) or 1.0
    values = sorted({value for _, tuning in card.curves for value in tuning.values})
    first, last = values[0], max(values[-1], values[0] + 1)

    def place(value: float, activation: float) -> tuple[float, float]:
        across = left + 12 + (value - first) / (last - first) * (width - 24)
        return across, top + (high - activation) / span * height

    for activation in (low, 0.0, high):
        y = place(first, activation)[1]
        draw.line((left, y, left + width, y), fill=FRAME if activation == 0 else GRID)
        if activation == 0 or abs(activation) > 0.12 * span:
            write(image, (left - 6, round(y)), f"{activation:.2g}", size=TEXT - 2, colour=FAINT, anchor="rm")
    for value in values:
        write(image, (round(place(value, low)[0]), top + height + 5), str(value), size=TEXT - 1, anchor="mt")
    write(image, (left + width // 2, top + height + TEXT + 8), quantity, size=TEXT - 1, colour=FAINT, anchor="mt")
    x = left + 6
    for k, (name, tuning) in enumerate(card.curves):
        colour = CURVES[k % len(CURVES)]
        mean, deviation = tuning.mean[card.unit], tuning.deviation[card.unit]
        points = [place(value, float(mean[j])) for j, value in enumerate(tuning.values)]
        draw.line(points, fill=colour, width=2, joint="curve")
        for j, value in enumerate(tuning.values):
            across, y = points[j]
            draw.line(
                (
                    across,
                    place(value, float(mean[j] - deviation[j]))[1],
                    across,
                    place(value, float(mean[j] + deviation[j]))[1],
                ),
                fill=colour,
            )
            draw.ellipse((across - 3, y - 3, across + 3, y + 3), fill=colour)
        draw.rectangle((x, 6, x + 12, 9), fill=colour)
        write(image, (x + 18, TEXT), name, size=TEXT - 1, colour=INK, anchor="ls")
        x += 18 + text_width(name, TEXT - 1) + _GAP
    return image


def best_match(correlation: np.ndarray, concept: int) -> tuple[int, float]:
    """The unit of correlations (U, K) that goes with a concept most, up or down, and its correlation."""
    unit = int(np.abs(correlation[:, concept]).argmax())
    return unit, float(correlation[unit, concept])
