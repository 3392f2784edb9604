"""The results file: SQLite, written by one process at a time, read by anybody at any moment."""

import json
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golfast.ablate.draw import check_range
from golfast.ablate.jobs import State, Trial
from golfast.ablate.spec import MEASURES, check_paper_runs
from golfast.errors import Failure, shown
from golfast.run.config import fingerprint, to_mapping
from golfast.run.files import followed
from golfast.run.locks import lock, no_locks, open_lock, promised
from golfast.run.shapes import RECORD, RESULT
from golfast.run.untrusted import JSON_BYTES, Each, From, check_regular, decompress, parse_json

if TYPE_CHECKING:
    from golfast.ablate.plan import Row

FORMAT = 1
_UNLOCKED = {"SQLITE_IOERR_LOCK", "SQLITE_IOERR_RDLOCK", "SQLITE_IOERR_CHECKRESERVEDLOCK", "SQLITE_PROTOCOL"}
_UNLOCKED |= {f"SQLITE_IOERR_SHM{what}" for what in ("OPEN", "SIZE", "LOCK", "MAP")}

_TABLES = """
CREATE TABLE IF NOT EXISTS trials (
    name TEXT PRIMARY KEY,      -- hash of the config
    state TEXT NOT NULL,        -- counted | uncounted | failed
    seed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,  -- how often it was started in the sweep that finished it
    seconds REAL NOT NULL,      -- of the last attempt, by the clock on the wall
    worker TEXT NOT NULL,       -- host:process
    finished TEXT NOT NULL,     -- UTC
    reason TEXT,                -- why it failed
    config TEXT NOT NULL,       -- JSON, every field
    result TEXT                 -- JSON, as result.json
);
CREATE TABLE IF NOT EXISTS curves (trial TEXT PRIMARY KEY REFERENCES trials, records BLOB NOT NULL);  -- zlib of JSON
CREATE TABLE IF NOT EXISTS rows (
    spec TEXT NOT NULL, recipe TEXT NOT NULL, variant TEXT NOT NULL,
    place INTEGER NOT NULL,     -- in the spec
    definition TEXT NOT NULL,   -- JSON: label, changes, draw, counted, most, paper
    PRIMARY KEY (spec, recipe, variant)
);
CREATE TABLE IF NOT EXISTS members (
    spec TEXT NOT NULL, recipe TEXT NOT NULL, variant TEXT NOT NULL,
    place INTEGER NOT NULL,     -- 0 for the first seed
    trial TEXT NOT NULL,
    PRIMARY KEY (spec, recipe, variant, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS specs (name TEXT PRIMARY KEY, definition TEXT NOT NULL);  -- JSON: title, measure, effects
CREATE TABLE IF NOT EXISTS sessions (
    id INTEGER PRIMARY KEY, began TEXT NOT NULL, ended TEXT,
    command TEXT NOT NULL, executor TEXT NOT NULL, workers INTEGER NOT NULL,
    trials INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0,
    machine TEXT NOT NULL       -- JSON: hardware and versions
);
CREATE TABLE IF NOT EXISTS strips (
    spec TEXT NOT NULL, recipe TEXT NOT NULL, label TEXT NOT NULL, place INTEGER NOT NULL,
    picture TEXT NOT NULL,      -- JSON: trial, sequence, value, true and imagined states as rows of 0 and 1
    PRIMARY KEY (spec, recipe, label)
);
"""

_TEXT, _WHOLE, _NUMBER, _BYTES = (str,), (int,), (float, int), (bytes,)
_MAYBE = (str, type(None))
_TRIAL = {
    "name": _TEXT, "state": _TEXT, "seed": _WHOLE, "attempts": _WHOLE, "seconds": _NUMBER, "worker": _TEXT,
    "finished": _TEXT, "reason": _MAYBE, "config": _TEXT, "result": _MAYBE,
}  # fmt: skip
_SESSION = {
    "id": _WHOLE, "began": _TEXT, "ended": _MAYBE, "command": _TEXT, "executor": _TEXT, "workers": _WHOLE,
    "trials": _WHOLE, "seconds": _NUMBER, "machine": _TEXT,
}  # fmt: skip

