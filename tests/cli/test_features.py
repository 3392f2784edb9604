"""`golfast features`, as a user types it."""

import json

import pytest
from click.testing import CliRunner
from PIL import Image

from golfast.model import Network, save_weights
from golfast.run.config import override, parse_assignment, to_toml
from golfast.run.folder import RunFolder
from golfast.train import TrainConfig
from golfast.train.optimise import seeded_network
from golfast_cli import main

TINY = """
batch=8 steps=20 stop=2.0 evaluate_every=10 evaluate_on=16 checkpoint_every=10
model.timesteps=2 model.channels=6 model.core_layers=2
data.count=100 data.height=9 data.width=11 data.generations=2
""".split()


def call(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words], prog_name="golfast")
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder as training leaves it, of a network that has not learned."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "tiny")
    config = override(TrainConfig(), dict(parse_assignment(pair) for pair in TINY))
    folder.start(to_toml(config))
    save_weights(seeded_network(Network, config.model, seed=7), folder.weights)
    return folder.path


def size(path):
    with Image.open(path) as image:
        return image.size


def test_sheets_and_figures_of_a_run(run):
    words = ["--examples", 200, "--rounds", 12, "--json", "--quiet"]
    told = json.loads(call("features", run, *words).stdout)
    assert [layer["layer"] for layer in told["layers"]] == ["encoder", "cores.0.stack.layers.0@1", "cores.0.stack@1"]
    for layer in told["layers"]:
        assert layer["units"] == 6
        assert layer["reached"] == layer["live"] == 6 - len(layer["dead"])
        assert size(layer["picture"])[0] > 400
    assert told == json.loads((run / "features" / "features.json").read_text())
    closest = told["findings"]["closest"]["alive"]
    assert abs(closest["correlation"]) > 0.2
    assert size(told["findings"]["picture"])[1] > 400


def test_one_unit_compared_and_before_training(run, tmp_path):
    words = ["--layer", "encoder", "--unit", 2, "--compare", "--change", "--out", tmp_path / "here", "--examples", 200]
    done = call("features", run, *words)
    assert "1 in" in done.stdout
    assert "fourier" in done.stdout
    assert {path.name for path in (tmp_path / "here").iterdir()} == {
        "encoder.png",
        "change-encoder.png",
        "features.json",
    }
    told = json.loads((tmp_path / "here" / "features.json").read_text())
    assert [row["method"] for row in told["methods"]["encoder"]] == ["pixels", "cells", "fourier", "maco", "examples"]
    assert told["change"][0]["layer"] == "encoder"


def test_layers_are_listed(run):
    assert "cores.0@2" in call("features", run, "--list").stdout
    listed = json.loads(call("features", run, "--list", "--json").stdout)
    assert listed["layers"]["encoder"] == [6, 9, 11]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["--layer", "encodr"],
            2,
            "no layer 'encodr'; did you mean 'encoder'? layers are: encoder.layers.0 (6 units)",
        ),
        (["--unit", "6"], 2, "has units 0 to 5; there is no unit 6"),
        (["--jitter", "3"], 2, "are for inputs of at least 32 x 32 pixels, and these have shape (1, 9, 11)"),
        (["--method", "dream"], 2, "method 'dream' is unknown; allowed are: pixels, cells, softmax, fourier, maco"),
        (["--examples", "0"], 2, "0 is not in the range"),
        (["--examples", "99999999999"], 2, "--examples 99,999,999,999 of 396 bytes each do not fit here; give at most"),
    ],
)
def test_what_makes_no_sense_is_refused(run, words, code, message):
    done = call("features", run, *words, code=code)
    assert message in done.stderr
    assert "real inputs" not in done.stderr  # they are not looked at before
    assert done.stdout == ""


def test_what_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "give a run folder" in call("features", code=2).stderr
    assert "is not a run folder" in call("features", tmp_path / "no", code=1).stderr
    assert "there are no figures in results/features" in call("features", "--show", code=1).stderr
    kept = tmp_path / "results" / "features"
    kept.mkdir(parents=True)
    (kept / "one.json").write_text('{"command": "golfast features runs/one", "live": 3}')
    assert json.loads(call("features", "--show", "--json").stdout) == {
        "one": {"command": "golfast features runs/one", "live": 3}
    }
    assert "golfast features runs/one" in call("features", "--show").stdout
    (kept / "two.json").write_text("{")
    assert "two.json is damaged" in call("features", "--show", code=1).stderr


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["runs/one", "--show"], "--show runs nothing, so RUN"),
        (["--show", "--unit", 3], "--show runs nothing, so --unit"),
        (["--show", "--seed", 0], "--show runs nothing, so --seed"),
        (["--show", "--list"], "--show runs nothing, so --list"),
        (["runs/one", "--list", "--save", "a.json"], "--list runs nothing, so --save"),
    ],
)
def test_what_means_nothing_where_nothing_is_run(words, word):
    assert f"golfast: {word} has no meaning with it; leave one of them out\n" == call("features", *words, code=2).stderr
