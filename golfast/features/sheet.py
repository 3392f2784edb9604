"""The sheet of a layer: for each unit the input that excites it most, the strongest real ones, and all it does."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from golfast.features.looks import MARK, UNSEEN, Look, View, view_of
from golfast.features.study import FAR, Study, World
from golfast.run.pictures import (
    FAINT,
    FRAME,
    GRID,
    INK,
    MARGIN,
    PAPER,
    TEXT,
    Colour,
    flow,
    stack,
    text_width,
    wrap,
    write,
)

REACHED: Colour = (213, 48, 48)
BAR: Colour = (120, 60, 170)
_MADE, _REAL = 3, 3  # pictures of a card: found by optimisation, and real
_NAMES = ("from noise", "best legal", "only needed", "strongest real inputs")
_TITLE = 19
_HEADING = 18
_SMALL = 11
_GAP = 10
_HISTOGRAM = (190, 66)
_BINS = 60
_EMPTY = 820  # pixels of a sheet without cards
_WIDEST, _WIDER = 1900, 3300  # pixels; the latter for many units


def draw_sheet(
    study: Study, world: World, look: Look, *, title: str, names: Sequence[str] = (), side: int = 84
) -> Image.Image:
    """The sheet of a studied layer, a card for each unit that is alive; a sheet of dead units says that they are.

    names: what the layer's units are called, all of them, such as the actions of a policy; none have numbers only.
    side: pixels of an input's picture, about.
    """
    view = view_of(study.matters, world.space.shape, mark_of(study, world))
    strongest = study.activity.strongest(_REAL)
    cards = [
        _card(study, world, look, view, k, label_of(unit, names), strongest[unit].tolist(), side)
        for k, unit in enumerate(study.units)
        if not bool(study.dead[k])
    ]
    if not cards:
        return _header(study, look, view, title, _EMPTY)
    width, height = cards[0].width, max(card.height for card in cards)
    columns = columns_of(len(cards), width + 2 * _GAP)
    rows = -(-len(cards) // columns)
    # Down the columns, so that numbers run as they are read in a list.
    page = Image.new(
        "RGB", (2 * MARGIN + columns * (width + 2 * _GAP) - 2 * _GAP, _HEADING + rows * (height + _GAP)), PAPER
    )
    for k, card in enumerate(cards):
        left = MARGIN + k // rows * (width + 2 * _GAP)
        page.paste(card, (left, _HEADING + k % rows * (height + _GAP)))
        if k % rows == 0:
            _headings(page, left, look.draw(study.best[0], side=side, view=view).width, width)
    return stack([_header(study, look, view, title, page.width), page])


def label_of(unit: int, names: Sequence[str] = ()) -> str:
    """A unit's number, and its name if the layer's units have any."""
    return f"unit {unit}" + (f", {names[unit]}" if names else "")


def _headings(page: Image.Image, left: int, panel: int, width: int) -> None:
    """What stands below each other, over a column of cards that begins at `left`."""
    for k, words in enumerate(_NAMES):
        x = left + k * (panel + _GAP) + (_GAP if k == _MADE else 0)
        write(page, (x, _HEADING - 4), words, size=_SMALL, anchor="ls")
    write(page, (left + width - _HISTOGRAM[0], _HEADING - 4), "all real inputs", size=_SMALL, anchor="ls")


def columns_of(cards: int, width: int) -> int:
    """In how many columns so many cards of this width stand."""
    return max(1, min((_WIDEST if cards <= 48 else _WIDER) // width, -(-cards // 4)))


def histogram(study: Study, k: int) -> Image.Image:
    """How often the unit of row k is how active on real inputs, with its percentile and the value of the best input."""
    values = study.activity.values[:, study.units[k]].double().cpu().numpy()
    best, bar = float(study.score[k]), float(study.bar[k])
    low, high = min(values.min(), best), max(values.max(), best)
    # Of an input far beyond real ones only the direction is shown, or those would be a line.
    if beyond := bool(study.beyond[k]):
        high = low + 1.5 * (float(values.max()) - low)
    span = (high - low) or 1.0
    low, high = low - 0.03 * span, high + 0.03 * span
    counts, _ = np.histogram(values, bins=_BINS, range=(low, high))
    width, height = _HISTOGRAM
    image = Image.new("RGB", (width, height + 16), PAPER)
    draw = ImageDraw.Draw(image)
    # Heights go with the logarithm: the rare strong inputs are what this is about.
    heights = np.log1p(counts) / np.log1p(counts.max())
    for k_bin, share in enumerate(heights):
        left = k_bin * width // _BINS
        top = height - round(share * (height - 6))
        if top < height:
            draw.rectangle((left, top, (k_bin + 1) * width // _BINS - 1, height - 1), fill=FRAME)
    draw.line((0, height, width, height), fill=FAINT)

    def across(value: float) -> int:
        return min(width - 2, max(1, round(float((value - low) / (high - low)) * width)))

    if low < 0 < high:
        draw.line((across(0), height, across(0), height + 4), fill=FAINT)
        write(image, (max(4, across(0)), height + 5), "0", size=_SMALL - 1, colour=FAINT, anchor="mt")
    draw.line((across(bar), 4, across(bar), height), fill=BAR, width=2)
    if beyond:
        middle = height // 2
        draw.line((width - 24, middle, width - 4, middle), fill=REACHED, width=2)
        draw.polygon([(width - 8, middle - 5), (width - 2, middle), (width - 8, middle + 5)], fill=REACHED)
        write(
            image,
            (width - 2, middle - 9),
            f"{best:,.0f}" if abs(best) >= 1000 else f"{best:.3g}",
            size=_SMALL,
            colour=REACHED,
            anchor="rs",
        )
    else:
        draw.line((across(best), 0, across(best), height), fill=REACHED, width=2)
    return image


def _card(
    study: Study, world: World, look: Look, view: View | None, k: int, label: str, real: Sequence[int], side: int
) -> Image.Image:
    unit = study.units[k]
    pictures = [
        study.optimised.raw[k],
        study.best[k],
        study.plain[k],
        *(world.examples[i].float() for i in real),
    ]
    drawn = [look.draw(picture, side=side, view=view) for picture in pictures]
    chart = histogram(study, k)
    top = TEXT + 8
    tall = max(chart.height, *(panel.height for panel in drawn))
    width = sum(panel.width for panel in drawn) + _GAP * len(drawn) + 2 * _GAP + chart.width
    image = Image.new("RGB", (width, top + tall + 4), PAPER)
    draw = ImageDraw.Draw(image)
    draw.line((0, 0, width, 0), fill=GRID)
    write(image, (0, TEXT + 3), label, anchor="ls")
    bar = f"{float(study.bar[k]):.3g}"
    words = f"reaches {float(study.score[k]):.3g}{', far beyond real inputs' if study.beyond[k] else ''}; "
    if study.rare[k]:
        words += f"under 0.1% of real inputs excite it, to {bar} at most"
    else:
        words += f"99.9% of real inputs stay below {bar}"
    words += "; real inputs never bring it above 0" if study.activity.silent[unit] else ""
    words += "; found from a real input" if study.from_real[k] else ""
    write(image, (text_width(label) + 10, TEXT + 3), words, size=_SMALL + 1, colour=FAINT, anchor="ls")
    x = 0
    for index, panel in enumerate(drawn):
        image.paste(panel, (x, top))
        x += panel.width + _GAP * (2 if index == _MADE - 1 else 1)
    image.paste(chart, (width - chart.width, top))
    return image


def _header(study: Study, look: Look, view: View | None, title: str, width: int) -> Image.Image:
    figures = study.figures()
    live, of, above = figures["live"], figures["units"], figures["above_every_real_input"]
    place = f", in place {', '.join(map(str, study.activity.at))}" if study.activity.at else ""
    dead, rare = (", ".join(map(str, figures[kind])) for kind in ("dead", "rare"))
    lines = [
        "Each card, left to right: what gradient ascent makes of noise · the most exciting legal input found from "
        "there · the same with all taken away that is not needed to reach the 99.9th percentile · the "
        f"{_REAL} of {study.activity.count:,} real inputs that excite the unit most · how active it is on all of them.",
        f"Layer {study.layer.address}{place}: {of} unit{'' if of == 1 else 's'}, "
        + (f"dead: {dead}" if dead else "none dead")
        + " (a dead unit puts out the same whatever real input it sees"
        + (" and is left out" if dead else "")
        + "). "
        f"The legal input excites {figures['reached']} of the {live} that are alive at least as much as 99.9% of real "
        f"inputs do ({figures['reached_from_noise']} starting from noise), and {above or 'none'} of them "
        "more than any real input does"
        + ("" if above else " (where real inputs already hold every case of what a unit sees, no input can)")
        + "."
        + (f" Rare: {rare}; these must be excited as much as by the strongest real input." if rare else ""),
    ]
    if beyond := figures["far_beyond_real_inputs"]:
        lines.append(
            f"{beyond} of them {'is' if beyond == 1 else 'are'} driven more than {FAR:g} times as far from usual as by "
            "any real input. Their first two pictures say what can be done to the network, and little of what it sees: "
            "look at the third, and at the real inputs."
        )
    if not live:
        lines = [f"Layer {study.layer.address}{place}: {'the unit is' if of == 1 else f'all {of} units are'} dead. "
                 f"The same comes out whatever of {study.activity.count:,} real inputs goes in, so there is nothing to "
                 "draw."]  # fmt: skip
    entries: list[tuple[Colour, str]] = [
        *look.legend,
        *([(UNSEEN, "cannot change the unit")] if view is not None and not view.matters.all() else []),
        *([(MARK, "the cell the unit sits at")] if view is not None and view.mark is not None else []),
        (FRAME, "histogram of real inputs (heights logarithmic)"),
        (BAR, "their 99.9th percentile"),
        (REACHED, "the legal input found"),
    ]
    entries = entries if live else []
    wrapped = [part for line in lines for part in wrap(line, width - 2 * MARGIN)]
    places, rows = flow([20 + text_width(text) for _, text in entries], MARGIN, width - MARGIN)
    step = TEXT + 6
    top = MARGIN + _TITLE + 12
    height = top + step * (len(wrapped) + rows) + 14
    image = Image.new("RGB", (max(width, 2 * MARGIN + text_width(title, _TITLE)), height), PAPER)
    write(image, (MARGIN, MARGIN), title, size=_TITLE)
    for k, line in enumerate(wrapped):
        write(image, (MARGIN, top + step * k), line, colour=FAINT)
    draw = ImageDraw.Draw(image)
    for (x, row), (colour, text) in zip(places, entries, strict=True):
        y = top + step * (len(wrapped) + row) + 4
        draw.rectangle((x, y, x + 12, y + 12), fill=PAPER if colour == MARK else colour, outline=_outline(colour))
        write(image, (x + 20, y), text, colour=INK)
    return image


def _outline(colour: Colour) -> Colour:
    return MARK if colour == MARK else FRAME


def mark_of(study: Study, world: World) -> tuple[int, int] | None:
    """Where a study's units sit in the input, if layer and input have the same places."""
    at = study.activity.at
    same = study.layer.shape[1:] == world.space.shape[1:] and len(world.space.shape) == 3
    return (at[0], at[1]) if same and at is not None else None