# What is in the JSON.
_MACHINE = {"hardware": Each(object), "versions": Each(object)}
_ROW = {
    "name": str, "label": str, "changes": Each(object), "draw?": Each([float]), "counted": From(1, 2**63 - 1),
    "most": From(1, 2**63 - 1), "first_seed": From(0, 2**63 - 1), "paper": Each(float),
}  # fmt: skip
_EFFECT = {"label": str, "of": [str], "over": [str], "paper": (float, None)}
_SPEC = {"title": str, "measure": str, "effects": [_EFFECT], "strips": [Each(object)]}
_PICTURE = {"trial": str, "sequence": int, "value": float, "truth": [[str]], "imagined": [[str]]}


@dataclass(frozen=True, slots=True)
class Finished:
    """A trial as the results file has it."""

    name: str
    state: State
    seed: int
    attempts: int
    seconds: float
    worker: str
    finished: str
    reason: str | None
    config: dict[str, Any]
    result: dict[str, Any] | None


class Store:
    """A results file. `Store.writing` opens it for the one writer, `Store.reading` for readers."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db, self.path = connection, path

    @classmethod
    @contextmanager
    def writing(cls, path: Path) -> Iterator["Store"]:
        """Open or make a results file, and keep other writers out.

        Raises Failure if another process writes to it, if it is not a results file of this format, or if its file
        system has no locks and the user did not promise that there is no other writer (`golfast.run.locks`).
        """
        path = followed(path)  # so that all names of a file have one lock
        if path.exists():
            check_regular(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open_lock(path.with_name(f".{path.name}.lock"))
        try:
            lock(handle, path, busy=f"another job writes to {path}; wait for it, or give another --results file")
            with _told(path):
                db = _open(path, "rwc")
                try:
                    _check_format(db, path, writing=True)
                    db.execute("PRAGMA journal_mode = WAL")
                    db.execute("PRAGMA synchronous = FULL")  # a trial takes seconds, a sync milliseconds
                    db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")
                    yield cls(db, path)
                finally:
                    db.close()
        finally:
            os.close(handle)

    @classmethod
    @contextmanager
    def reading(cls, path: Path) -> Iterator["Store"]:
        """Open a results file to read it, while a sweep writes to it or not.

        Raises FileNotFoundError, or Failure if it is not a results file of this format.
        """
        if not path.exists():
            raise FileNotFoundError(
                2, "there is no results file; `golfast paper` or `golfast ablate` make it", str(path)
            )
        with _told(path):
            # In a folder that cannot be written to a file is taken as it stands: SQLite would want files beside it.
            still = not os.access(path.parent, os.W_OK)
            db = _open(path, "ro&immutable=1" if still else "ro")
            try:
                _check_format(db, path, writing=False)
                yield cls(db, path)
            finally:
                db.close()

    def save_row(self, row: "Row", place: int) -> None:
        """Keep what a row and its spec are, so that tables can be made from this file alone.

        A row that asks something else than it did before loses the trials that it had (they stay in the file). One that
        asks for fewer runs than before keeps those it has.
        """
        spec, variant = row.spec, json.loads(json.dumps({**asdict(row.variant), "draw": row.draw}))
        about = {
            "title": spec.title,
            "measure": spec.measure,
            "effects": [asdict(effect) for effect in spec.effects],
            "strips": [asdict(strip) for strip in spec.strips],
        }
        one = "spec = ? AND recipe = ? AND variant = ?"
        with self._transaction():
            before = self._fetch((_TEXT,), f"SELECT definition FROM rows WHERE {one}", row.key)
            with self._whole():
                known = _definition(before[0][0]) if before else variant
            known.setdefault("draw", {})  # files of before it could be asked for
            if any(_text(known.get(key)) != _text(variant[key]) for key in ("changes", "draw", "first_seed")):
                self._db.execute(f"DELETE FROM members WHERE {one}", row.key)
                self._db.execute("DELETE FROM strips WHERE spec = ? AND recipe = ?", row.key[:2])
            else:
                variant |= {key: max(variant[key], known[key]) for key in ("counted", "most")}
            self._db.execute("INSERT OR REPLACE INTO specs VALUES (?, ?)", (spec.name, json.dumps(about)))
            self._db.execute(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)", (*row.key, place, json.dumps(variant))
            )

    def save_members(self, members: "Iterable[tuple[Row, int, Trial]]") -> None:
        """Keep which trials are those of the rows' seeds at some places."""
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?)",
                [(*row.key, place, trial.name) for row, place, trial in members],
            )

    def save_trial(
        self,
        trial: Trial,
        state: State,
        *,
        result: dict[str, Any] | None,
        reason: str | None = None,
        attempts: int = 1,
        seconds: float = 0.0,
        worker: str = "",
        finished: str = "",
    ) -> None:
        """Keep how a trial ended. Once this returns, no kill loses it."""
        config = to_mapping(trial.config)
        assert fingerprint(trial.config) == trial.name
        curve = None if result is None else result.pop("curve", None)
        told = None if result is None else json.dumps(result)
        values = (trial.name, state.value, config["seed"], attempts, seconds, worker, finished, reason)
        with self._transaction():
            self._db.execute(
                f"INSERT OR REPLACE INTO trials VALUES ({', '.join('?' * 10)})", (*values, json.dumps(config), told)
            )
            if curve is not None:
                packed = zlib.compress(json.dumps(curve).encode(), 6)
                self._db.execute("INSERT OR REPLACE INTO curves VALUES (?, ?)", (trial.name, packed))

    def save_strip(self, spec: str, recipe: str, label: str, place: int, picture: dict[str, Any]) -> None:
        """Keep a picture that was found."""
        self._db.execute(
            "INSERT OR REPLACE INTO strips VALUES (?, ?, ?, ?, ?)", (spec, recipe, label, place, json.dumps(picture))
        )

    def begin_session(self, *, began: str, command: str, executor: str, workers: int, machine: dict[str, Any]) -> int:
        """Keep that a sweep has begun; returns its number."""
        done = self._db.execute(
            "INSERT INTO sessions (began, command, executor, workers, machine) VALUES (?, ?, ?, ?, ?)",
            (began, command, executor, workers, json.dumps(machine)),
        )
        assert done.lastrowid is not None
        return done.lastrowid

    def tell_session(self, session: int, *, ended: str, trials: int, seconds: float) -> None:
        """Keep how far a sweep is."""
        self._db.execute(
            "UPDATE sessions SET ended = ?, trials = ?, seconds = ? WHERE id = ?", (ended, trials, seconds, session)
        )

    def states(self, *, failed: bool = True) -> dict[str, State]:
        """How each trial ended, by name; without those that failed if `failed` is not set."""
        rows = self._fetch((_TEXT, _TEXT), "SELECT name, state FROM trials")
        with self._whole():
            found = {name: State(state) for name, state in rows}
        return {name: state for name, state in found.items() if failed or state is not State.FAILED}

    def configs(self) -> list[tuple[str, State, dict[str, Any]]]:
        """Name, state and config of all trials, in the order in which they ended."""
        query = "SELECT name, state, config FROM trials ORDER BY finished, name"
        found = self._fetch((_TEXT, _TEXT, _TEXT), query)
        with self._whole():
            return [(name, State(state), parse_json(config, {})) for name, state, config in found]

    def trials(self, names: Iterable[str] | None = None) -> list[Finished]:
        """All trials, or those of these names that are there, in the order of the names."""
        query, kinds = f"SELECT {', '.join(_TRIAL)} FROM trials", tuple(_TRIAL.values())
        if names is None:
            found = self._fetch(kinds, f"{query} ORDER BY finished, name")
        else:
            found = [row for name in names for row in self._fetch(kinds, f"{query} WHERE name = ?", (name,))]
        with self._whole():
            return [_finished(dict(zip(_TRIAL, row, strict=True))) for row in found]

    def curve(self, name: str) -> list[dict[str, Any]]:
        """The records of a trial's training."""
        found = self._fetch((_BYTES,), "SELECT records FROM curves WHERE trial = ?", (name,))
        with self._whole():
            return _records(found[0][0]) if found else []

    def specs(self) -> dict[str, dict[str, Any]]:
        """Title, measure, effects and strips of every spec, by name."""
        found = self._fetch((_TEXT, _TEXT), "SELECT name, definition FROM specs ORDER BY name")
        with self._whole():
            return {name: _spec(text) for name, text in found}

    def rows(self, spec: str) -> list[tuple[str, dict[str, Any], list[str]]]:
        """Recipe, definition and trials of every row of a spec.

        The trials are those of the row's seeds in order, up to the first that has not ended, or the one with which
        enough of them count: so a sweep under way leans to no kind of run, and what was tried again takes its place.
        """
        query = "SELECT recipe, variant, definition FROM rows WHERE spec = ? ORDER BY recipe, place"
        members = (
            "SELECT trial, state FROM members LEFT JOIN trials ON name = trial "
            "WHERE spec = ? AND recipe = ? AND variant = ? ORDER BY place"
        )
        told = []
        for recipe, variant, text in self._fetch((_TEXT, _TEXT, _TEXT), query, (spec,)):
            trials = self._fetch((_TEXT, _MAYBE), members, (spec, recipe, variant))
            names, counted = [], 0
            with self._whole():
                definition = _definition(text)
                for name, state in trials:
                    if state is None or counted == definition["counted"]:
                        break
                    names.append(name)
                    counted += State(state) is State.COUNTED
            told.append((recipe, definition, names))
        return told

    def rows_of_trials(self) -> dict[str, list[str]]:
        """The rows, as spec/recipe/variant, that each trial belongs to."""
        found: dict[str, list[str]] = {}
        for spec in self.specs():
            for recipe, definition, names in self.rows(spec):
                for name in names:
                    found.setdefault(name, []).append(f"{spec}/{recipe}/{definition['name']}")
        return {name: sorted(rows) for name, rows in found.items()}

    def strips(self, spec: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Recipe, label and picture of every strip that was found for a spec."""
        query = "SELECT recipe, label, picture FROM strips WHERE spec = ? ORDER BY recipe, place"
        found = self._fetch((_TEXT, _TEXT, _TEXT), query, (spec,))
        with self._whole():
            return [(recipe, label, _picture(picture)) for recipe, label, picture in found]

    def sessions(self) -> list[dict[str, Any]]:
        """The sweeps that wrote to this file."""
        found = self._fetch(tuple(_SESSION.values()), f"SELECT {', '.join(_SESSION)} FROM sessions ORDER BY id")
        with self._whole():
            sessions = [dict(zip(_SESSION, row, strict=True)) for row in found]
            return [session | {"machine": parse_json(session["machine"], _MACHINE)} for session in sessions]

    def _fetch(self, kinds: Sequence[tuple[type, ...]], query: str, words: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query. Failure if a value is of no such kind: SQLite keeps anything in any column."""
        found = self._db.execute(query, words).fetchall()
        for row in found:
            for value, kind in zip(row, kinds, strict=True):
                if type(value) not in kind or (type(value) is float and not abs(value) < 1e100):
                    raise Failure(f"{self.path} is damaged: it holds {shown(value)} where {kind[0].__name__} should be")
        return found

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Values that no version of golfast writes are damage."""
        try:
            yield
        except ValueError as error:
            raise Failure(f"{self.path} is damaged: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _text(value: Any) -> str:
    """As JSON, in which 1 and 1.0 are two: what is drawn from 1 to 2 is not what is drawn from 1.0 to 2.0."""
    return json.dumps(value, sort_keys=True)


def _finished(values: dict[str, Any]) -> Finished:
    values["state"] = State(values["state"])
    values["seconds"] = float(values["seconds"])
    values["config"] = parse_json(values["config"], {})
    values["result"] = None if values["result"] is None else parse_json(values["result"], RESULT)
    return Finished(**values)


def _records(packed: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parse_json(decompress(packed, JSON_BYTES).decode(), [RECORD])
    if len({len(record.get("accuracy", ())) for record in found}) > 1:
        raise ValueError("a curve has more states at one step than at another")
    return found


def _spec(text: str) -> dict[str, Any]:
    found: dict[str, Any] = parse_json(text, _SPEC)
    if not any(found["measure"] in measures for measures in MEASURES.values()):
        raise ValueError(f"there is no measure {shown(found['measure'])}")
    return found


def _definition(text: str) -> dict[str, Any]:
    found: dict[str, Any] = parse_json(text, _ROW)
    for key, ends in found.get("draw", {}).items():
        check_range(shown(key), ends)
    check_paper_runs("a row", found["paper"])
    return found


def _picture(text: str) -> dict[str, Any]:
    found: dict[str, Any] = parse_json(text, _PICTURE)
    states = [*found["truth"], *found["imagined"]]
    shapes = {(len(state), *map(len, state)) for state in states}
    rows = {row for state in states for row in state}
    if len(found["truth"]) < 2 or not found["imagined"] or len(shapes) > 1 or shapes == {(0,)}:
        raise ValueError("a strip is not of boards of one size")
    if len({len(row) for row in rows}) > 1 or not all(row and set(row) <= {"0", "1"} for row in rows):
        raise ValueError("the boards of a strip are not of rows of 0 and 1")
    return found


def _check_format(db: sqlite3.Connection, path: Path, *, writing: bool) -> None:
    """Failure, before anything is written, if this is another program's file, or an empty one to read from."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    there, ours = _names(db), _our_tables()
    if version or there:
        known = version == FORMAT and {"trials", "members"} <= there
        if not known or any(_table(db, name) != ours[name] for name in there & ours.keys()):
            raise Failure(f"{path} is not a results file of format {FORMAT}; give another file")
    if not writing and not there:
        raise Failure(f"{path} has no results yet")


def _names(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master")}


def _table(db: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """The columns of a table, each with what it is a column of, which may be a view."""
    columns = "SELECT made.type, has.name FROM sqlite_master AS made, pragma_table_info(made.name) AS has"
    return db.execute(f"{columns} WHERE made.name = ? ORDER BY has.cid", (name,)).fetchall()


@cache
def _our_tables() -> dict[str, list[tuple[str, str]]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_TABLES)
        return {name: _table(db, name) for name in _names(db)}


def _open(path: Path, mode: str) -> sqlite3.Connection:
    """A connection that believes nothing of what a file says that somebody else may have made.

    Where SQLite cannot lock the file, and the user promised that there is one writer, it goes on without: it keeps the
    index of its log (WAL) in memory, and takes up a log that another left.
    """
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            check_regular(beside)
    where = f"{path.resolve().as_uri()}?mode={mode}"
    db = _connect(where)
    try:
        db.execute("PRAGMA schema_version")
        return db
    except sqlite3.OperationalError as error:
        db.close()
        if error.sqlite_errorname not in _UNLOCKED:
            raise
        if not promised():
            raise Failure(no_locks(path, str(error))) from None
    db = _connect(f"{where}&vfs=unix-none")
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    return db


def _connect(where: str) -> sqlite3.Connection:
    db = sqlite3.connect(where, uri=True, isolation_level=None)
    db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, JSON_BYTES)
    db.execute("PRAGMA trusted_schema = OFF")
    return db


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's own errors as ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise Failure(f"{path} cannot be used as a results file: {error}") from error
