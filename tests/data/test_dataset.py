"""Making, killing, resuming, reading and verifying datasets."""

import errno
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from golfast.data import Recipe, Trajectories, convert, describe, generate, layout, make, make_shards, verify, writer
from golfast.errors import Failure
from golfast.life import reference, soups
from golfast.life.rule import Rule

RECIPE = Recipe(count=333, seed=5)


class Killed(BaseException):
    pass


def test_anybody_can_read_a_file_with_h5py_and_numpy(tmp_path):
    make(tmp_path / "a.h5", RECIPE)
    with h5py.File(tmp_path / "a.h5") as file:
        states = np.unpackbits(file["states"][:], axis=-1, count=file.attrs["width"])
        assert file.attrs["rule"] == b"B3/S23"
        assert file.attrs["seed"] == 5
    first = soups(333, 20, 20, seed=5, fresh=0.1)
    np.testing.assert_array_equal(states, reference.trajectories(first, 3, Rule.parse("B3/S23"), "dead"))


@pytest.mark.parametrize(
    "recipe",
    [RECIPE, Recipe(count=1), Recipe(count=41, height=3, width=70, generations=0, boundary="torus", rule="highlife")],
)
def test_blocks_together_are_the_whole(tmp_path, recipe):
    dataset = Trajectories(make(tmp_path / "a.h5", recipe))
    np.testing.assert_array_equal(dataset.packed, generate(recipe))
    np.testing.assert_array_equal(dataset.cells(slice(0, 1))[..., : recipe.width], dataset.cells(np.array([0])))
    assert verify(tmp_path / "a.h5", regenerate=True) == -(-recipe.count // max(1, 10_000 // recipe.trajectory_bytes))


def test_a_part_of_a_recipe_makes_that_part():
    np.testing.assert_array_equal(generate(RECIPE.part(100, 150)), generate(RECIPE)[100:150])
    assert RECIPE.part(100, 150).part(10, 20) == RECIPE.part(110, 120)
    out = np.empty((50, *RECIPE.shape[1:]), np.uint8)
    assert generate(RECIPE, 100, 150, out=out) is out
    np.testing.assert_array_equal(out, generate(RECIPE, 100, 150))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_makes_the_same_bytes(tmp_path, workers):
    one = make(tmp_path / "a.h5", RECIPE).read_bytes()
    assert make(tmp_path / "b.h5", RECIPE, workers=workers).read_bytes() == one


class System:
    """What a system does with direct writes, and what it was asked for."""

    def __init__(self, monkeypatch, kind):
        self.direct, self.pages, self.real_open, self.real_pwrite = set(), 0, os.open, os.pwrite
        self.refuses, flag = kind == "refused", getattr(os, "O_DIRECT", 0)
        self.knows = bool(flag) and kind != "unknown"
        if flag and not self.knows:
            monkeypatch.delattr(os, "O_DIRECT")
        self.flag = flag
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(os, "pwrite", self.pwrite)

    def open(self, path, flags, *rest, **more):
        file = self.real_open(path, flags & ~self.flag, *rest, **more)  # some file systems of test machines know it not
        self.direct.discard(file)
        if self.knows and flags & self.flag:
            self.direct.add(file)
        return file

    def pwrite(self, file, data, offset):
        if file in self.direct:
            if self.refuses:
                raise OSError(errno.EINVAL, "Invalid argument")
            address = np.frombuffer(data, np.uint8).ctypes.data
            assert address % 4096 == len(data) % 4096 == offset % 4096 == 0
            self.pages += len(data) // 4096
        return self.real_pwrite(file, data, offset)


@pytest.mark.parametrize("kind", ["known", "unknown", "refused"])
def test_direct_writes_make_the_same_bytes(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(layout, "BLOCK_BYTES", 150_000)  # 512 trajectories: 30 pages
    recipe = Recipe(count=1100, seed=5)  # and 76 are left, four pages and some bytes
    whole = make(tmp_path / "whole.h5", recipe)
    places = layout.open_layout(whole)
    assert (places.block, places.states_offset % 4096) == (512, 0)
    with monkeypatch.context() as patch:
        system = System(patch, kind)
        made = make(tmp_path / "a.h5", recipe)
    assert system.pages == (64 if kind == "known" else 0)
    assert made.read_bytes() == whole.read_bytes()
    np.testing.assert_array_equal(Trajectories(made).packed, generate(recipe))
    assert verify(made) == 3


def test_a_file_whose_states_begin_anywhere_is_resumed(tmp_path, monkeypatch):
    """As those that were begun before blocks were whole pages."""
    monkeypatch.setattr(layout, "PAGE", 1)
    recipe = Recipe(count=1100, seed=5)
    whole, path = make(tmp_path / "whole.h5", recipe).read_bytes(), tmp_path / "a.h5"
    assert layout.open_layout(tmp_path / "whole.h5").states_offset % 4096
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(writer, "generate", lambda *a, **k: (_ for _ in ()).throw(Killed))
        make(path, recipe)
    monkeypatch.setattr(layout, "PAGE", 4096)
    assert make(path, recipe, resume=True).read_bytes() == whole


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Failure, match="pipe is a named pipe and not a file"):
        Trajectories(tmp_path / "pipe")


def test_no_workers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="workers is 0; at least 1 thread must do the work"):
        make(tmp_path / "a.h5", RECIPE, workers=0)


