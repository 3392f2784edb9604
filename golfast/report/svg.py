"""Drawings as inline SVG. Colours are classes, so that the page's style decides them, by day and by night.

Numbers are written with two digits, so a drawing is the same text whenever it is made.
"""

from collections import Counter
from collections.abc import Sequence

from golfast.ablate.stats import Estimate
from golfast.report.html import Html, html, joined

WIDTH, HEIGHT = 320.0, 44.0
_LEFT, _RIGHT = 8.0, 312.0
_MIDDLE = 22.0
_BINS = 60
_MOST_HIGH = 14.0  # dots stay so near to the line


def interval_plot(
    values: Sequence[float], found: Estimate, paper: float | None, scale: tuple[float, float], kind: str
) -> Html:
    """Runs as dots, their mean with its interval as a bar, the paper's value as a diamond, on a common scale.

    kind: class of the drawing, which gives the dots their colour.
    """
    parts = [_line(x, 4, x, HEIGHT - 4, "grid") for x in _grid(scale)]
    parts.append(_line(_LEFT, _MIDDLE, _RIGHT, _MIDDLE, "axis"))
    parts += [_run(x, y) for x, y in _swarm(values, scale)]
    if found.low is not None and found.high is not None:
        low, high = _place(found.low, scale), _place(found.high, scale)
        bar = '<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="6" class="interval"/>'
        parts.append(html(bar, low, _MIDDLE - 3, max(high - low, 1)))
    if found.mean is not None:
        x = _place(found.mean, scale)
        parts.append(_line(x, _MIDDLE - 10, x, _MIDDLE + 10, "mean"))
    if paper is not None:
        x = _place(paper, scale)
        diamond = '<path d="M{:.2f} {:.2f}l6 7l-6 7l-6 -7z" class="paper"><title>paper {:g}</title></path>'
        parts.append(html(diamond, x, _MIDDLE - 7, paper))
    mean = "no runs" if found.mean is None else f"mean {found.mean:.2f} of {len(values) or 'two sets of'} runs"
    label = mean if paper is None else f"{mean}, paper {paper:g}"
    return _svg(WIDTH, HEIGHT, parts, label, f"plot {kind}")


def scale_axis(scale: tuple[float, float], digits: int) -> Html:
    """The numbers of a scale, to stand above its plots."""
    parts = []
    for value, x in zip(_ticks(scale), _grid(scale), strict=True):
        anchor = "start" if x < _LEFT + 10 else "end" if x > _RIGHT - 10 else "middle"
        parts.append(_text(x, "12", anchor, f"{value:,.{digits}f}"))
    return _svg(WIDTH, 16.0, parts, "scale", "plot scale")


def curves(lines: Sequence[tuple[str, Sequence[tuple[float, float]]]], *, low: float, mark: float) -> Html:
    """Accuracy over steps: lines of (class, points of step and accuracy), from `low` to 1, with a mark at a level."""
    width, height, left, bottom, top = 640.0, 300.0, 46.0, 268.0, 10.0
    most = max((step for _, points in lines for step, _ in points), default=1.0) or 1.0

    def x(step: float) -> float:
        return left + (width - left - 10) * step / most

    def y(share: float) -> float:
        return bottom - (bottom - top) * (max(share, low) - low) / (1 - low)

    parts = []
    for k in range(5):
        share = low + (1 - low) * k / 4
        parts.append(_line(left, y(share), width - 10, y(share), "grid"))
        parts.append(_text(left - 6, f"{y(share) + 4:.2f}", "end", f"{share:.0%}"))
    for step in _round_steps(most):
        anchor = "middle" if step else "start"
        parts.append(_text(x(step), f"{bottom + 18:.2f}", anchor, f"{step:,}"))
    parts.append(_text(width - 10, f"{bottom + 30:.2f}", "end", "steps"))
    parts.append(_line(left, y(mark), width - 10, y(mark), "mark"))
    parts.append(html('<text x="{:.2f}" y="{:.2f}">{:.0%}</text>', left + 4, y(mark) - 4, mark))
    for kind, points in lines:
        path = "L".join(f"{x(step):.1f} {y(share):.1f}" for step, share in points)
        parts.append(html('<path d="M{}" class="curve {}"/>', path, kind))
    return _svg(width, height, parts, "accuracy over training steps, one line a run and state", "curves")


