"""Sweeps in real processes: nothing that ended is lost, nothing is run twice, what fails is told."""

import contextlib
import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import fake_trials as fake
import pytest
from fake_trials import run

from golfast.ablate import store
from golfast.ablate.jobs import State, Trial
from golfast.ablate.local import LocalExecutor
from golfast.ablate.plan import Plan
from golfast.ablate.store import Store
from golfast.ablate.sweep import sweep
from golfast.errors import Failure
from golfast.run.config import fingerprint
from golfast.train import TrainConfig


def figures(path):
    with Store.reading(path / "results.sqlite") as store:
        members = [(recipe, row["name"], trials) for recipe, row, trials in store.rows("s")]
        results = {trial.name: (trial.state, trial.result) for trial in store.trials()}
        return members, results


def test_a_sweep_ends_with_the_same_figures_whatever_happens(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plan, said = run(tmp_path / "a", fake.Fake(tmp_path / "a", short=(2,)), workers=1)
    assert said == []
    assert [trial.config.seed for trial in plan.rows[0].trials] == [1, 2, 3, 4, 5, 6, 7]
    _, said = run(tmp_path / "b", fake.Fake(tmp_path / "b", 0.01, short=(2,), dies_once=(1, 4)), workers=3)
    assert len(said) == 4
    assert "was killed by signal 9 (SIGKILL)" in said[0]
    assert figures(tmp_path / "a") == figures(tmp_path / "b")
    before = sorted((tmp_path / "a").glob("started-*"))
    run(tmp_path / "a", fake.Fake(tmp_path / "a", fails=tuple(range(9))))  # nothing is run again
    assert sorted((tmp_path / "a").glob("started-*")) == before


def test_failures_are_tried_again_and_then_recorded_with_their_reason(tmp_path):
    plan, said = run(tmp_path, fake.Fake(tmp_path, fails=(1,), dies=(2,)))
    assert sum("failed 3 times" in line for line in said) == 4
    with Store.reading(tmp_path / "results.sqlite") as store:
        failed = {trial.seed: trial for trial in store.trials() if trial.state is State.FAILED}
        assert failed[1].reason == "training diverged: the loss is nan at step 50"
        assert failed[2].reason == "its process was killed by signal 9 (SIGKILL)"
        assert failed[1].attempts == failed[2].attempts == 3
        assert len(store.states()) == 8 + 5
        assert set(store.states(failed=False).values()) == {State.COUNTED}
    assert all(row.done(plan.states) for row in plan.rows)


KILLED = """
import sys
from pathlib import Path
import fake_trials as fake
if __name__ == "__main__":
    fake.run(Path(sys.argv[1]), fake.Fake(Path(sys.argv[1]), 0.1))
"""


def test_a_sweep_that_is_killed_loses_no_finished_trial_and_leaves_no_worker(tmp_path):
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    ours = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    job = subprocess.Popen([sys.executable, script, tmp_path], env=os.environ | {"PYTHONPATH": ours})
    results = tmp_path / "results.sqlite"
    deadline = time.monotonic() + 60
    finished = {}
    while len(finished) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
        if results.exists():
            with sqlite3.connect(results) as db:
                tables = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'trials'").fetchone()
                finished = dict(db.execute("SELECT name, finished FROM trials")) if tables[0] else {}
    assert len(finished) >= 3
    with pytest.raises(Failure, match="another job writes to"), Store.writing(results):
        pass
    job.send_signal(signal.SIGKILL)
    job.wait()
    workers = {int(pid) for path in tmp_path.glob("started-*") for pid in path.read_text().split()}
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with Store.reading(results) as store:
        finished = store.states()
    assert 3 <= len(finished) < 9
    assert {path.name for path in tmp_path.glob("ended-*")} >= {f"ended-{name}" for name in finished}
    started = {name: (tmp_path / f"started-{name}").read_text() for name in finished}
    plan, _ = run(tmp_path, fake.Fake(tmp_path))
    assert {name: (tmp_path / f"started-{name}").read_text() for name in finished} == started
    assert [row.count(plan.states, State.COUNTED) for row in plan.rows] == [6, 3]


def test_workers_have_one_thread_each_and_stay():
    configs = [TrainConfig(seed=seed) for seed in range(4)]
    with LocalExecutor(fake.threads, 1) as executor:
        answers = []
        for config in configs:
            executor.submit(Trial(fingerprint(config), config))
            while not (ended := executor.wait(10)):
                pass
            answers += [end.result for end in ended]
    assert {(answer["torch"], answer["golfast"]) for answer in answers} == {(1, 1)}
    assert len({answer["pid"] for answer in answers}) == 1
    assert answers[0]["pid"] != os.getpid()


def test_workers_hear_no_ctrl_c_even_while_they_start():
    """A terminal sends it to all of them; what they load must not answer with a traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with LocalExecutor(fake.deaf, 2) as executor:
        for seed in range(2):
            executor.submit(Trial(str(seed), fake.Tiny("a", seed)))
        ended = []
        while len(ended) < 2:
            ended += executor.wait(10)
    assert [end.result["deaf"] for end in ended] == [True, True]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_results_file_that_is_none(tmp_path):
    (tmp_path / "a.sqlite").write_text("golfast" * 100)
    with pytest.raises(Failure, match="cannot be used as a results file"), Store.reading(tmp_path / "a.sqlite"):
        pass
    with pytest.raises(FileNotFoundError), Store.reading(tmp_path / "b.sqlite"):
        pass
    with sqlite3.connect(tmp_path / "c.sqlite") as db:
        db.execute("CREATE TABLE other (x)")
    with pytest.raises(Failure, match="not a results file of format"), Store.writing(tmp_path / "c.sqlite"):
        pass


def members(path, variant="a"):
    """Seeds and states of a row as tables have them."""
    with Store.reading(path / "results.sqlite") as store:
        rows = {definition["name"]: names for _, definition, names in store.rows("s")}
        return [(trial.seed, trial.state.value) for trial in store.trials(rows[variant])]


def test_what_is_tried_again_takes_its_place(tmp_path):
    work = fake.Fake(tmp_path, fails=(2,))
    fake.run(tmp_path, work, rows=fake.sweep_rows(a=3))
    assert members(tmp_path) == [(1, "counted"), (2, "failed"), (3, "counted"), (4, "counted")]
    with Store.writing(tmp_path / "results.sqlite") as store:
        plan = Plan(fake.sweep_rows(a=3), store.states(failed=False))
        with LocalExecutor(fake.Fake(tmp_path), 1) as executor:
            sweep(plan, executor, store, watcher=fake.Silent())
    assert members(tmp_path) == [(1, "counted"), (2, "counted"), (3, "counted")]


def test_fewer_runs_leave_those_that_are_there(tmp_path):
    fake.run(tmp_path, fake.Fake(tmp_path), rows=fake.sweep_rows(a=4))
    fake.run(tmp_path, fake.Fake(tmp_path), rows=fake.sweep_rows(a=2))
    assert len(members(tmp_path)) == 4


def test_a_row_that_asks_something_else_has_no_runs_of_before(tmp_path):
    fake.run(tmp_path, fake.Fake(tmp_path), rows=fake.sweep_rows(a=4))
    changed = fake.sweep_rows(a=2)[0]
    changed.variant = dataclasses.replace(changed.variant, changes={"model.channels": 4}, first_seed=11)
    fake.run(tmp_path, fake.Fake(tmp_path), rows=[changed])
    assert members(tmp_path) == [(11, "counted"), (12, "counted")]


def test_damage_is_told_with_the_files_name(tmp_path):
    fake.run(tmp_path, fake.Fake(tmp_path), rows=fake.sweep_rows(a=1))
    path = tmp_path / "results.sqlite"
    looks = {
        "UPDATE trials SET config = '{'": lambda ours: ours.trials(),
        "UPDATE trials SET config = '5'": lambda ours: ours.trials(),
        "UPDATE trials SET config = '{}', seconds = x'00'": lambda ours: ours.trials(),
        "UPDATE curves SET records = 5": lambda ours: ours.curve(fingerprint(fake.Tiny("a", 1))),
        "UPDATE rows SET definition = '[]'": lambda ours: ours.rows("s"),
        "UPDATE trials SET state = 'weird'": lambda ours: ours.rows("s"),
        "UPDATE rows SET definition = '{}'": lambda ours: ours.rows("s"),
        "UPDATE specs SET definition = 'nope'": lambda ours: ours.specs(),
        "UPDATE sessions SET machine = '{'": lambda ours: ours.sessions(),
    }
    for damage, look in looks.items():
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute(damage)
            db.commit()
        with Store.reading(path) as store, pytest.raises(Failure, match=r"results\.sqlite is damaged"):
            look(store)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE rows SET definition = '{'")
        db.commit()
    with Store.writing(path) as ours, pytest.raises(Failure, match=r"results\.sqlite is damaged"):
        ours.save_row(fake.sweep_rows(a=1)[0], 0)


def test_a_foreign_file_of_the_same_number_is_not_written_to(tmp_path):
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE songs (name TEXT); PRAGMA user_version = 1;")
    with pytest.raises(Failure, match="is not a results file"), Store.writing(path):
        pass
    with contextlib.closing(sqlite3.connect(path)) as db:  # with a table that only a module of the other program reads
        index = "'table', 'found', 'found', 0, 'CREATE VIRTUAL TABLE found USING theirs(name)'"
        db.executescript(f"PRAGMA writable_schema = ON; INSERT INTO sqlite_master VALUES ({index});")
    with pytest.raises(Failure, match="is not a results file"), Store.reading(path):
        pass
    path.write_bytes(b"")
    with pytest.raises(Failure, match="has no results yet"), Store.reading(path):
        pass


@pytest.mark.parametrize(
    "tables",
    [
        "CREATE TABLE trials (patient TEXT, dose REAL); CREATE TABLE members (name TEXT, address TEXT);",
        f"{store._TABLES} ALTER TABLE trials RENAME COLUMN worker TO patient;",
        f"{store._TABLES} ALTER TABLE rows ADD COLUMN colour TEXT;",
        f"{store._TABLES} DROP TABLE trials; CREATE VIEW trials AS SELECT * FROM members;",
        f"{store._TABLES} DROP TABLE curves; CREATE VIEW curves AS SELECT trial, place AS records FROM members;",
    ],
    ids=["others", "renamed", "one more", "a view", "another view"],
)
def test_a_foreign_file_with_tables_named_as_ours_is_not_written_to(tmp_path, tables):
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(f"{tables} PRAGMA user_version = {store.FORMAT};")
    before = path.read_bytes()
    for opened in (Store.reading, Store.writing):
        with (
            pytest.raises(Failure, match=r"other\.sqlite is not a results file of format 1; give another file"),
            opened(path),
        ):
            pytest.fail("it was opened")
    assert path.read_bytes() == before


def test_a_file_without_a_table_that_came_later_is_ours(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "results.sqlite")) as db:
        db.executescript(f"{store._TABLES} DROP TABLE strips; PRAGMA user_version = {store.FORMAT};")
    with Store.writing(tmp_path / "results.sqlite") as ours:
        assert ours.strips("s") == []
