"""Of rows whose runs drew their config keys: what came of each value."""

import math
from typing import Any

from golfast.ablate.store import Store
from golfast.ablate.tables import FIGURES, READINGS, figure_of, load_rows, probed
from golfast.errors import Failure, shown
from golfast.report import svg, words
from golfast.report.html import NOTHING, Html, html, joined

_MOST = 8  # columns; of more values neighbours share one


def draws(store: Store, table: str, measure: str) -> Html:
    """For each row and figure a panel for each key: runs as dots, by the value they drew and what they came to.

    Nothing for a table whose rows draw nothing.
    """
    figures = []
    for row in load_rows(store, table):
        ranges = row.definition.get("draw", {})
        for name, _, figure, is_metric in FIGURES[measure] if ranges else ():
            runs = [(run.config, figure_of(run, figure, READINGS[0])) for run in row.counted if run.result is not None]
            known = [(config, value) for config, value in runs if value is not None]
            if not known or figure is probed:
                continue
            values = [value for _, value in known]
            most = max(1.0, math.ceil(2 * max(values)) / 2) if is_metric else max(*values, 1.0)
            scale = min(0.0, *values), most
            panels = [_panel(known, key, ends, scale, is_metric, row.recipe) for key, ends in ranges.items()]
            title = f"{row.definition['label']}, recipe {row.recipe}: {name}"
            drawn_as = '<figure><figcaption>{}</figcaption><div class="draws">{}</div></figure>'
            figures.append(html(drawn_as, title, joined(panels)))
    if not figures:
        return NOTHING
    return html(
        '<section class="drawn-values"><h3>By what was drawn</h3>\n<p>Each run is a dot, in the column of the value '
        "that it drew, the runs of a column side by side in the order of their seeds. Above a column stand the mean of "
        "its runs and how many they are. A run is in every panel of its row.</p>\n"
        "{}</section>",
        joined(figures),
    )


def _panel(
    known: list[tuple[dict[str, Any], float]],
    key: str,
    ends: tuple[float, float],
    scale: tuple[float, float],
    is_metric: bool,
    kind: str,
) -> Html:
    names, between = columns_of(*ends)
    groups: list[list[float]] = [[] for _ in range(len(names) - between)]
    for config, value in known:
        groups[column_of(_at(config, key), *ends, len(groups))].append(value)
    heads = [
        (words.number(sum(group) / len(group), 2 if is_metric else 0), f"{len(group)}") if group else ("", "")
        for group in groups
    ]
    drawn = svg.columns(names, groups, heads, scale, kind, between=between)
    return html('<div><span class="role">{}</span>{}</div>', key, drawn)


def columns_of(least: float, greatest: float) -> tuple[list[str], bool]:
    """Names of the columns of a range, or of what lies between them: the second is whether it is that."""
    if least == greatest:
        return [f"{least:g}"], False
    if isinstance(least, int):
        each = _each(least, greatest)
        if each == 1:
            return [str(value) for value in range(least, int(greatest) + 1)], False
        return [str(value) for value in (*range(least, int(greatest) + 1, each), int(greatest))], True
    edges = [least * (greatest / least) ** (part / 4) for part in range(5)]
    digits = next((digits for digits in range(2, 7) if len({f"{edge:.{digits}g}" for edge in edges}) == 5), 7)
    return [f"{edge:.{digits}g}" for edge in edges], True


def column_of(value: float, least: float, greatest: float, count: int) -> int:
    """The column of a value; of one out of the range the nearest."""
    value = min(max(value, least), greatest)
    if least == greatest:
        return 0
    if isinstance(least, int):
        return int(value - least) // _each(least, greatest)
    return min(count - 1, int(count * math.log(value / least) / math.log(greatest / least)))


def _each(least: float, greatest: float) -> int:
    """Whole numbers that share a column."""
    return -(-int(greatest - least + 1) // _MOST)


def _at(config: dict[str, Any], key: str) -> float:
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, int | float):
        raise Failure(f"the results file is damaged: a run that drew {shown(key)} has no such number in its config")
    return value