def test_the_count_never_covers_a_block_that_is_late(tmp_path, monkeypatch):
    """Block 2 is slow, and 3 and 4 end before it; killed then, the count says 2."""
    real = writer.generate
    late = threading.Event()

    def slow(recipe, start, stop, *, out):
        if start == 2 * 41:
            late.wait(10)
            raise Killed
        if start == 4 * 41:
            late.set()
        return real(recipe, start, stop, out=out)

    monkeypatch.setattr(writer, "generate", slow)
    with pytest.raises(Killed):
        make(tmp_path / "a.h5", RECIPE, workers=2)
    partial = layout.partial_path(tmp_path / "a.h5")
    assert layout.read_complete(partial, layout.open_layout(partial)) == 2
    monkeypatch.undo()
    made = make(tmp_path / "a.h5", RECIPE, resume=True)
    assert verify(made, regenerate=True) > 0


MEMORY = """
import sys
from pathlib import Path
from golfast.data import Recipe, convert, layout, make, merge, split, verify
layout.BLOCK_BYTES = 1 << 19
folder, count, peak = Path(sys.argv[1]), int(sys.argv[2]), 0
folder.mkdir()

def used():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

def look(_):
    global peak
    peak = max(peak, used())

how = {"workers": 2, "progress": look}
for size in (10_000, count):  # the first loads and compiles
    base = peak = used()
    whole = make(folder / "whole.h5", Recipe(count=size, seed=5), overwrite=True, **how)
    convert(whole, folder / "archive.h5", profile="archive", overwrite=True, **how)
    split(folder / "archive.h5", folder / f"parts-{size}", 3, overwrite=True, **how)
    merge([folder / f"parts-{size}"], folder / "again.h5", overwrite=True, **how)
    verify(folder / "again.h5", **how)
print(peak - base)
"""
# glibc keeps blocks that were freed, how many depends on when threads meet; with these it gives them back at once.
GIVEN_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell what memory is used")
def test_memory_does_not_grow_with_the_set(tmp_path):
    """A set of 48 MB takes what one of 12 MB does, in every way of writing: some blocks, here of half a megabyte.

    Measured as the system has it, for buffers are pages of their own, which no tracer of Python's sees; each size in
    processes of its own, since one keeps what it once had.
    """

    def peak(count, number):
        words = [sys.executable, "-c", MEMORY, tmp_path / f"{count}-{number}", str(count)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | GIVEN_BACK)
        return int(done.stdout)

    small, large = (statistics.median(peak(count, number) for number in range(3)) for count in (50_000, 200_000))
    # Less than a quarter of what there is more. Both take some 6 blocks for writing, and 8 for reading an archive.
    assert large - small < 8 << 20, (small, large)


def test_splits_share_no_board():
    boards = [
        generate(Recipe(count=2000, fresh=1.0, split=split))[:, 0].reshape(2000, -1)
        for split in ("train", "validation", "test")
    ]
    distinct = np.unique(np.concatenate(boards), axis=0)
    assert len(distinct) == 6000


