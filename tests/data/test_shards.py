"""Sets in several files: made apart, put together, taken apart."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from golfast.data import (
    Recipe,
    Trajectories,
    convert,
    describe,
    generate,
    layout,
    make,
    make_shards,
    merge,
    split,
    verify,
)
from golfast.data.shards import shard_spans
from golfast.errors import Failure

RECIPE = Recipe(count=200, seed=5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_BYTES", 10_000)
        return make(folder / "whole.h5", RECIPE)


@given(st.integers(1, 10**12), st.integers(1, 500))
def test_spans_cover_everything_once(count, shards):
    shards = min(count, shards)
    spans = shard_spans(count, shards)
    assert len(spans) == shards
    assert [start for start, _ in spans] == [0, *(stop for _, stop in spans[:-1])]
    assert spans[-1][1] == count
    assert {stop - start for start, stop in spans} <= {count // shards, count // shards + 1}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shards=st.integers(1, 9), profile=st.sampled_from(["train", "archive"]), workers=st.integers(1, 3))
def test_split_then_merge_gives_the_same_bytes(whole, tmp_path_factory, shards, profile, workers):
    folder = tmp_path_factory.mktemp("split")
    parts = split(whole, folder / "parts", shards, profile=profile, workers=workers)
    assert verify(parts, regenerate=True) >= shards
    assert merge([parts], folder / "again.h5", workers=workers).read_bytes() == whole.read_bytes()
    files = sorted(parts.glob("*.h5"), reverse=True)
    assert merge(files, folder / "again.h5", overwrite=True).read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    "recipe",
    [RECIPE, Recipe(count=1), Recipe(count=41, height=3, width=70, generations=0, boundary="torus", rule="highlife")],
)
def test_to_an_archive_and_back_gives_the_same_bytes(tmp_path, recipe):
    train = make(tmp_path / "a.h5", recipe)
    archive = convert(train, tmp_path / "b.h5", profile="archive", workers=2)
    assert convert(archive, tmp_path / "c.h5", profile="train").read_bytes() == train.read_bytes()
    assert convert(archive, tmp_path / "d.h5", profile="archive").read_bytes() == archive.read_bytes()
    assert verify(archive, regenerate=True) == verify(train)
    np.testing.assert_array_equal(Trajectories(archive).packed[:], generate(recipe))


def test_anybody_can_read_an_archive_with_h5py_and_hdf5plugin(tmp_path, whole):
    pytest.importorskip("hdf5plugin")
    archive = convert(whole, tmp_path / "b.h5", profile="archive")
    with h5py.File(archive) as file:
        np.testing.assert_array_equal(file["states"][:], generate(RECIPE))
        assert file["states"].chunks == (41, 4, 20, 3)
    assert archive.stat().st_size < whole.stat().st_size


@pytest.fixture(scope="module")
def kinds(whole, tmp_path_factory):
    """One set in every form: mapped, archived, sharded, and sharded in archives."""
    folder = tmp_path_factory.mktemp("kinds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_BYTES", 10_000)
        return [
            Trajectories(whole),
            Trajectories(convert(whole, folder / "b.h5", profile="archive")),
            Trajectories(split(whole, folder / "c", 3)),
            Trajectories(split(whole, folder / "d", 3, profile="archive") / "manifest.toml"),
        ]


INDICES = st.lists(st.integers(-200, 199), max_size=9).map(lambda found: np.array(found, np.int64))


@settings(max_examples=60, deadline=None)
@given(INDICES | st.slices(200) | st.integers(-200, 199) | st.just(np.arange(200) % 3 == 1), st.slices(4))
def test_every_form_is_indexed_as_an_array(kinds, rows, states):
    truth = generate(RECIPE)
    for dataset in kinds:
        assert dataset.packed.shape == truth.shape
        assert len(dataset.packed) == len(dataset) == 200
        np.testing.assert_array_equal(dataset.packed[rows], truth[rows])
        np.testing.assert_array_equal(dataset.packed[rows, states], truth[rows, states])


def test_indices_beyond_the_end_are_refused(kinds):
    for dataset in kinds:
        for beyond in (200, -201):
            with pytest.raises(IndexError):
                dataset.packed[np.array([3, beyond])]


SCALARS = st.integers(-230, 229) | st.integers(-3, 2).map(np.int8) | st.integers(0, 200).map(np.array)
ARRAYS = st.one_of(
    st.lists(st.integers(-200, 199), max_size=4),
    st.lists(st.lists(st.integers(-4, 3), min_size=2, max_size=2), max_size=3),
    st.lists(st.integers(0, 3), max_size=3).map(lambda found: np.array(found, np.uint8)),
    st.lists(st.integers(-205, 203), max_size=3).map(lambda found: np.array(found, np.int16)),
    st.sampled_from([199, 200, 201, 4, 20, 3]).map(lambda size: np.arange(size) % 3 == 1),
    st.sampled_from([(200, 4), (200, 4, 20), (4, 20), (200, 5), (0,), ()]).map(lambda shape: np.ones(shape, bool)),
    st.sampled_from([np.zeros(0), [], [True, False], np.array([1.0]), "x", 1.5, (), [[]], None, ..., True, np.True_]),
)
PARTS = SCALARS | st.slices(200) | st.slices(4) | ARRAYS
KEYS = PARTS | st.lists(PARTS | st.integers(-4, 3), max_size=5).map(tuple)


def outcome(states, key):
    """What indexing gives, or the type of its exception."""
    try:
        found = states[key]
    except Exception as error:
        return type(error), None
    return found.shape, np.asarray(found).tobytes()


@settings(max_examples=300, deadline=None)
@given(KEYS)
@example((None, [0, 1], slice(None), 0))
@example(([0, 1], None, 0))
@example((slice(None, None, -7), [0, 1], 0))
@example((..., 0))
@example((np.ones((200, 4), bool), 3))
@example((np.array([3, 1], np.uint8),))
def test_every_form_is_indexed_as_numpy_does_and_refuses_what_it_does(kinds, key):
    expected = outcome(generate(RECIPE), key)
    for dataset in kinds:
        assert outcome(dataset.packed, key) == expected


@pytest.mark.parametrize("mask", [np.array([True, False]), np.ones(201, bool), [True] * 199, np.ones((200, 5), bool)])
def test_a_mask_of_another_length_is_refused(kinds, mask):
    for dataset in kinds:
        with pytest.raises(IndexError):
            dataset.batch(mask)


def test_every_form_is_an_array_where_one_is_wanted(kinds):
    for dataset in kinds:
        np.testing.assert_array_equal(np.asarray(dataset.packed), generate(RECIPE))
        assert (dataset.packed.ndim, dataset.packed.dtype) == (4, np.uint8)


def test_a_set_is_pickled_as_its_path(kinds):
    for dataset in kinds:
        kept = pickle.dumps(dataset)
        assert len(kept) < 600
        again = pickle.loads(kept)
        assert again.recipe == dataset.recipe
        np.testing.assert_array_equal(again.batch([7, -1]), dataset.batch([7, -1]))
        kept = pickle.dumps(dataset.packed)
        assert len(kept) < 300 * len(dataset.files) + 100
        np.testing.assert_array_equal(pickle.loads(kept)[7:9], dataset.packed[7:9])
        # a part of it is numbers, as any array
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset.packed[7:9])), dataset.packed[7:9])


def test_joined_sets_are_pickled_as_their_paths(tmp_path):
    paths = [make(tmp_path / f"{start}.h5", RECIPE.part(start, start + 100)) for start in (100, 0)]
    again = pickle.loads(pickle.dumps(Trajectories.joined(paths)))
    np.testing.assert_array_equal(again.packed[:], generate(RECIPE))


@pytest.mark.parametrize("profile", ["train", "archive"])
def test_a_set_that_was_replaced_is_not_taken_for_what_was_pickled(tmp_path, profile):
    path = convert(make(tmp_path / "a.h5", RECIPE), tmp_path / "b.h5", profile=profile)
    kept = [pickle.dumps(Trajectories(path)), pickle.dumps(Trajectories(path).packed)]
    convert(make(tmp_path / "c.h5", replace(RECIPE, seed=6)), path, profile=profile, overwrite=True)
    for what in kept:
        with pytest.raises(Failure, match="is not the dataset that was opened: its digest is another; open it anew"):
            pickle.loads(what)


@pytest.mark.parametrize("profile", ["train", "archive"])
def test_a_set_is_read_wherever_the_process_goes(tmp_path, profile, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    convert(make("a.h5", RECIPE), "b.h5", profile=profile)
    split("b.h5", "c", 2, profile=profile)
    sets = [Trajectories("b.h5"), Trajectories("c"), Trajectories.joined(["b.h5"])]
    monkeypatch.chdir("elsewhere")
    for dataset in sets:
        for one in (dataset, pickle.loads(pickle.dumps(dataset))):
            np.testing.assert_array_equal(one.batch([199, 3]), generate(RECIPE)[[199, 3]])
            one.read(0, 200, np.empty(RECIPE.shape, np.uint8))


def test_workers_that_are_started_anew_open_the_set_anew(kinds):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for dataset in kinds:
            np.testing.assert_array_equal(pool.submit(dataset.cells, [5, 150]).result(), dataset.cells([5, 150]))


def test_shards_made_apart_are_a_set_once_all_are_there(tmp_path, whole):
    folder = tmp_path / "a"
    for shard in (2, 0, 1):
        with pytest.raises((Failure, FileNotFoundError)):
            Trajectories(folder)
        make_shards(folder, RECIPE, 3, shard=shard)
    np.testing.assert_array_equal(Trajectories(folder).packed[:], generate(RECIPE))
    assert merge([folder], tmp_path / "b.h5").read_bytes() == whole.read_bytes()
    (folder / "manifest.toml").unlink()  # as after gathering files from elsewhere
    make_shards(folder, RECIPE, 3, resume=True)
    assert verify(folder) == 6


def test_each_shard_is_a_dataset(tmp_path):
    folder = make_shards(tmp_path / "a", RECIPE, 3)
    shard = Trajectories(folder / "00001-of-00003.h5")
    assert shard.recipe == RECIPE.part(66, 133)
    np.testing.assert_array_equal(shard.packed[:], generate(RECIPE)[66:133])


SCRIPT = """
import sys, time
from golfast.data import Recipe, layout, make_shards, rearrange, writer
from golfast.data.reader import Stored
layout.BLOCK_BYTES = 10_000
recipe = Recipe(count=2000, seed=5)
for module, name in ((writer, "generate"), (Stored, "read")):
    def slow(*a, real=getattr(module, name), **k):
        time.sleep(0.01)
        return real(*a, **k)
    setattr(module, name, slow)
