"""Datasets of somebody else: what they name is not opened, what they ask for is bounded, and what is wrong is told."""

import os
import sys
import tracemalloc

import h5py
import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golfast.data import Recipe, Trajectories, convert, describe, layout, make, make_shards, verify
from golfast.data.archive import decode
from golfast.data.disk import write_at
from golfast.errors import Failure

RECIPE = Recipe(count=100, seed=5)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of one set in both profiles."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_BYTES", 10_000)
        train = make(folder / "train.h5", RECIPE)
        archive = convert(train, folder / "archive.h5", profile="archive")
        return {"train": train.read_bytes(), "archive": archive.read_bytes()}


def seal(path):
    """Give a changed file the digest that it would have, as somebody who means harm would."""
    found = layout.open_layout(path)
    with path.open("r+b") as file:
        write_at(file.fileno(), bytes.fromhex(layout.compute_digest(path, found)), found.offsets["digest"])


def refused(path):
    """What each way to read it says of a file, in one sentence."""
    told = []
    for read in (Trajectories, verify, lambda path: describe(Trajectories(path))):
        with pytest.raises(Failure) as error:
            read(path)
        told.append(str(error.value))
        assert told[-1].isprintable()
        assert len(told[-1]) < 500
    return told[0]


ARRAYS = [
    *(("train", name) for name in ("states", "checksums", "digest", "blocks_complete")),
    *(("archive", name) for name in ("states", "checksums", "stored_checksums", "digest", "blocks_complete")),
]


@pytest.mark.parametrize(("profile", "name"), ARRAYS)
@pytest.mark.parametrize("kind", ["external", "soft", "virtual", "outside", "group"])
def test_arrays_that_lie_elsewhere_are_not_followed(whole, tmp_path, profile, name, kind):
    path = tmp_path / "a.h5"
    path.write_bytes(whole[profile])
    os.mkfifo(tmp_path / "pipe")  # whoever opens it waits for ever
    with h5py.File(path, "r+") as file:
        shape, dtype = file[name].shape, file[name].dtype
        file.move(name, "other")
        if kind == "external":
            file[name] = h5py.ExternalLink(str(tmp_path / "pipe"), f"/{name}")
        elif kind == "soft":
            file[name] = h5py.SoftLink("/other")
        elif kind == "virtual":
            source = h5py.VirtualLayout(shape, dtype)
            source[:] = h5py.VirtualSource(str(tmp_path / "pipe"), name, shape)
            file.create_virtual_dataset(name, source)
        elif kind == "outside":
            size = int(np.prod(shape)) * dtype.itemsize
            file.create_dataset(name, shape, dtype, external=[(str(tmp_path / "pipe"), 0, size)])
        else:
            file.create_group(name)
    assert f"is not a dataset of golfast's: /{name} is" in refused(path) or f"of /{name} are not in" in refused(path)


@pytest.mark.parametrize("profile", ["train", "archive"])
def test_a_block_is_bounded_by_what_the_writer_makes(whole, tmp_path, profile):
    path = tmp_path / "a.h5"
    recipe = Recipe(count=16_000_000)  # 4 GB of dead boards, which zstd packs into 130 kB
    with layout.new_file(path) as file:
        layout.write_attributes(file, recipe, profile)
        file.attrs["block"] = recipe.count
        kwargs = {"chunks": recipe.shape} if profile == "archive" else {}
        file.create_dataset("states", recipe.shape, np.uint8, **kwargs)
        for name in ("checksums", "stored_checksums"):
            layout.create_contiguous(file, name, (1,), "<u4")
        layout.create_contiguous(file, "blocks_complete", (1,), "<u8")
        layout.create_contiguous(file, "digest", (32,), np.uint8)
    assert "golfast makes no blocks of 16000000 trajectories of this size" in refused(path)


def test_a_frame_that_says_it_is_larger_is_not_unpacked():
    frame = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    assert decode(frame, (1, 64 << 20)) is not None
    tracemalloc.start()
    try:
        assert decode(frame, (1, 1 << 20)) is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_what_is_outside_the_states_is_bounded(whole, tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(whole["train"])
    os.truncate(path, 1 << 40)  # a hole, which would be read for an hour to compute the digest
    assert "of its bytes are not states, more than golfast writes" in refused(path)


def test_what_is_looked_at_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["golfast.data.describe"], "_SAMPLED_BYTES", 50 * RECIPE.trajectory_bytes)
    dataset = Trajectories(make(tmp_path / "a.h5", RECIPE))
    assert describe(dataset)["sampled"] == 50
    monkeypatch.setattr(sys.modules["golfast.data.describe"], "_SAMPLED_BYTES", 1)
    assert describe(dataset)["sampled"] == 1


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, -1, 1, 2, 2**31, 2**62, np.uint64(2**64 - 1), True]),
    st.floats(),
    st.text(max_size=20).filter(lambda text: "\0" not in text),
    st.binary(max_size=20).map(np.bytes_),
    st.sampled_from(["B3/S23", "torus", "train", "archive", "\x1b[31m", "x" * 9000, "B3/S23\n"]),
    st.sampled_from([[], [1, 2], np.zeros((3, 3)), np.array([np.nan]), h5py.Empty("f"), np.zeros(2, "i4,f4")]),
)
NAMES = [*Recipe.__dataclass_fields__, "format", "format_version", "profile", "block"]