@pytest.mark.parametrize("writes", [*range(1, 26, 3), 26])  # the first one is of a file without a name
def test_a_job_stopped_between_any_two_writes_resumes_to_the_same_bytes(tmp_path, monkeypatch, writes):
    whole = make(tmp_path / "whole.h5", RECIPE).read_bytes()
    left = writes
    real = os.pwrite

    def failing(file, data, offset):
        nonlocal left
        if left == 0:
            real(file, bytes(data)[: len(data) // 2], offset)  # torn
            raise Killed
        left -= 1
        return real(file, data, offset)

    monkeypatch.setattr(os, "pwrite", failing)
    path = tmp_path / "a.h5"
    with pytest.raises(Killed):
        make(path, RECIPE)
    monkeypatch.undo()
    assert not path.exists()
    with pytest.raises(Failure, match="is not finished"):
        Trajectories(path)
    with pytest.raises(Failure, match="is not finished"):
        Trajectories(layout.partial_path(path))
    assert make(path, RECIPE, resume=True).read_bytes() == whole
    assert sorted(os.listdir(tmp_path)) == ["a.h5", "whole.h5"]


def test_a_count_ahead_of_the_data_is_found_on_resume(tmp_path, monkeypatch):
    """After a power cut the count may have reached the disk and a block not."""
    whole = make(tmp_path / "whole.h5", RECIPE).read_bytes()
    path = tmp_path / "a.h5"
    partial = layout.partial_path(path)
    make(path, RECIPE)
    path.rename(partial)
    places = layout.open_layout(partial)
    with partial.open("r+b") as file:
        file.seek(places.states_offset + 3 * places.block * RECIPE.trajectory_bytes)
        file.write(b"\xff" * 100)
    assert make(path, RECIPE, resume=True).read_bytes() == whole


SCRIPT = """
import sys, time
from golfast.data import Recipe, layout, make, writer
layout.BLOCK_BYTES = 10_000
real = writer.generate
def slow(*a, **k):
    time.sleep(0.02)
    return real(*a, **k)
writer.generate = slow
print("go", flush=True)
make(sys.argv[1], Recipe(count=2000, seed=5))
"""


@pytest.mark.parametrize("wait", [0.0, 0.13, 0.37])
def test_kill_dash_nine_then_resume(tmp_path, wait):
    path = tmp_path / "a.h5"
    job = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], stdout=subprocess.PIPE, text=True)
    with job:
        assert job.stdout.readline() == "go\n"
        time.sleep(wait)
        job.send_signal(signal.SIGKILL)
    assert not path.exists()
    recipe = Recipe(count=2000, seed=5)
    made = make(path, recipe, resume=True).read_bytes()
    assert made == make(tmp_path / "whole.h5", recipe).read_bytes()


def test_verify_tells_a_file_that_its_recipe_does_not_make(tmp_path):
    path = make(tmp_path / "a.h5", RECIPE)
    with h5py.File(path, "r+") as file:
        file.attrs["seed"] = 6
    for use in (Trajectories, verify):
        with pytest.raises(Failure, match="is damaged outside its states"):
            use(path)
    places = layout.open_layout(path)
    with path.open("r+b") as file:  # as somebody would who means it
        file.seek(places.offsets["digest"])
        file.write(bytes.fromhex(layout.compute_digest(path, places)))
    assert verify(path) == 9
    with pytest.raises(
        Failure, match=r"is not what its recipe makes: block 0 of 9 .* differs in \d+ cells, the first in"
    ):
        verify(path, regenerate=True)


@pytest.mark.parametrize("keep", [0, 7, 100, 2000, 50_000, -1])
def test_truncated_files_are_told(tmp_path, keep):
    path = make(tmp_path / "a.h5", RECIPE)
    path.write_bytes(path.read_bytes()[:keep])
    for use in (Trajectories, verify):
        with pytest.raises(Failure, match=r"a\.h5 is not a whole golfast dataset: truncated, damaged, or not HDF5"):
            use(path)


