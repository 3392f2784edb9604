"""`golfast data`, as a user types it."""

import json
import os

import pytest
from click.testing import CliRunner
from PIL import Image

from golfast_cli import main


def call(*words, code=0):
    done = CliRunner().invoke(main, ["data", *map(str, words)], prog_name="golfast")
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "a.h5"
    call("make", path, "--count", 300, "--seed", 5, "--quiet", "--workers", 2)
    return path


@pytest.mark.parametrize("command", ["merge", "split", "convert"])
def test_help_has_examples(command):
    assert f"golfast data {command}" in call(command, "--help").stdout.split("Examples:")[1]


def test_there_and_back(dataset, tmp_path):
    call("split", dataset, tmp_path / "parts", "--shards", 3, "--quiet")
    call("merge", tmp_path / "b.h5", tmp_path / "parts", "--quiet")
    told = json.loads(call("convert", tmp_path / "b.h5", tmp_path / "c.h5", "--profile", "archive", "--json").stdout)
    assert told["bytes"] == (tmp_path / "c.h5").stat().st_size
    call("convert", tmp_path / "c.h5", tmp_path / "d.h5", "--quiet")
    for name in ("b.h5", "d.h5"):
        assert (tmp_path / name).read_bytes() == dataset.read_bytes()
    for name in ("parts", "parts/manifest.toml", "c.h5"):
        call("verify", tmp_path / name, "--regenerate", "--quiet")


def test_training_takes_a_folder_of_shards(dataset, tmp_path):
    call("split", dataset, tmp_path / "parts", "--shards", 3, "--quiet")
    words = ["train", "--dry-run", "--json", "--data"]
    plans = [CliRunner().invoke(main, [*words, str(path)]) for path in (dataset, tmp_path / "parts")]
    assert [plan.exit_code for plan in plans] == [0, 0], plans[1].output
    assert plans[0].stdout == plans[1].stdout
    assert json.loads(plans[0].stdout)["config"]["data"]["count"] == 300
    (tmp_path / "parts" / "manifest.toml").unlink()
    told = CliRunner().invoke(main, [*words, str(tmp_path / "parts")])
    assert "without manifest.toml" in str(told.exception) + told.output


def test_shards_one_by_one(tmp_path):
    words = ("make", tmp_path / "a", "--count", 90, "--shards", 3, "--quiet")
    for shard in range(3):
        told = call("info", tmp_path / "a", code=1).stderr if shard else "no such file"
        assert "without manifest.toml" in told or "no such file" in told
        call(*words, "--shard", shard)
    figures = json.loads(call("info", tmp_path / "a", "--json").stdout)
    assert figures["files"] == 3
    assert figures["recipe"]["count"] == figures["sampled"] == 90
    assert json.loads(call(*words, "--shard", 1, "--dry-run", "--json").stdout)["packed_bytes"] == 30 * 240


def test_info_draws_a_sample(dataset, tmp_path):
    text = call("info", dataset, "--png", tmp_path / "a.png").stdout
    assert "liveliest" in text
    assert sum("█" in line or "▀" in line for line in text.splitlines()) >= 8
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 4 * 20


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["make", "x.h5", "--shard", 1], "--shard says which of --shards to make; give both"),
        (["make", "x", "--shards", 3, "--shard", 3, "--count", 9], "shard 3 of 3 cannot be"),
        (["make", "x", "--shards", 10, "--count", 9], "9 trajectories cannot be 10 shards"),
        (["convert", "{}", "x.h5", "--profile", "cold"], "profile 'cold' is unknown; allowed are: train, archive"),
        (["merge", "x.h5", "{}", "{}"], "they have boards in common"),
    ],
)
def test_refuses(dataset, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert message in call(*(str(word).format(dataset) for word in words), "--quiet", code=2).stderr
    assert os.listdir(tmp_path) == []