@pytest.mark.parametrize("profile", ["train", "archive"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES | st.none()), min_size=1, max_size=3))
def test_whatever_the_attributes_only_a_failure_comes_out(whole, tmp_path, profile, changes):
    path = tmp_path / "a.h5"
    path.write_bytes(whole[profile])
    with h5py.File(path, "r+") as file:
        for name, value in changes:
            if value is None:
                file.attrs.pop(name, None)
            else:
                try:
                    file.attrs[name] = value
                except (TypeError, ValueError, OSError):  # more than an attribute holds
                    continue
    for read in (seal, verify, lambda path: describe(Trajectories(path))):
        try:
            read(path)
        except Failure as error:
            assert str(error).isprintable()  # noqa: PT017 - it need not fail
            assert len(str(error)) < 500  # noqa: PT017


def test_a_pipe_is_waited_for_nowhere(tmp_path):
    folder = make_shards(tmp_path / "a", RECIPE, 2)
    shard, manifest = folder / "00000-of-00002.h5", folder / "manifest.toml"
    for place in (shard, manifest):
        kept = place.read_bytes()
        place.unlink()
        os.mkfifo(place)
        told = f"{place.name} is a named pipe and not a file"
        for read in (Trajectories, verify):
            with pytest.raises(Failure, match=told):
                read(folder)
        place.unlink()
        place.write_bytes(kept)
    os.mkfifo(layout.partial_path(tmp_path / "b.h5"))
    for how in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(Failure, match=r"b\.h5\.partial is a named pipe and not a file"):
            make(tmp_path / "b.h5", RECIPE, **how)


DEEP = 3000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('rule = "B3/S23"', "rule" + ".rule" * 100_000 + " = 1"),
        ('rule = "B3/S23"', 'rule = {"x"' + ".x" * 100_000 + " = 1}"),
        ('rule = "B3/S23"', "rule = " + "[" * DEEP + "]" * DEEP),
        ('rule = "B3/S23"', 'rule = "' + "x" * 1_000_000 + '"'),
        ('rule = "B3/S23"', 'rule = "\\u001b[31m"'),
        ("density = 0.5", "density = 1" + "0" * 400),
        ("density = 0.5", "density = nan"),
        ("seed = 5", "seed = 1" + "0" * 5000),
        ("seed = 5", "seed = 1979-05-27"),
        ("format_version = 1", "format_version = 'new'"),
        ("format_version = 1", "format_version = nan"),
        ("count = 50", "count = true"),
        ("count = 50", "count = 50.0"),
        ("count = 50", "count = [" + "[0," * DEEP),
        ("count = 50", "count = 0x" + "f" * 10_000),
        ("count = 100", "count = 0x" + "f" * 10_000),
        ('file = "00000-of-00002.h5"', 'file = "a\\u0000b"'),
        ('file = "00000-of-00002.h5"', 'file = ""'),
        ('file = "00000-of-00002.h5"', 'file = ".."'),
        ('file = "00000-of-00002.h5"', 'file = ["00000-of-00002.h5"]'),
        ('file = "00000-of-00002.h5"', 'file = "00000-of-00002.h5"\nmore = 1'),
        ("[[shards]]", "[shards]"),
        ("[recipe]", "x = {}\n[[recipe]]"),
    ],
)
def test_whatever_a_manifest_says_one_sentence_comes_out(tmp_path, old, new):
    path = make_shards(tmp_path / "a", RECIPE, 2) / "manifest.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    for read in (Trajectories, verify):
        with pytest.raises(Failure) as error:
            read(path)
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 600


def test_a_manifest_is_no_larger_than_the_writer_makes(tmp_path):
    path = make_shards(tmp_path / "a", RECIPE, 2) / "manifest.toml"
    os.truncate(path, 1 << 40)
    with pytest.raises(Failure, match="has more than 16,777,216 bytes"):
        Trajectories(path)
