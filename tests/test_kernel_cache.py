"""Compiled kernels on disk: whatever processes, kills and versions do to the folder, a kernel is what was asked for."""

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import golfast
from golfast import kernel_cache
from golfast.jit import specialised
from golfast.kernel_cache import KernelCache, prune, read_kernel, write_kernel
from golfast.life import reference
from golfast.life.kernels import narrow, proofs, small, survey, wide
from golfast.life.rule import Rule


class Killed(BaseException):
    """What a process that is killed raises: nothing."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_cache, "cache_folders", lambda: (tmp_path,))
    return tmp_path


def adder(number, proof=None):
    @specialised(number, proof=proof)
    def add(values):
        values[0] += number

    return add


def added(function):
    values = np.zeros(1, np.int64)
    function(values)
    return int(values[0])


def hits(function):
    return sum(function.stats.cache_hits.values())


_FOUR = """
import sys
import numpy as np
from golfast.life import reference, simulate
from golfast.life.rule import Rule
boards = np.random.default_rng(0).integers(0, 2, (50, 20, 20), np.uint8)
wrong = [
    rule for rule in sys.argv[1:]
    if (simulate(boards, 3, rule=rule, boundary="torus")
        != reference.trajectories(boards, 3, Rule.parse(rule), "torus")).any()
]
print(*wrong)
"""


def start(tmp_path, code, *arguments, package=None):
    paths = [str(package)] if package else []
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=package or tmp_path)


def test_four_processes_that_compile_at_once_and_those_that_come_later_simulate_what_they_were_asked_for(tmp_path):
    rules = ["B2/S", "B3/S12", "B36/S23", "B1/S1", "B3678/S34678", "B3/S23"]
    together = [start(tmp_path, _FOUR, *rules[k:], *rules[:k]) for k in range(4)]
    assert [process.communicate()[0] for process in together] == ["\n"] * 4
    later = start(tmp_path, _FOUR, *rules)
    assert later.communicate()[0] == "\n"
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_kill_between_any_two_writes_leaves_no_kernel_that_is_taken_for_another(folder, monkeypatch):
    """B2/S and B3/S12 are there, sources change, and B3/S12 is killed on its way."""

    def run(rule):
        boards = np.random.default_rng(0).integers(0, 2, (4, 20, 20), np.uint8)
        states = np.zeros((4, 2, 20, 3), np.uint8)
        states[:, 0] = np.packbits(boards, axis=-1)
        place = narrow._plan(), narrow._stage(), 20, 20
        narrow.narrow.__wrapped__(Rule.parse(rule), False).record(states.reshape(-1), 2, *place, 0, 4)
        expected = reference.step(boards, Rule.parse(rule), "dead")
        np.testing.assert_array_equal(np.unpackbits(states[:, 1], axis=-1, count=20), expected)

    run("B2/S")
    run("B3/S12")
    monkeypatch.setattr(kernel_cache, "_sources_digest", lambda modules: "other sources")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", _killed)
        patched.setattr(Path, "unlink", _killed)
        with pytest.raises(Killed):
            run("B3/S12")
    run("B3/S12")
    run("B2/S")


def _killed(*_arguments, **_options):
    raise Killed


@pytest.mark.parametrize("operation", ["open", "write", "half", "replace", "after"])
def test_a_kill_at_any_moment_of_a_write_costs_no_more_than_compiling_again(folder, monkeypatch, operation):
    assert added(adder(1)) == 1
    write, replace = Path.write_bytes, Path.replace

    def broken_write(path, content):
        if operation != "open":
            write(path, content[: {"write": 0, "half": len(content) // 2}[operation]])
        raise Killed

    def broken_replace(path, target):
        if operation == "after":
            replace(path, target)
        raise Killed

    with monkeypatch.context() as patched:
        if operation in ("replace", "after"):
            patched.setattr(Path, "replace", broken_replace)
        else:
            patched.setattr(Path, "write_bytes", broken_write)
        patched.setattr(Path, "unlink", _killed)
        with pytest.raises(Killed):
            added(adder(2))
    again = adder(2)
    assert added(again) == 2
    assert hits(again) == (operation == "after")
    assert added(adder(1)) == 1


def test_a_file_of_another_kernel_under_this_ones_name_is_compiled_anew(folder):
    one, two = adder(1), adder(2)
    added(one)
    (file,) = folder.iterdir()
    content = file.read_bytes()
    file.unlink()
    added(two)
    (other,) = folder.iterdir()
    other.write_bytes(content)
    again = adder(2)
    assert (added(again), hits(again)) == (2, 0)
    once_more = adder(2)
    assert (added(once_more), hits(once_more)) == (2, 1)


def test_a_file_with_any_byte_changed_or_cut_off_is_compiled_anew(folder):
    key, payload = b"a key", bytes(range(256))
    path = folder / "a.kernel"
    write_kernel(path, key, payload)
    content = path.read_bytes()
    assert read_kernel(path, key) == payload
    assert read_kernel(path, b"akey ") is None
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert read_kernel(path, key) is None
        path.write_bytes(content[:place])
        assert read_kernel(path, key) is None


def test_kernels_that_differ_in_anything_have_different_keys(folder):
    def keys(*functions):
        codegen = functions[0].targetctx.codegen()
        return {KernelCache(function.py_func).key("(int64,)", codegen) for function in functions}

    inner = [adder(1), adder(2)]

    def outer(function, constant=0):
        @specialised()
        def call(values):
            function(values)
            values[0] += constant

        return call

    assert len(keys(*inner)) == 2  # what a function closes over
    assert len(keys(outer(inner[0]), outer(inner[1]), outer(inner[0], 1))) == 3  # what those close over
    assert len(keys(adder(1), adder(1))) == 1


def test_code_of_an_upgrade_that_happened_meanwhile_is_not_taken_for_this_process_s(folder, tmp_path, monkeypatch):
    """The texts on disk have changed since a process imported them: what counts is what it has in memory."""
    module = tmp_path / "kernels_of_a_test.py"
    module.write_text(_MODULE.format(number=1))
    monkeypatch.syspath_prepend(tmp_path)
    import kernels_of_a_test as old

    module.write_text(_MODULE.format(number=2))
    kernel_cache._source.cache_clear()
    kernel_cache._sources_digest.cache_clear()
    assert added(old.add) == 1
    del sys.modules["kernels_of_a_test"]
    import kernels_of_a_test as new

    assert added(new.add) == 2


_MODULE = """
from golfast.jit import kernel, part
@part
def one():
    return {number}
