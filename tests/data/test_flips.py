"""Not one bit of a dataset can change unnoticed."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golfast.data import Recipe, Trajectories, convert, layout, make, make_shards, verify, writer
from golfast.errors import Failure

RECIPE = Recipe(count=100, seed=5)


def flip(path, at, bit=0):
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flips")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_BYTES", 10_000)
        train = make(folder / "train.h5", RECIPE)
        return {"train": train, "archive": convert(train, folder / "archive.h5", profile="archive")}


@pytest.mark.parametrize("profile", ["train", "archive"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_verify_finds_any_flipped_bit(files, profile, data):
    path = files[profile]
    at = data.draw(st.integers(0, path.stat().st_size - 1))
    bit = data.draw(st.integers(0, 7))
    flip(path, at, bit)
    try:
        with pytest.raises(Failure):
            verify(path)
    finally:
        flip(path, at, bit)
    assert verify(path) == 3


class Killed(BaseException):
    pass


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """What a job leaves that was killed after its first block."""
    path = tmp_path_factory.mktemp("unfinished") / "a.h5"
    real = writer.generate

    def dying(recipe, start, stop, *, out):
        if start:
            raise Killed
        real(recipe, start, stop, out=out)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(layout, "BLOCK_BYTES", 10_000)
        patch.setattr(writer, "generate", dying)
        make(path, RECIPE, workers=1)
    return layout.partial_path(path).read_bytes()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_flipped_bit_survives_a_resume(files, unfinished, tmp_path, data):
    """The rest of the set is not added to a file that is damaged; damaged blocks are made again."""
    path = tmp_path / "a.h5"
    partial = layout.partial_path(path)
    partial.write_bytes(unfinished)
    places = layout.open_layout(partial)
    states = range(places.states_offset, places.states_offset + RECIPE.count * RECIPE.trajectory_bytes)
    outside = st.integers(0, len(unfinished) - 1).filter(lambda at: at not in states)  # most of a file is states
    at = data.draw(st.one_of(outside, st.sampled_from(states)))
    flip(partial, at, data.draw(st.integers(0, 7)))
    told = ""
    try:
        make(path, RECIPE, resume=True)
    except (Failure, ValueError) as error:
        told = str(error)
    if told:
        assert at not in states
        assert "--overwrite" in told
    else:
        assert path.read_bytes() == files["train"].read_bytes()
        path.unlink()


@pytest.mark.parametrize("profile", ["train", "archive"])
def test_verify_says_which_block(files, profile):
    path = files[profile]
    places = layout.open_layout(path)
    rng = np.random.default_rng(0)
    for at in rng.integers(0, [[size] for _, size in places.stored], (len(places.stored), 9)).T.reshape(-1)[:18]:
        chunk = int(rng.integers(len(places.stored)))
        at = int(at) % int(places.stored[chunk, 1])
        block = chunk if profile == "archive" else at // (places.block * RECIPE.trajectory_bytes)
        flip(path, int(places.stored[chunk, 0]) + at, 3)
        try:
            with pytest.raises(Failure, match=rf"the checksum of block {block} of 3 \(trajectories {41 * block} to "):
                verify(path)
        finally:
            flip(path, int(places.stored[chunk, 0]) + at, 3)


def test_verify_says_which_cell(files):
    path = files["train"]
    size = RECIPE.trajectory_bytes
    at = layout.open_layout(path).states_offset + 57 * size + 2 * 60 + 7 * 3 + 1
    flip(path, at, 5)
    try:
        with pytest.raises(
            Failure, match="in 1 cells, the first in trajectory 57, state 3, row 8, column 11; make the file again"
        ):
            verify(path)
    finally:
        flip(path, at, 5)


def test_a_changed_checksum_is_told_from_changed_cells(files):
    path = files["train"]
    at = layout.open_layout(path).offsets["checksums"] + 4
    flip(path, at)
    try:
        with pytest.raises(Failure, match=r"block 1 of 3 .* though its cells are what the recipe makes"):
            verify(path)
        with pytest.raises(Failure, match="is damaged outside its states"):
            Trajectories(path)
    finally:
        flip(path, at)


def test_what_is_appended_or_cut_off_is_told(files, tmp_path):
    for profile, path in files.items():
        (tmp_path / f"{profile}.h5").write_bytes(path.read_bytes() + b"\0")
        (tmp_path / f"{profile}-cut.h5").write_bytes(path.read_bytes()[:-1])
    for path in tmp_path.iterdir():
        with pytest.raises(Failure):
            verify(path)


def test_an_archive_is_checked_as_it_is_read(files):
    path = files["archive"]
    places = layout.open_layout(path)
    at = int(places.stored[1].sum()) - 3
    dataset = Trajectories(path)
    flip(path, at)
    try:
        with pytest.raises(Failure, match=r"block 1 of 3 \(trajectories 41 to 81\) does not decode to what it was"):
            dataset.cells(slice(50, 51))
        dataset.cells(slice(0, 41))
    finally:
        flip(path, at)


def test_any_flipped_bit_of_a_manifest_is_found(tmp_path):
    folder = make_shards(tmp_path / "a", RECIPE, 2)
    path = folder / "manifest.toml"
    for at in range(0, path.stat().st_size, 5):
        flip(path, at, at % 7)
        with pytest.raises((Failure, FileNotFoundError)):
            verify(folder)
        flip(path, at, at % 7)
    assert verify(folder) == 4