jobs = {
    "shards": lambda path: make_shards(path, recipe, 4),
    "merge": lambda path: rearrange.merge([path.parent / "parts"], path),
    "split": lambda path: rearrange.split(path.parent / "whole.h5", path, 4),
    "archive": lambda path: rearrange.convert(path.parent / "whole.h5", path, profile="archive"),
}
from pathlib import Path
print("go", flush=True)
jobs[sys.argv[1]](Path(sys.argv[2]))
"""


@pytest.mark.parametrize("job", ["shards", "merge", "split", "archive"])
def test_kill_dash_nine_then_resume(tmp_path, job):
    recipe = Recipe(count=2000, seed=5)
    whole = make(tmp_path / "whole.h5", recipe)
    parts = make_shards(tmp_path / "parts", recipe, 4)
    again = {
        "shards": lambda path: make_shards(path, recipe, 4, resume=True),
        "merge": lambda path: merge([parts], path, resume=True),
        "split": lambda path: split(whole, path, 4, resume=True),
        "archive": lambda path: convert(whole, path, profile="archive", resume=True),
    }
    target = tmp_path / ("made" if job in ("shards", "split") else "made.h5")
    wait = np.random.default_rng().uniform(0, 0.3)
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, job, str(target)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "go\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
    try:  # whatever was there when it was killed, it is whole or it is refused
        Trajectories(target)
    except (Failure, FileNotFoundError):
        pass
    else:
        verify(target, regenerate=True)
    again[job](target)
    assert verify(target) == 49 if target.suffix else verify(target) == 52
    if job == "merge":
        assert target.read_bytes() == whole.read_bytes()
    elif job == "archive":
        assert convert(target, tmp_path / "back.h5", profile="train").read_bytes() == whole.read_bytes()
    else:
        assert {p.name: p.read_bytes() for p in target.iterdir()} == {p.name: p.read_bytes() for p in parts.iterdir()}
    assert not list(tmp_path.rglob("*.partial"))


def test_a_set_with_a_missing_foreign_or_wrong_shard(tmp_path):
    folder = make_shards(tmp_path / "a", RECIPE, 3)
    foreign = make_shards(tmp_path / "b", Recipe(count=200, seed=6), 3)
    shard = folder / "00001-of-00003.h5"
    kept = shard.read_bytes()
    shard.unlink()
    for use in (Trajectories, verify):
        with pytest.raises(
            Failure, match=r"names the shard 00001-of-00003.h5, which is not there; .* --shard 1 --resume"
        ):
            use(folder)
    shard.write_bytes((foreign / shard.name).read_bytes())
    for use in (Trajectories, verify):
        with pytest.raises(Failure, match=r"is not the shard that manifest.toml names: seed \(6 against 5\)"):
            use(folder)
    shard.write_bytes((folder / "00000-of-00003.h5").read_bytes())
    with pytest.raises(Failure, match=r"is not the shard that manifest.toml names: .*start \(0 against 66\)"):
        Trajectories(folder)
    # The right recipe, another content, and all its own checksums right.
    shard.write_bytes(kept)
    places = layout.open_layout(shard)
    with h5py.File(shard, "r+") as file:
        file["states"][3] ^= 1
        file["checksums"][0] = layout.checksum(file["states"][: places.block])
    with shard.open("r+b") as file:
        digest = bytes.fromhex(layout.compute_digest(shard, places))
        file.seek(places.offsets["digest"])
        file.write(digest)
    for use in (Trajectories, verify):
        with pytest.raises(Failure, match=r"is not the shard that manifest.toml names: its digest is"):
            use(folder)
    shard.write_bytes(kept)
    assert verify(folder, regenerate=True) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("golfast-shards", "other"), "is not a manifest of shards"),
        (("format_version = 1", "format_version = 9"), "has format version 9"),
        (("count = 67", "count = 60"), "do not add up to 200 trajectories"),
        (("00001-of", "../00001-of"), "what it says of shard 1 cannot be"),
        (("[recipe]", "[recip]"), "is not a whole manifest of shards"),
        (("[recipe]", "[recipe"), "is not valid TOML"),
        (("seed = 5", "sed = 5"), "is not a whole manifest of shards .*did you mean 'seed'"),
        (("digest =", "digst ="), "is not a whole manifest of shards"),
    ],
)
def test_damaged_manifests(tmp_path, change, message):
    path = make_shards(tmp_path / "a", RECIPE, 3) / "manifest.toml"
    path.write_text(path.read_text().replace(*change, 1))
    for use in (Trajectories, verify):
        with pytest.raises(Failure, match=message):
            use(path)


def test_a_changed_manifest_is_told(tmp_path):
    path = make_shards(tmp_path / "a", RECIPE, 3) / "manifest.toml"
    path.write_text(path.read_text() + "# checked by hand\n")
    assert len(Trajectories(path)) == 200
    with pytest.raises(Failure, match="is not byte for byte as golfast writes it"):
        verify(path)


def test_only_consecutive_parts_are_merged(tmp_path):
    paths = {
        name: make(tmp_path / f"{name}.h5", recipe)
        for name, recipe in {
            "a": RECIPE.part(0, 50), "b": RECIPE.part(50, 80), "c": RECIPE.part(90, 99), "d": RECIPE.part(70, 90),
            "e": Recipe(count=10, seed=6, start=50),
        }.items()
    }  # fmt: skip
    out = tmp_path / "out.h5"
    for names, message in (
        ("ac", r"a\.h5 ends before board 50 and .*c\.h5 begins with board 90: boards between them are missing"),
        ("bd", r"b\.h5 ends before board 80 and .*d\.h5 begins with board 70: they have boards in common"),
        ("ae", r"are not parts of one set: seed \(5 against 6\)"),
        ("aa", "they have boards in common"),
        ("", "there is nothing to join"),
    ):
        with pytest.raises(ValueError, match=message):
            merge([paths[name] for name in names], out)
    assert not out.exists()
    assert Trajectories(merge([paths["b"], paths["a"]], out)).recipe == RECIPE.part(0, 80)


def test_damage_is_not_copied(tmp_path):
    path = make(tmp_path / "a.h5", RECIPE)
    places = layout.open_layout(path)
    with path.open("r+b") as file:
        file.seek(places.states_offset + 100 * RECIPE.trajectory_bytes)
        file.write(b"\xff" * 10)
    for profile in ("train", "archive"):
        with pytest.raises(Failure, match=r"the checksum of block 2 of 5 \(trajectories 82 to 122\) is wrong"):
            convert(path, tmp_path / "b.h5", profile=profile, overwrite=True)
        assert not (tmp_path / "b.h5").exists()


def test_folders_and_files_are_left_alone(tmp_path, whole):
    folder = make_shards(tmp_path / "a", RECIPE, 3)
    with pytest.raises(ValueError, match=r"has 00000-of-00003.h5 in it; --resume goes on, --overwrite starts again"):
        make_shards(folder, RECIPE, 3)
    with pytest.raises(ValueError, match="which is not one of 4 shards; give an empty folder"):
        make_shards(folder, RECIPE, 4, resume=True)
    with pytest.raises(ValueError, match="exists; give another name"):
        make_shards(folder, RECIPE, 3, shard=1)
    with pytest.raises(ValueError, match="exists; give another name"):
        make_shards(folder, Recipe(count=200, seed=6), 3, resume=True)
    assert verify(folder) == 6
    make_shards(folder, Recipe(count=200, seed=6), 3, overwrite=True)
    assert Trajectories(folder).recipe.seed == 6
    archive = convert(whole, tmp_path / "b.h5", profile="archive")
    with pytest.raises(ValueError, match="exists"):
        convert(whole, archive, profile="train", resume=True)
    before = archive.stat().st_mtime_ns
    convert(whole, archive, profile="archive", resume=True)
    assert archive.stat().st_mtime_ns == before
    convert(whole, archive, profile="train", overwrite=True)
    assert archive.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("shards", "shard"), [(0, None), (201, None), (3, 3), (3, -1)])
def test_impossible_shards(tmp_path, shards, shard):
    with pytest.raises(ValueError, match="cannot be"):
        make_shards(tmp_path / "a", RECIPE, shards, shard=shard)
    assert os.listdir(tmp_path) == []


def test_unknown_profiles(tmp_path, whole):
    with pytest.raises(ValueError, match="profile 'cold' is unknown; allowed are: train, archive"):
        convert(whole, tmp_path / "a.h5", profile="cold")


def test_a_set_too_large_for_the_disk_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(Failure, match=r"needs .* MB and its disk has .* MB free"):
        make_shards(tmp_path / "a", Recipe(count=10**12), 100)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("sources", [None, "parts", 3])
def test_what_is_no_list_of_datasets_is_told(tmp_path, sources):
    with pytest.raises(ValueError, match=r"the datasets to join are .*; give a list of paths"):
        merge(sources, tmp_path / "a.h5")


@pytest.mark.parametrize("indices", ["x", None, 1.5, [0.0, 1.0]])
def test_what_is_no_index_is_told(whole, indices):
    with pytest.raises(ValueError, match=r"the indices of trajectories are .*; give whole numbers, a mask or a slice"):
        Trajectories(whole).batch(indices)
    assert Trajectories(whole).batch([]).shape == (0, *Trajectories(whole).packed.shape[1:])


def test_what_is_no_open_dataset_is_told(whole):
    with pytest.raises(ValueError, match=r"the dataset to describe is .*; open it first"):
        describe(whole)
