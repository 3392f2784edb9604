"""Strips: true states above, imagined states below, as in the figures of arXiv 2405.06409."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from golfast.imagine.baselines import baselines
from golfast.imagine.kernels import TAKEN
from golfast.imagine.metric import agreement, interpretability, matched_states, matthews
from golfast.run.arrays import as_array
from golfast.run.pictures import (
    DEAD,
    FAINT,
    INK,
    MARGIN,
    PAPER,
    TEXT,
    Colour,
    draw_board,
    fitting_cell,
    flow,
    paint_cells,
    stack,
    text_width,
    write,
)

MATCHED: Colour = (24, 150, 84)
COMMON: Colour = (222, 158, 30)
UNMATCHED: Colour = (209, 48, 48)
TRAINED: Colour = (140, 149, 160)
WRONGLY_ALIVE: Colour = (231, 76, 46)
WRONGLY_DEAD: Colour = (250, 172, 152)

_THICKNESS = 3
_GAP = 24
_LINE = TEXT + 6
_TITLE = 19
_CAPTIONS = (("true",), ("imagined", "by the", "network"))


class Verdict(NamedTuple):
    """What an imagined state turned out to be."""

    state: int  # the true state, counted from 0, that it is compared with
    words: str
    earns: str
    colour: Colour


def draw_strip(truth: object, imagined: object, *, threshold: float = 0.95, title: str | None = None) -> Image.Image:
    """One sequence: its true states, below them what the network imagined, and what that is worth.

    truth: (m, H, W) 0 or 1, s_1..s_m. imagined: (T, H, W), the decoded outputs of timesteps 1..T, the trained last one
    included; floating (alive where > 0.5) or 0/1. h_i stands under s_{i+1}. A green frame marks a state that matches a
    true intermediate one in at least `threshold` of its cells, a yellow one a match that a dead board or the input
    would be, too, a red one any other, grey the one that was trained; cells that differ from the closest true state are
    tinted. The sequence's metric ("matched") stands on the left, with that of dead boards and of the input copied.

    Returns an RGB image. ValueError as `interpretability` raises it, except that a sequence without intermediate
    states is drawn, its metric undefined.
    """
    return draw_strips([(truth, imagined)], threshold=threshold, title=title)


def draw_strips(
    strips: Sequence[tuple[object, object]],
    *,
    threshold: float = 0.95,
    title: str | None = None,
    captions: Sequence[str] | None = None,
) -> Image.Image:
    """Several strips, pairs of (truth, imagined) as `draw_strip` takes them, one below the other under one title.

    captions: a line above each strip. ValueError as in `draw_strip`, and for no strips or not one caption for each.
    """
    if not strips:
        raise ValueError("no strips to draw")
    if captions is not None and len(captions) != len(strips):
        raise ValueError(f"{len(strips)} strips have {len(captions)} captions; one for each is needed")
    rows = [_draw_rows(truth, imagined, threshold) for truth, imagined in strips]
    width = max(row.width for row in rows)
    parts = []
    if title is not None:
        parts.append(draw_line(title, size=_TITLE))
    for k, row in enumerate(rows):
        if captions is not None:
            parts.append(draw_line(captions[k], size=TEXT + 1))
        parts.append(row)
    parts.append(_draw_legend(width, threshold))
    return stack(parts)


def draw_line(text: str, *, size: int, colour: Colour = INK) -> Image.Image:
    """A line of text with the margins of a strip."""
    image = Image.new("RGB", (2 * MARGIN + text_width(text, size), MARGIN + size + size // 3), PAPER)
    write(image, (MARGIN, MARGIN + size), text, size=size, colour=colour, anchor="ls")
    return image


def judge(truth: object, imagined: object, *, threshold: float = 0.95) -> tuple[list[Verdict], float | None]:
    """What each of the imagined states (T, H, W) is, set beside truth (m, H, W), and the sequence's metric.

    The metric is None where it is undefined: with fewer than 2 timesteps or 3 states.
    """
    h, s = as_array("imagined", imagined)[None], as_array("truth", truth)[None]
    shares = agreement(h, s)[0]
    steps, states = shares.shape
    if steps < 1 or states < 1:
        raise ValueError(f"a strip shows at least one true and one imagined state; got {states} and {steps}")
    between = h[:, :-1]
    if steps > 1 and states > 2:
        partners = matched_states(between, s, threshold=threshold)[0].tolist()
        value: float | None = float(interpretability(between, s, threshold=threshold)[0])
    else:
        partners, value = [None] * (steps - 1), None
    common = _common(s[0], threshold)
    verdicts = [_verdict(shares[i], partner, threshold, common) for i, partner in enumerate(partners)]
    verdicts.append(_verdict_of_trained(shares[-1, -1], states - 1, threshold))
    return verdicts, value


def percent(share: float) -> str:
    """A share of cells to a tenth of a percent, never rounded up to a threshold that it does not meet."""
    return "100%" if share == 1 else f"{np.floor(share * 1000 + 1e-9) / 10:.1f}%"


def _common(truth: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
    """Which of the true states (m, H, W) a dead board or the first state matches, too: (m,)."""
    alive = truth > 0.5
    wrong = np.minimum(alive.mean(axis=(1, 2)), (alive != alive[0]).mean(axis=(1, 2)))
    return np.asarray(wrong <= 1 - threshold + 1e-9)


def _verdict(shares: NDArray[np.float64], partner: int | None, threshold: float, common: NDArray[np.bool_]) -> Verdict:
    last = len(shares) - 1
    if partner is not None and partner >= 0:
        colour = COMMON if common[partner] else MATCHED
        return Verdict(partner, _agrees(partner, shares[partner]), "earns 1", colour)
    if partner == TAKEN:
        state = 1 + int(np.argmax(shares[1:-1]))
        colour = COMMON if common[state] else MATCHED
        return Verdict(state, _agrees(state, shares[state]), "earns 0.5 (taken)", colour)
    order = [*range(1, last), last, 0]  # where several are equally close, rather one that counts
    state = max(order, key=shares.tolist().__getitem__)
    if shares[state] >= threshold:
        why = "the input" if state == 0 else "the target"
        return Verdict(state, _agrees(state, shares[state]), f"earns 0 ({why})", UNMATCHED)
    return Verdict(state, f"closest: state {state + 1}, {percent(shares[state])}", "earns 0", UNMATCHED)


def _verdict_of_trained(share: float, state: int, threshold: float) -> Verdict:
    words = _agrees(state, share) if share >= threshold else f"state {state + 1}, {percent(share)}"
    return Verdict(state, words, "trained on", TRAINED)


def _agrees(state: int, share: float) -> str:
    return f"{'=' if share == 1 else '~'} state {state + 1}, {percent(share)}"


def _draw_rows(truth: object, imagined: object, threshold: float) -> Image.Image:
    """The two rows of a strip, without title and legend. Its size depends on the numbers of states and cells alone."""
    verdicts, value = judge(truth, imagined, threshold=threshold)
    s, h = as_array("truth", truth) > 0.5, as_array("imagined", imagined) > 0.5
    states, height, width = s.shape
    steps = len(h)
    cell = fitting_cell(height, width)
    panel_width, panel_height = width * cell + 2 * _THICKNESS, height * cell + 2 * _THICKNESS
    slot: int = max(panel_width, text_width(f"closest: state {10 * states}, 88.8%"), text_width("earns 0 (the target)"))
    caption_width = max(text_width(line) for lines in _CAPTIONS for line in lines)
    columns = max(states, steps + 1)
    left = MARGIN + caption_width + _GAP
    first = MARGIN + _LINE
    tall = max(panel_height, 74)  # the metric needs so much
    second = first + tall + _GAP // 2 + _LINE
    size = (left + columns * slot + (columns - 1) * _GAP + MARGIN, second + tall + 2 * _LINE + 6)
    image = Image.new("RGB", size, PAPER)

    def middle(column: int) -> int:
        return left + column * (slot + _GAP) + slot // 2

    def place(panel: Image.Image, column: int, top: int) -> None:
        image.paste(panel, (middle(column) - panel.width // 2, top + (tall - panel.height) // 2))

    for lines, top in zip(_CAPTIONS, (first, second), strict=True):
        for k, line in enumerate(lines):
            y = top + tall // 2 + int((k - (len(lines) - 1) / 2) * _LINE)
            write(image, (MARGIN + caption_width, y), line, colour=FAINT, anchor="rm")
    for j in range(states):
        role = {0: " (input)", states - 1: " (target)"}.get(j, "") if states > 1 else ""
        write(image, (middle(j), first - 6), f"state {j + 1}{role}", anchor="ms")
        place(draw_board(s[j], cell=cell, thickness=1), j, first)
    _write_metric(image, (middle(0), second + tall // 2), verdicts, states, value)
    if value is not None:  # mostly empty boards agree in most cells whatever they show; correlation sees through that
        correlation = float(matthews(h[None, :-1], s[None])[0])
        at = (middle(0), second + tall + _LINE - 2)
        write(image, at, f"correlation {correlation:.2f}", colour=FAINT, anchor="ms")
        beside = baselines(np.packbits(s[None], axis=-1), width, steps - 1, threshold=threshold)
        words = f"dead {beside['dead']['metric']:.2f}, input {beside['copied']['metric']:.2f}"
        write(image, (at[0], at[1] + _LINE - 1), words, colour=FAINT, anchor="ms")
    for i, verdict in enumerate(verdicts):
        x = middle(i + 1)
        write(image, (x, second - 6), f"timestep {i + 1}", anchor="ms")
        place(_draw_imagined(h[i], s[verdict.state], cell, verdict.colour), i + 1, second)
        colour = FAINT if verdict.colour == TRAINED else verdict.colour
        write(image, (x, second + tall + _LINE - 2), verdict.words, colour=colour, anchor="ms")
        write(image, (x, second + tall + 2 * _LINE - 3), verdict.earns, colour=FAINT, anchor="ms")
    return image


def _draw_imagined(imagined: NDArray[np.bool_], truth: NDArray[np.bool_], cell: int, frame: Colour) -> Image.Image:
    kinds = np.array([DEAD, WRONGLY_ALIVE, WRONGLY_DEAD, INK], np.uint8)
    return paint_cells(kinds[imagined + 2 * truth.astype(np.intp)], cell=cell, frame=frame, thickness=_THICKNESS)


def _write_metric(
    image: Image.Image, at: tuple[int, int], verdicts: Sequence[Verdict], states: int, value: float | None
) -> None:
    x, y = at
    write(image, (x, y - 28), "metric", colour=FAINT, anchor="mm")
    if value is None:
        write(image, (x, y), "undefined", size=18, anchor="mm")
        return
    write(image, (x, y), f"{value:.2f}", size=32, anchor="mm")
    earned = [verdict.earns.split()[1] for verdict in verdicts[:-1]]
    terms = earned[0] if len(earned) == 1 else f"({' + '.join(earned)})" if len(earned) <= 6 else "what they earn"
    write(image, (x, y + 30), f"{terms} / {min(len(earned), states - 2)}", colour=FAINT, anchor="mm")


def _draw_legend(width: int, threshold: float) -> Image.Image:
    """What frames and tints mean, in one line if it fits, and otherwise each in lines of their own.

    A red frame may match the input or the target, as its caption says: neither is a state in between.
    """
    entries = [
        (MATCHED, True, f"matches a state in between ({100 * threshold:g}% of cells)"),
        (COMMON, True, "so does a dead board or the input"),
        (UNMATCHED, True, "matches none of them"),
        (TRAINED, True, "trained on"),
        (WRONGLY_ALIVE, False, "wrongly alive"),
        (WRONGLY_DEAD, False, "wrongly dead"),
    ]
    swatch, size = 12, TEXT - 1
    widths = [swatch + 6 + text_width(text, size) for _, _, text in entries]
    places, rows = flow(widths, MARGIN, width - MARGIN)
    if rows > 1:
        frames = sum(is_frame for _, is_frame, _ in entries)
        places, above = flow(widths[:frames], MARGIN, width - MARGIN)
        tints, below = flow(widths[frames:], MARGIN, width - MARGIN)
        places += [(x, above + row) for x, row in tints]
        rows = above + below
    image = Image.new("RGB", (width, rows * _LINE + MARGIN + 10), PAPER)
    draw = ImageDraw.Draw(image)
    for (x, row), (colour, is_frame, text) in zip(places, entries, strict=True):
        top = row * _LINE + 12
        box = (x, top, x + swatch - 1, top + swatch - 1)
        draw.rectangle(box, fill=DEAD if is_frame else colour, outline=colour, width=3)
        write(image, (x + swatch + 6, top + swatch // 2), text, size=size, colour=FAINT, anchor="lm")
    return image
