"""A results file of somebody else: SQLite keeps any value in any column, and anything may be in the JSON."""

import json
import os
import random
import shutil
import sqlite3
import zlib

import pytest
import small_results

from golfast.ablate.store import Store
from golfast.errors import Failure

BLOB, DEEP = b"\0\xff", '{"a":' * 3000 + "1" + "}" * 3000
ODD = {
    "trials": {
        "state": ["won", BLOB],
        "seed": ["<b>", BLOB, 1.5],
        "seconds": ["<script>", BLOB, float("inf")],
        "worker": [BLOB],
        "finished": [BLOB],
        "reason": [BLOB],
        "config": ["[]", BLOB, DEEP, "[" * 200_000, '{"batch": ' + "9" * 400 + "}"],
        "result": ["[]", BLOB, "{}", "null", '{"metric_variants": {"matched": "<b>"}}', '{"steps_to_98": ["<b>"]}'],
    },
    "curves": {"records": ["text", b"x", zlib.compress(b"[1]"), zlib.compress(b"{}"), zlib.compress(b"0" * 10**8),
                           zlib.compress(b'[{"step": "<b>"}]'), zlib.compress(b"[" * 200_000)]},
    "rows": {"definition": ["{}", BLOB, "[]", DEEP]},
    "specs": {"definition": ["{}", BLOB, '{"title": 3}']},
    "sessions": {"workers": ["<b>", BLOB], "trials": ["<b>"], "seconds": ["x", 1e200], "machine": ["{}", BLOB, "3"]},
    "strips": {"picture": ["{}", BLOB, '{"value": "<b>"}']},
}  # fmt: skip
CASES = [(table, column, value) for table, columns in ODD.items() for column, odd in columns.items() for value in odd]
INSIDE = {
    "trials": ("config", "result"), "curves": ("records",), "rows": ("definition",), "specs": ("definition",),
    "sessions": ("machine",), "strips": ("picture",),
}  # fmt: skip
VALUES = [None, 0, -1, True, 10**400, 2**63, 1e300, -1e99, "", "x", [], {}, [[]], [1, 2], {"a": 1}, "\x1b[31m" * 10**4]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "results.sqlite"
    small_results.make(path)
    return path


def told(path):
    """What reading all of it fails with, if it does."""
    try:
        small_results.read(path)
    except Failure as error:
        return str(error)
    return ""


def test_what_is_in_no_column_of_ours_is_told(whole, tmp_path):
    """Each in turn; a text where a number belongs reached the page, a BLOB was a traceback."""
    path = tmp_path / "results.sqlite"
    shutil.copy(whole, path)
    for table, column, value in CASES:
        with sqlite3.connect(path) as db:
            of = "WHERE trial IN (SELECT trial FROM members WHERE spec = 'orders')" if table == "curves" else ""
            row, before = db.execute(f"SELECT rowid, {column} FROM {table} {of} ORDER BY rowid LIMIT 1").fetchone()
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))
        words = told(path)
        assert "damaged" in words or "cannot be used" in words, (table, column, value)
        assert len(words) < 500
        assert words.isprintable()
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (before, row))
    assert told(path) == ""


def changed(value, rng):
    """A value with something in it left out, renamed or replaced."""
    if isinstance(value, dict | list) and value and rng.random() < 0.85:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        if rng.random() < 0.2:
            del value[key]
        else:
            value[key] = changed(value[key], rng)
        return value
    return rng.choice(VALUES)


def test_whatever_is_in_the_json_only_a_failure_comes_out(whole, tmp_path):
    rng, path = random.Random(2), tmp_path / "results.sqlite"
    shutil.copy(whole, path)
    for _ in range(15):  # a thousand were tried once
        table = rng.choice(list(INSIDE))
        column = rng.choice(INSIDE[table])
        with sqlite3.connect(path) as db:
            rows = db.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} NOT NULL ORDER BY rowid").fetchall()
            row, before = rng.choice(rows)
            text = json.dumps(changed(json.loads(zlib.decompress(before) if table == "curves" else before), rng))
            after = zlib.compress(text.encode()) if table == "curves" else text
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (after, row))
        words = told(path)
        assert words.isprintable()
        assert len(words) < 1000
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (before, row))


def test_pipes_beside_a_results_file_are_not_waited_for(whole, tmp_path):
    path = tmp_path / "results.sqlite"
    os.mkfifo(path)
    for opened in (Store.reading, Store.writing):
        with pytest.raises(Failure, match="is a named pipe and not a file"), opened(path):
            pass
    path.unlink()
    shutil.copy(whole, path)
    os.mkfifo(tmp_path / "results.sqlite-wal")
    with pytest.raises(Failure, match="is a named pipe and not a file"), Store.reading(path):
        pass