@kernel
def add(values):
    values[0] += one()
"""

_VERSION = """
from golfast.life import simulate, unpack
import numpy as np
print(unpack(np.array([[128]], np.uint8), 1), simulate(np.ones((3, 8)), 1)[-1].sum())
"""


def test_two_versions_of_the_sources_at_once_each_run_their_own(tmp_path):
    versions = []
    for name, change in (("old", None), ("new", ("(7 - column % 8) & 1", "(6 - column % 8) & 1"))):
        shutil.copytree(
            Path(golfast.__file__).parent, tmp_path / name / "golfast", ignore=shutil.ignore_patterns("__py*")
        )
        versions.append(tmp_path / name)
        if change:
            file = tmp_path / name / "golfast" / "life" / "kernels" / "cells.py"
            file.write_text(file.read_text().replace(*change))
    for _ in range(2):  # compiled at once, then loaded
        running = [start(tmp_path, _VERSION, package=version) for version in versions * 2]
        printed = [process.communicate()[0] for process in running]
        assert printed == ["[[1]] 4\n", "[[0]] 4\n"] * 2


def kernels_of(rule, torus):
    """Every kernel that is made for a rule, with its trial run."""
    families = [(narrow, narrow.narrow), (survey, survey.survey)] + [(small, small.small)] * small.is_small(20, 20)
    for module, make in families:
        made = make.__wrapped__(rule, torus)
        yield from ((getattr(module, f"prove_{name}"), kernel) for name, kernel in made._asdict().items())
    yield wide.prove_evolve, wide.wide.__wrapped__(rule, torus)


@pytest.mark.parametrize("torus", [False, True])
def test_every_kernel_of_a_rule_proves_itself_and_none_of_another_rule_can(torus):
    rule = Rule.parse("B3/S23")
    for prove, kernel in kernels_of(rule, torus):
        assert kernel._cache.proof.func is prove
        assert prove(rule, torus, kernel)
        for other in ("B3/S2", "B38/S23", "B3/S238"):
            assert not prove(Rule.parse(other), torus, kernel)


@pytest.mark.parametrize("boundary", ["dead", "torus"])
def test_the_boards_of_trial_runs_have_every_kind_of_neighbourhood(boundary):
    soups = np.unpackbits(proofs.true_soups(Rule.parse("B3/S23"), boundary == "torus"), axis=-1, count=proofs.WIDTH)
    for boards in (proofs.board(), proofs.board(proofs.WIDE), soups[:, 0]):
        around = reference.neighbours(boards, boundary)
        assert {(int(c), int(n)) for c, n in zip(boards.flat, around.flat, strict=True)} == {
            (cell, count) for cell in (0, 1) for count in range(9)
        }


def test_a_kernel_that_computes_something_else_is_not_used_and_a_warning_says_so(folder):
    def proof(function):
        return added(function) == 3

    wrong, right = adder(4), adder(3, proof)
    added(wrong), added(right)
    codegen = right.targetctx.codegen()
    key = right._cache.key(_signature(right), codegen)
    theirs = wrong._cache.key(_signature(wrong), codegen)
    forged = read_kernel(folder / kernel_cache._file_name(wrong.py_func, theirs), theirs)
    write_kernel(folder / kernel_cache._file_name(right.py_func, key), key, forged)
    again = adder(3, proof)
    with pytest.warns(RuntimeWarning, match="wrong cells on a test board; it is not used"):
        assert added(again) == 3
    once_more = adder(3, proof)
    assert (added(once_more), hits(once_more)) == (3, 1)


def _signature(function):
    (signature,) = function.signatures
    return signature


def test_a_kernel_that_is_wrong_as_compiled_is_never_used(folder):
    function = adder(4, lambda function: added(function) == 3)
    for _ in range(2):
        with pytest.raises(golfast.errors.Failure, match="computes wrong cells on this CPU"):
            added(function)
    assert not list(folder.iterdir())


def test_files_that_nobody_loads_are_removed_in_the_end(folder):
    added(adder(1))
    (file,) = folder.iterdir()
    left = folder / "left-by-a-kill.tmp"
    left.touch()
    theirs = folder / "notes.txt"
    theirs.touch()
    days = 24 * 3600
    os.utime(theirs, (0, 0))
    assert prune(folder) == 0
    os.utime(left, (time.time() - 2 * days,) * 2)
    os.utime(file, (time.time() - 40 * days,) * 2)
    assert prune(folder) == 1  # what a kill left
    assert added(adder(1)) == 1  # used again, so it stays
    assert prune(folder, days=30) == 0
    os.utime(file, (time.time() - 61 * days,) * 2)
    assert prune(folder) == 1
    assert list(folder.iterdir()) == [theirs]


def test_a_file_that_cannot_be_unpickled_is_compiled_anew(folder):
    function = adder(1)
    added(function)
    key = function._cache.key(_signature(function), function.targetctx.codegen())
    write_kernel(folder / kernel_cache._file_name(function.py_func, key), key, pickle.dumps("what?"))
    again = adder(1)
    assert (added(again), hits(again)) == (1, 0)


def test_a_pipe_or_a_folder_in_place_of_a_file_is_not_waited_for(folder):
    function = adder(1)
    added(function)
    (file,) = folder.iterdir()
    for put in (os.mkfifo, os.mkdir):
        file.unlink()
        put(file)
        again = adder(1)
        assert (added(again), hits(again)) == (1, 0)
    file.rmdir()


def test_kernels_are_read_also_from_where_nothing_can_be_written(folder, tmp_path, monkeypatch):
    added(adder(1))
    second = tmp_path / "second"
    second.mkdir()
    monkeypatch.setattr(kernel_cache, "cache_folders", lambda: (folder, second))
    write = kernel_cache.write_kernel

    def write_in_second(path, key, payload):
        if path.parent == folder:
            raise OSError("read-only")
        write(path, key, payload)

    monkeypatch.setattr(kernel_cache, "write_kernel", write_in_second)
    one, two = adder(1), adder(2)
    assert (added(one), hits(one)) == (1, 1)
    assert (added(two), hits(two)) == (2, 0)
    again = adder(2)
    assert (added(again), hits(again)) == (2, 1)
    assert len(list(second.iterdir())) == 1
