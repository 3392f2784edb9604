"""File systems that know no locks: who writes says so, or goes on where the user promised that it is alone."""

import errno
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from golfast.ablate.store import Store
from golfast.ablate.work import shared_dataset
from golfast.data import Recipe, convert, make
from golfast.errors import Failure
from golfast.run.folder import RunFolder
from golfast.run.locks import VARIABLE, check_lockable, lock, unlocked

RECIPE = Recipe(count=10)


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def no_locks(request, monkeypatch):
    def refuse(file, how):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


def locked(path):
    with RunFolder(path).locked():
        pass


def written(path):
    with Store.writing(path):
        pass


WRITERS = {
    "run folder": locked,
    "results file": written,
    "dataset": lambda path: make(path, RECIPE),
    "archive": lambda path: convert(path.with_name("whole.h5"), path, profile="archive"),
    "shared dataset": lambda path: shared_dataset(path, RECIPE),
}


@pytest.mark.parametrize("what", WRITERS)
def test_a_file_system_without_locks_is_told_with_what_to_do(tmp_path, no_locks, what):
    with unlocked():
        make(tmp_path / "whole.h5", RECIPE)
    path = tmp_path / "there"
    with pytest.raises(Failure, match=r"cannot be locked: its file system has no locks \(.*\); give --no-lock") as told:
        WRITERS[what](path)
    assert str(tmp_path) in str(told.value)
    assert not list(tmp_path.rglob("*.partial"))  # nothing is left that would be in the way of the next
    with unlocked():
        WRITERS[what](path)
    assert path.exists()
    assert VARIABLE not in os.environ


def test_a_lock_that_works_is_heeded_whatever_was_promised(tmp_path):
    with RunFolder(tmp_path).locked(), unlocked(), pytest.raises(Failure, match="another job is at work"):
        locked(tmp_path)
    check_lockable(tmp_path)
    with (tmp_path / "file").open("w") as file:
        assert lock(file.fileno(), tmp_path / "file", busy="")


def test_all_names_of_a_results_file_have_one_lock(tmp_path):
    (tmp_path / "link.sqlite").symlink_to("results.sqlite")
    with Store.writing(tmp_path / "results.sqlite"), pytest.raises(Failure, match="another job writes to"):
        written(tmp_path / "link.sqlite")


def test_a_lock_file_that_is_a_link_harms_nothing(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / ".r.sqlite.lock").symlink_to(tmp_path / "mine")
    (tmp_path / "data").mkdir()
    with pytest.raises(OSError, match="symbolic links"):
        written(tmp_path / "r.sqlite")
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("profile", ["train", "archive"])
def test_a_partial_dataset_that_is_a_link_is_not_written_through(tmp_path, profile):
    whole = make(tmp_path / "whole.h5", RECIPE)
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "x.h5.partial").symlink_to("mine")
    for how in ({"resume": True}, {"overwrite": True}):
        with pytest.raises(Failure, match="is not a file that a job left"):
            convert(whole, tmp_path / "x.h5", profile=profile, **how)
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """A library that takes all locks away from a process, SQLite's and HDF5's too."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler, and Linux")
    path = tmp_path_factory.mktemp("shim") / "no_locks.so"
    source = Path(__file__).with_name("no_locks.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, source, "-ldl"], check=True)
    return path


SQLITE = """
import sys
from pathlib import Path
from golfast.ablate.store import Store
path = Path(sys.argv[1])
with Store.writing(path) as store:
    machine = {"hardware": {}, "versions": {}}
    store.begin_session(began="now", command="golfast", executor="local", workers=1, machine=machine)
    with Store.reading(path) as reader:
        pass
with Store.reading(path) as store:
    print(len(store.sessions()))
"""


def test_sqlite_without_locks(tmp_path, shim):
    def run(code, **environment):
        words = [sys.executable, "-c", code, str(tmp_path / "r.sqlite")]
        done = subprocess.run(
            words, env={**os.environ, "LD_PRELOAD": str(shim), **environment}, capture_output=True, text=True
        )
        return done.stdout or done.stderr.strip().rpartition("\n")[2]

    assert "cannot be locked" in run(SQLITE)
    for number in (1, 2):
        assert run(SQLITE, GOLFAST_NO_LOCK="1") == f"{number}\n"
    reading = "\n".join(SQLITE.splitlines()[:5]) + "\nwith Store.reading(path): pass"
    assert "r.sqlite cannot be locked: its file system has no locks (disk I/O error); give --no-lock" in run(reading)
    killed = SQLITE.replace("    with Store.reading(path) as reader:\n        pass\n", "    import os; os._exit(0)\n")
    assert "_exit" in killed
    run(killed, GOLFAST_NO_LOCK="1")
    assert run(SQLITE, GOLFAST_NO_LOCK="1") == "4\n"  # what a killed one left in the log is there
    with Store.writing(tmp_path / "r.sqlite") as store:  # and on a file system with locks, too
        assert len(store.sessions()) == 4
    with sqlite3.connect(tmp_path / "r.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


HDF5 = """
import sys
from pathlib import Path
from golfast.data import Recipe, Trajectories, make
path = Path(sys.argv[1])
(Trajectories if path.exists() else lambda path: make(path, Recipe(count=10)))(path)
"""


@pytest.mark.parametrize("there", [False, True])
def test_hdf5_is_told_by_its_variable_to_lock(tmp_path, shim, there):
    """It heeds that more than what it is called with, and cannot: we have a lock on the file, or there are none."""
    if there:
        make(tmp_path / "a.h5", RECIPE)
    environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "TRUE"} | ({"LD_PRELOAD": str(shim)} if there else {})
    done = subprocess.run(
        [sys.executable, "-c", HDF5, str(tmp_path / "a.h5")], env=environment, capture_output=True, text=True
    )
    assert "HDF5 cannot lock" in done.stderr.splitlines()[-1]
    assert "unset HDF5_USE_FILE_LOCKING" in done.stderr.splitlines()[-1]