def test_foreign_files_are_told(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["states"] = np.zeros((3, 4))
    with pytest.raises(Failure, match="is an HDF5 file, but not golfast's"):
        Trajectories(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_text("hello")
    with pytest.raises(Failure, match="is not a whole golfast dataset"):
        Trajectories(tmp_path / "b.h5")
    with pytest.raises(FileNotFoundError):
        Trajectories(tmp_path / "c.h5")


def test_a_file_of_the_future_is_told(tmp_path):
    path = make(tmp_path / "a.h5", RECIPE)
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(Failure, match="has format version 99"):
        Trajectories(path)


def test_a_shape_that_disagrees_with_the_recipe_is_told(tmp_path):
    path = make(tmp_path / "a.h5", RECIPE)
    with h5py.File(path, "r+") as file:
        file.attrs["width"] = 40
    with pytest.raises(Failure, match="is damaged: /states is"):
        Trajectories(path)


def test_an_existing_file_is_left_alone(tmp_path):
    path = make(tmp_path / "a.h5", RECIPE)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="exists; give another name, or --overwrite"):
        make(path, Recipe(count=10))
    with pytest.raises(ValueError, match="exists"):
        make(path, Recipe(count=10), resume=True)
    assert path.read_bytes() == before
    assert len(Trajectories(make(path, Recipe(count=10), overwrite=True))) == 10


def test_resuming_what_is_done_does_nothing(tmp_path):
    path = make(tmp_path / "a.h5", RECIPE)
    before = path.stat().st_mtime_ns
    make(path, RECIPE, resume=True)
    assert path.stat().st_mtime_ns == before


def test_a_partial_file_of_another_recipe_is_left_alone(tmp_path):
    path = tmp_path / "a.h5"
    make(path, RECIPE).rename(layout.partial_path(path))
    with pytest.raises(ValueError, match="was left by a job that did not end"):
        make(path, RECIPE)
    with pytest.raises(ValueError, match=r"is of another recipe: seed \(6 against 5\)"):
        make(path, Recipe(count=333, seed=6), resume=True)
    assert verify(layout.partial_path(path)) == 9


def test_two_jobs_do_not_make_one_file(tmp_path):
    path, whole = tmp_path / "a.h5", make(tmp_path / "whole.h5", RECIPE)
    make(path, RECIPE).rename(layout.partial_path(path))
    with writer.locked(layout.partial_path(path)):
        for how in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(Failure, match="another job is making"):
                make(path, RECIPE, **how)
            with pytest.raises(Failure, match="another job is making"):
                convert(whole, path, profile="archive", **how)


def test_a_job_whose_file_another_one_replaced_does_not_name_it(tmp_path, monkeypatch):
    """Both began in the same instant, before there was a file to lock."""
    path, real = tmp_path / "a.h5", writer.generate
    partial = layout.partial_path(path)

    def replaced(*arguments, **options):
        (tmp_path / "other").write_bytes(b"of the other job")
        (tmp_path / "other").replace(partial)
        return real(*arguments, **options)

    monkeypatch.setattr(writer, "generate", replaced)
    with pytest.raises(Failure, match="another job is making"):
        make(path, RECIPE, workers=1)  # two would both be the other job
    assert not path.exists()
    assert partial.read_bytes() == b"of the other job"


def test_a_damaged_partial_file_is_told_with_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    layout.partial_path(path).write_bytes(b"not HDF5")
    with pytest.raises(Failure, match=r"a.h5.partial is not a whole golfast dataset: .*; give --overwrite to start"):
        make(path, RECIPE, resume=True)
    make(path, RECIPE, overwrite=True)
    assert verify(path) == 9


def test_a_disk_known_to_be_too_small_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(Failure, match=r"needs .* MB and its disk has .* MB free"):
        make(tmp_path / "a.h5", Recipe(count=10**12))
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_keeps_what_is_written(tmp_path, monkeypatch):
    left = 10
    real = os.pwrite

    def full(file, data, offset):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")
        return real(file, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(Failure, match=r"the disk is full at .* free some space and give --resume"):
        make(tmp_path / "a.h5", RECIPE)
    monkeypatch.undo()
    make(tmp_path / "a.h5", RECIPE, resume=True)
    verify(tmp_path / "a.h5", regenerate=True)


@pytest.mark.parametrize("bytes_left", [0, 4096, 20_000])
@pytest.mark.parametrize("profile", ["train", "archive"])
def test_a_disk_that_is_full_when_hdf5_writes(tmp_path, profile, bytes_left):
    """HDF5 has its own words for it, and raises what the caller does not expect when it closes a file."""
    make(tmp_path / "a.h5", RECIPE)
    convert(tmp_path / "a.h5", tmp_path / "whole.h5", profile=profile)
    code = (
        f"import resource; from golfast.data import convert; from golfast.errors import Failure\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_left}, {bytes_left}))\n"
        f"try: convert('a.h5', 'b.h5', profile={profile!r})\n"
        f"except Failure as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"the disk is full at b.h5.partial \(File too large\); .*free some space.*\n", done.stdout)
    convert(tmp_path / "a.h5", tmp_path / "b.h5", profile=profile, resume=True)
    assert (tmp_path / "b.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize("write", [make, lambda path, recipe, **how: convert("a.h5", path, profile="archive", **how)])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (".", "is a folder; name a file in it"),
        ("", "is a folder; name a file in it"),
        ("folder", "folder is a folder; name a file in it"),
        ("b.toml", "would be read as a manifest of shards"),
        ("pipe", "pipe is no file that can be replaced"),
    ],
)
def test_what_is_no_place_for_a_dataset_is_told_before_it_is_made(
    tmp_path, monkeypatch, write, overwrite, name, message
):
    monkeypatch.chdir(tmp_path)
    make("a.h5", RECIPE)
    (tmp_path / "folder").mkdir()
    os.mkfifo("pipe")
    with pytest.raises(ValueError, match=message):
        write(name, RECIPE, overwrite=overwrite)
    assert sorted(os.listdir()) == ["a.h5", "folder", "pipe"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"height": 0}, "board height 0 is impossible"),
        ({"width": 2**30}, "board width 1073741824 is impossible"),
        ({"rule": "B9/S"}, "is not of the form 'B3/S23'"),
        ({"boundary": "sphere"}, "boundary 'sphere' is unknown; allowed are: dead, torus"),
        ({"split": "exam"}, "split 'exam' is unknown; allowed are: train, validation, test"),
        ({"count": 0}, "count is 0"),
        ({"count": -1}, "count is -1"),
        ({"generations": -1}, "generations is -1"),
        ({"density": 1.5}, "density is 1.5"),
        ({"density": float("nan")}, "density is nan"),
        ({"fresh": 0.0}, "fresh is 0.0"),
        ({"generations": 10**9}, "one trajectory of 1,000,000,001 states of 20 x 20 cells takes 60.0 GB"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**63}, "seed is 9223372036854775808"),
        ({"start": -1}, "start is -1"),
        ({"start": 2**63}, "cannot be: boards are numbered from 0"),
    ],
)
def test_impossible_recipes(fields, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**fields)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: make(path, None), "a dataset is made of a golfast.data.Recipe; got None"),
        (lambda path: generate({"count": 3}), r"a dataset is made of a golfast.data.Recipe; got \{'count': 3\}"),
        (lambda path: generate(RECIPE, "1"), "start is a whole number; got '1'"),
        (lambda path: make(path, RECIPE, workers="2"), "workers is a whole number; got '2'"),
        (lambda path: make(path, RECIPE, workers=10**30), "at most 1024 threads can share the work"),
        (lambda path: make_shards(path, RECIPE, "2"), "shards is a whole number; got '2'"),
        (
            lambda path: convert(path, path, profile=["train"]),
            r"profile \['train'\] is unknown",
        ),
    ],
)
def test_other_types_are_refused_in_one_sentence(tmp_path, call, message):
    with pytest.raises(ValueError, match=message):
        call(make(tmp_path / "there.h5", Recipe(count=1)) if "profile" in message else tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_describe_counts(tmp_path):
    dataset = Trajectories(make(tmp_path / "a.h5", Recipe(count=100, width=13, height=9)))
    cells = dataset.cells(slice(0, 100))
    figures = describe(dataset)
    np.testing.assert_allclose(figures["density"], cells.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(figures["activity"], (cells[:, 1:] != cells[:, :-1]).mean(axis=(0, 2, 3)))
    assert figures["settled"] == (cells[:, -1] == cells[:, -2]).all(axis=(1, 2)).mean()
