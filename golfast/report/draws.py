"""Of rows whose runs drew their config keys: what came of each value."""

import math
from html import escape

from golfast.ablate.store import Store
from golfast.ablate.tables import FIGURES, READINGS, Row, load_rows
from golfast.report import svg

_COLUMNS = 10  # values of a key that have a column each; of more, neighbours share one


def draws(store: Store, table: str, measure: str) -> str:
    """A figure for each row, with a panel for each key: runs as dots, by the value they drew and what they came to.

    Nothing for a table whose rows draw nothing.
    """
    name, _, figure, _ = FIGURES[measure][0]
    figures = []
    for row in load_rows(store, table):
        runs = [(run.config, figure(run.result, READINGS[0])) for run in row.counted if run.result]
        known = [(config, value) for config, value in runs if value is not None]
        ranges = row.definition.get("draw", {})
        if not ranges or not known:
            continue
        most = max(1.0, *(math.ceil(2 * value) / 2 for _, value in known))
        panels = []
        for key, (least, greatest) in ranges.items():
            columns = _columns(least, greatest)
            groups: list[list[float]] = [[] for _ in columns]
            for config, value in known:
                groups[_column(_at(config, key), least, greatest, len(columns))].append(value)
            panels.append(
                f'<div><span class="role">{escape(key)}</span>{svg.columns(columns, groups, most, row.recipe)}</div>'
            )
        figures.append(
            f"<figure><figcaption>{_title(row)}: {escape(name)} of {len(known)} runs</figcaption>"
            f'<div class="draws">{"".join(panels)}</div></figure>'
        )
    if not figures:
        return ""
    return (
        '<section class="drawn-values"><h3>By what was drawn</h3>\n<p>Each run is a dot, in the column of the value '
        "that it drew; the number above a column is the mean of its runs. A run is in every panel of its row.</p>\n"
        f"{''.join(figures)}</section>"
    )


def _title(row: Row) -> str:
    return f"{escape(row.definition['label'])}, recipe {escape(row.recipe)}"


def _at(config: dict[str, object], key: str) -> float:
    value: object = config
    for part in key.split("."):
        value = value[part]  # type: ignore[index]
    assert isinstance(value, int | float)
    return value


def _columns(least: float, greatest: float) -> list[str]:
    """Names of the columns of a range."""
    if isinstance(least, int):
        each = _each(least, greatest)
        begins = range(least, int(greatest) + 1, each)
        return [str(begin) if each == 1 else f"{begin}–{min(begin + each - 1, int(greatest))}" for begin in begins]
    parts = 4
    ends = [least * (greatest / least) ** (part / parts) for part in range(parts + 1)]
    return [f"{ends[part]:.1g}–{ends[part + 1]:.1g}" for part in range(parts)]


def _column(value: float, least: float, greatest: float, count: int) -> int:
    if isinstance(least, int):
        return int(value - least) // _each(least, greatest)
    share = math.log(value / least) / math.log(greatest / least) if greatest > least else 0.0
    return min(count - 1, int(share * count))


def _each(least: float, greatest: float) -> int:
    """Whole numbers that share a column."""
    return -(-int(greatest - least + 1) // _COLUMNS)