def columns(
    names: Sequence[str],
    groups: Sequence[Sequence[float]],
    heads: Sequence[Sequence[str]],
    scale: tuple[float, float],
    kind: str,
    *,
    between: bool = False,
) -> Html:
    """Values as dots, in a column for each group, with its mean as a line and the lines of its head above it.

    names: of the columns; or, with `between`, of what lies before, between and after them.
    """
    width, height, left, bottom, top = 320.0, 180.0, 30.0, 150.0, 38.0
    each, (low, most) = (width - left - 12) / len(groups), scale

    def y(value: float) -> float:
        return bottom - (bottom - top) * (min(max(value, low), most) - low) / (most - low)

    parts = []
    for k in range(3):
        value = low + (most - low) * k / 2
        parts.append(_line(left, y(value), width, y(value), "grid"))
        parts.append(_text(left - 5, f"{y(value) + 4:.2f}", "end", f"{value:g}"))
    shown = max(1, -(-len(names) // 5)) if between else 1  # names between columns are long
    for k, name in enumerate(names):
        if k % shown == 0:
            x = left + each * (k if between else k + 0.5)
            parts.append(_text(x, f"{bottom + 16:.2f}", "middle", name))
    for k, (values, head) in enumerate(zip(groups, heads, strict=True)):
        middle = left + each * (k + 0.5)
        for line, text in enumerate(head):
            if text:
                parts.append(_text(middle, f"{11 + 13 * line}", "middle", text))
        if not values:
            continue
        spread = min(6.0, 0.7 * each / len(values))
        for place, value in enumerate(values):
            x = middle + spread * (place - (len(values) - 1) / 2)
            parts.append(_run(x, y(value)))
        mean = sum(values) / len(values)
        parts.append(_line(middle - 0.35 * each, y(mean), middle + 0.35 * each, y(mean), "mean"))
    told = "; ".join(f"{len(values)} runs" for values in groups)
    return _svg(width, height, parts, f"by {', '.join(names)}: {told}", f"plot columns {kind}")


def board(state: Sequence[str], truth: Sequence[str] | None = None) -> Html:
    """A board of rows of "0" and "1"; with a truth, cells that differ from it are of the classes "extra" and "gone"."""
    paths: dict[str, list[str]] = {"alive": [], "extra": [], "gone": []}
    for y, row in enumerate(state):
        for x, cell in enumerate(row):
            real = cell if truth is None else truth[y][x]
            kind = {"11": "alive", "10": "extra", "01": "gone"}.get(cell + real)
            if kind:
                paths[kind].append(f"M{x} {y}h1v1h-1z")
    height, width = len(state), len(state[0])
    parts = [html('<rect width="{}" height="{}" class="board"/>', width, height)]
    parts += [html('<path d="{}" class="{}"/>', "".join(path), kind) for kind, path in paths.items() if path]
    return _svg(width, height, parts, "a board", "cells")


def _svg(width: float, height: float, parts: Sequence[Html], label: str, kind: str) -> Html:
    return html(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}" class="{}">'
        "{}</svg>",
        width,
        height,
        label,
        kind,
        joined(parts),
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Html:
    return html('<line x1="{:.2f}" y1="{:.2f}" x2="{:.2f}" y2="{:.2f}" class="{}"/>', x1, y1, x2, y2, kind)


def _run(x: float, y: float) -> Html:
    return html('<circle cx="{:.2f}" cy="{:.2f}" r="2.6" class="run"/>', x, y)


def _text(x: float, y: str, anchor: str, words: str) -> Html:
    return html('<text x="{:.2f}" y="{}" text-anchor="{}">{}</text>', x, y, anchor, words)


def _place(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    return _LEFT + (_RIGHT - _LEFT) * (min(max(value, low), high) - low) / (high - low)


def _ticks(scale: tuple[float, float]) -> list[float]:
    low, high = scale
    parts = 3 if high - low == 1.5 else 4
    return [low + (high - low) * k / parts for k in range(parts + 1)]


def _grid(scale: tuple[float, float]) -> list[float]:
    return [_place(value, scale) for value in _ticks(scale)]


def _round_steps(most: float) -> range:
    """Round numbers of steps, about four, to just short of the most."""
    unit = 10 ** max(0, len(str(int(most))) - 2)
    apart = next(unit * k for k in (1, 2, 5, 10, 20, 50) if unit * k * 5 >= most)
    return range(0, int(most * 0.97), apart)


def _swarm(values: Sequence[float], scale: tuple[float, float]) -> list[tuple[float, float]]:
    """Places of dots such that equal values stand above and below each other."""
    places = [_place(value, scale) for value in values]
    step = (_RIGHT - _LEFT) / _BINS
    bins = [round((x - _LEFT) / step) for x in places]
    many = Counter(bins)
    seen: Counter[int] = Counter()
    found = []
    for x, k in zip(places, bins, strict=True):
        apart = min(5.0, 2 * _MOST_HIGH / max(1, many[k] - 1))
        found.append((x, _MIDDLE + apart * (seen[k] - (many[k] - 1) / 2)))
        seen[k] += 1
    return found
