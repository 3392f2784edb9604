"""The results file as one table: a line a trial, a column for every figure and every config key."""

import csv
import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from golfast.ablate.store import Store
from golfast.errors import Failure
from golfast.run.config import flatten, parse_assignment, unknown_key
from golfast.run.files import replacing

Record = dict[str, Any]

SHOWN = ("trial", "state", "rows", "seed", "metric", "greedy.mean", "steps", "wall_seconds")
"""Columns of the table on a terminal, where none are asked for."""

NOTED = ("trial", "state", "rows", "attempts", "wall_seconds", "worker", "finished", "reason")
"""Columns that every trial has, also those of a file that has none yet."""

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def records(store: Store) -> list[Record]:
    """All trials as flat dictionaries with the same keys in the same order, in the order in which they ended.

    "trial", "state", "rows" (spec/recipe/variant of each it belongs to), what the sweep noted of it, the figures of its
    result under their own names, and its config as "config." and the dotted key. What a trial lacks is None.
    """
    rows = store.rows_of_trials()
    found = []
    for trial in store.trials():
        noted = {
            "trial": trial.name,
            "state": trial.state.value,
            "rows": rows.get(trial.name, []),
            "attempts": trial.attempts,
            "wall_seconds": round(trial.seconds, 3),
            "worker": trial.worker,
            "finished": trial.finished,
            "reason": trial.reason,
        }
        found.append(noted | flatten(trial.result or {}) | flatten(trial.config, within="config."))
    columns = dict.fromkeys(key for record in found for key in record)
    return [{column: record.get(column) for column in columns} for record in found]


def select(found: list[Record], wheres: Iterable[str]) -> list[Record]:
    """The records for which all conditions hold: "metric>=0.9", "config.model.timesteps=3", "rows=table1/fast/3-3".

    A condition on a list holds if it does for one of its members. ValueError for one that cannot be read, or could not
    hold whatever the numbers are.
    """
    conditions = [_condition(where, found) for where in wheres]
    return [record for record in found if all(condition(record) for condition in conditions)]


def project(found: list[Record], columns: Sequence[str]) -> list[Record]:
    """The records with these columns only. ValueError for one that does not exist."""
    for column in columns:
        _check_column(column, found)
    return [{column: record.get(column) for column in columns} for record in found]


def write_csv(found: list[Record], columns: Sequence[str], out: TextIO) -> None:
    """Comma-separated values with a heading, also of no records; lists separated by blanks, what lacks left empty."""
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in record.items()} for record in found)


def write_parquet(found: list[Record], columns: Sequence[str], path: Path) -> None:
    """A whole Parquet file, or none; of no records it has the columns, too, without a type.

    Failure if pyarrow (the extra "parquet") is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Failure("Parquet needs pyarrow: pip install 'golfast[parquet]'; CSV and JSON need nothing") from None
    empty = {column: pyarrow.nulls(0) for column in columns}
    table = pyarrow.Table.from_pylist(found) if found else pyarrow.table(empty)
    with replacing(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def _condition(where: str, found: list[Record]) -> Callable[[Record], bool]:
    parts = re.fullmatch(r"\s*([\w.]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", where)
    if parts is None:
        raise ValueError(f"{where!r} is no condition; give one such as config.model.timesteps=3 or 'metric>=0.9'")
    key, sign, text = parts.groups()
    _check_column(key, found)
    compare, wanted = _COMPARE[sign], parse_assignment(f"x={text}")[1]
    kinds = {type(value) for record in found for value in _values(record[key]) if value is not None}
    if str not in kinds:
        if isinstance(wanted, float) and math.isnan(wanted):
            raise ValueError(f"{where!r} compares with nan, which no number equals, exceeds or falls short of")
        if kinds and isinstance(wanted, str):
            raise ValueError(f"{where!r} compares with a word, and there are none in column {key!r}")
        if kinds and not isinstance(wanted, int | float):
            raise ValueError(f"{where!r} compares with what is no number, and column {key!r} has numbers only")

    def holds(record: Record) -> bool:
        return any(fits(value) for value in _values(record[key]))

    def fits(value: Any) -> bool:
        """A word may look like a number, as the names of some trials do."""
        try:
            return compare(value, text if isinstance(value, str) and not isinstance(wanted, str) else wanted)
        except TypeError:  # no order between nothing, or a word, and a number
            return False

    return holds


def _values(cell: Any) -> list[Any]:
    """What a condition on a cell looks at: its value, or those of a list and of lists in it."""
    return [value for part in cell for value in _values(part)] if isinstance(cell, list) else [cell]


def _check_column(column: str, found: list[Record]) -> None:
    if found and column not in found[0]:
        raise ValueError(unknown_key(column, list(found[0])).replace("config key", "column"))


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(str(_cell(member)) for member in value)
    return "" if value is None else value
