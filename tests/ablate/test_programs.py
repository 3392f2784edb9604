"""Sweeps begun from Python as people run it: scripts without a guard, daemonic processes, work that cannot be sent."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import fake_trials as fake
import pytest

from golfast.ablate.store import Store

SCRIPT = """
import sys
from pathlib import Path
from fake_trials import Fake, FakeTogether, run

HERE = Path({folder!r})

class Local(Fake):
    pass

{begin}
"""
BARE = "run(HERE, {work}, together={together})"
GUARDED = 'if __name__ == "__main__":\n    ' + BARE
EXECUTOR_FIRST = """
from golfast.ablate.local import LocalExecutor
from fake_trials import Tiny, Trial
with LocalExecutor({work}, 1) as executor:
    executor.submit(Trial("0", Tiny("a", 0)))
    while not executor.wait(10):
        pass
"""


def script(tmp_path, begin, work="Fake(HERE)", together=1):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(folder=str(tmp_path), begin=begin.format(work=work, together=together)))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run([sys.executable, str(path)], env=environment, capture_output=True, text=True, timeout=120)


def trials(tmp_path):
    with Store.reading(tmp_path / "results.sqlite") as store:
        return len(store.trials())


@pytest.mark.parametrize(("work", "together"), [("Fake(HERE)", 1), ("FakeTogether(HERE)", 3)])
def test_a_script_without_the_guard_is_told_and_leaves_no_trial(tmp_path, work, together):
    done = script(tmp_path, BARE, work, together)
    assert done.returncode == 1
    told = done.stderr.splitlines()
    assert 'put what begins a sweep below `if __name__ == "__main__":`' in told[-1]
    assert sum(line.startswith("Traceback") for line in told) == 1  # ours: the workers end without a word
    assert trials(tmp_path) == 0


def test_so_is_one_that_only_starts_workers(tmp_path):
    done = script(tmp_path, EXECUTOR_FIRST)
    assert "if __name__" in done.stderr.splitlines()[-1]
    assert sum(line.startswith("Traceback") for line in done.stderr.splitlines()) == 1


def test_with_the_guard_work_of_the_script_itself_runs(tmp_path):
    done = script(tmp_path, GUARDED, "Local(HERE)")
    assert done.returncode == 0, done.stderr
    assert trials(tmp_path) == 9


def test_work_that_a_new_process_cannot_import_is_no_failed_trial(tmp_path):
    begin = 'if __name__ == "__main__":\n    class Hidden(Fake):\n        pass\n    run(HERE, Hidden(HERE))'
    done = script(tmp_path, begin)
    assert "a worker process cannot start: its process ended with 1" in done.stderr.splitlines()[-1]
    assert trials(tmp_path) == 0


def daemonic(folder, pipe):
    try:
        fake.run(folder, fake.Fake(folder))
    except Exception as error:
        pipe.send((type(error).__name__, str(error)))


def test_a_daemonic_process_is_told(tmp_path):
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=daemonic, args=(tmp_path, theirs), daemon=True)
    process.start()
    theirs.close()
    kind, told = ours.recv()
    process.join()
    assert kind == "Failure"
    assert told.startswith("a daemonic process cannot start the workers of a sweep; start this process with")
    assert trials(tmp_path) == 0
