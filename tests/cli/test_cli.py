"""Every command, as a user types it: what it prints, where, and how it exits."""

import json
import os
import re
import signal
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from golfast.data import Trajectories, layout
from golfast.life import census as count_objects
from golfast.life import read_pattern, settle, simulate, soups
from golfast_cli import main

COMMANDS = [
    *([], ["demo"], ["data"], ["data", "make"], ["data", "info"], ["data", "verify"]),
    *(["train"], ["evaluate"], ["imagine"], ["simulate"], ["census"], ["bench"], ["features"]),
    *(["ablate"], ["paper"], ["results"], ["report"]),
]
TINY = """
batch=8 steps=20 stop=2.0 evaluate_every=10 evaluate_on=16 checkpoint_every=10
model.timesteps=2 model.channels=6 model.core_layers=2
data.count=100 data.height=9 data.width=11 data.generations=2
""".split()


def call(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words], prog_name="golfast")
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def refused(*words, code=2):
    """The one sentence on stderr of a command that must fail; nothing on stdout, no traceback."""
    done = call(*words, code=code)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith(("golfast: ", "Error: "))]
    assert len(told) == 1, done.stderr
    return told[0]


def tiny(*words):
    return ["train", *(word for pair in TINY for word in ("--set", pair)), "--device", "cpu", *words]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_examples(words):
    text = call(*words, "--help").stdout
    assert "Usage: golfast" in text
    if words not in ([], ["data"]):
        assert "Examples:" in text
        assert f"golfast {' '.join(words)}" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "there is no command 'trian'; did you mean 'train'?"),
        (["xyzzy"], "there is no command 'xyzzy'; known are: demo, data,"),
        (["data", "verfy", "a.h5"], "there is no command 'verfy'; did you mean 'verify'?"),
        (["rl", "trian"], "there is no command 'trian'; did you mean 'train'?"),
        (["simulate", "glidr"], "'glidr' is neither a file nor a built-in pattern; did you mean 'glider'?"),
        (["train", "--recipe", "adm", "--dry-run"], "recipe 'adm' is unknown; did you mean 'adam'?"),
        (["rl", "train", "cartpol", "--dry-run"], "environment.name is 'cartpol'; did you mean 'cartpole'?"),
        (["rl", "train", "atri/pong", "--dry-run"], "environment.name is 'atri/pong'; did you mean 'atari/pong'?"),
        (["rl", "train", "gym/", "--dry-run"], "environment.name is 'gym/'; allowed are: cartpole, brick, atari/NAME"),
    ],
)
def test_a_name_that_does_not_exist_is_answered_with_the_nearest(words, message):
    assert message in refused(*words)


def test_the_installed_command_answers():
    command = Path(sys.executable).parent / "golfast"
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"golfast \d+\.\d+\.\d+\n", done.stdout)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "train.h5"
    call("data", "make", path, "--count", 300, "--quiet")
    return path


def test_data_make_takes_a_recipe_and_options_over_it(tmp_path):
    recipe = Path(__file__).parents[2] / "datasets" / "life-20x20" / "recipe.toml"
    done = call("data", "make", tmp_path / "a.h5", "--recipe", recipe, "--count", 50, "--split", "test", "--json")
    told = json.loads(done.stdout)
    made = Trajectories(tmp_path / "a.h5").recipe
    assert told["recipe"]["count"] == made.count == 50
    assert made.split == "test"
    assert told["packed_bytes"] == 50 * 4 * 20 * 3


def test_data_make_dry_run_makes_nothing(tmp_path):
    done = call("data", "make", tmp_path / "a.h5", "--dry-run")
    assert 'rule = "B3/S23"' in done.stdout
    assert "48.0 MB" in done.stdout
    assert os.listdir(tmp_path) == []


def test_data_info_and_verify(dataset):
    told = json.loads(call("data", "info", dataset, "--json").stdout)
    assert told["recipe"]["count"] == 300
    assert len(told["density"]) == 4
    assert "300 of 4 states, 20 x 20 cells" in call("data", "info", dataset).stdout
    assert json.loads(call("data", "verify", dataset, "--regenerate", "--json", "--quiet").stdout)["intact"] is True


def test_quiet_is_quiet_and_progress_goes_to_stderr(tmp_path):
    done = call("data", "make", tmp_path / "a.h5", "--count", 10, "--quiet")
    assert done.stderr == ""
    done = call("data", "make", tmp_path / "b.h5", "--count", 10, "--json")
    json.loads(done.stdout)
    assert "make b.h5" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--height", "0"], "board height 0 is impossible: it must be from 1 to"),
        (["--width", "-3"], "board width -3 is impossible"),
        (["--rule", "B3/S2x"], "rule 'B3/S2x' is not of the form 'B3/S23'"),
        (["--boundary", "klein"], "boundary 'klein' is unknown; allowed are: dead, torus"),
        (["--count", "many"], "'many' is not a valid integer"),
        (["--recipe", "absent.toml"], "No such file or directory"),
    ],
)
def test_data_make_refuses(tmp_path, words, message):
    code = 1 if "absent.toml" in words else 2
    assert message in refused("data", "make", tmp_path / "a.h5", *words, code=code)
    assert os.listdir(tmp_path) == []


def test_a_recipe_with_an_unknown_key_names_the_nearest(tmp_path):
    (tmp_path / "r.toml").write_text("heigth = 20\n")
    told = refused("data", "make", tmp_path / "a.h5", "--recipe", tmp_path / "r.toml")
    assert "there is no config key 'heigth'; did you mean 'height'?" in told


def test_files_that_are_not_datasets(tmp_path, dataset):
    assert "no such file" in refused("data", "info", tmp_path / "a.h5", code=1)
    (tmp_path / "a.h5").write_bytes(dataset.read_bytes()[:-100])
    assert "truncated, damaged, or not HDF5" in refused("data", "info", tmp_path / "a.h5", code=1)
    data = bytearray(dataset.read_bytes())
    data[layout.open_layout(dataset).states_offset + 5] ^= 4
    (tmp_path / "b.h5").write_bytes(data)
    told = refused("data", "verify", tmp_path / "b.h5", "--quiet", code=1)
    assert "the checksum of block 0 of 1 (trajectories 0 to 299) is wrong" in told


def test_an_existing_file_is_left_alone(dataset):
    before = dataset.read_bytes()
    assert "exists; give another name, or --overwrite" in refused("data", "make", dataset)
    assert dataset.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    assert "Permission denied" in refused("data", "make", tmp_path / "a.h5", "--count", 10, code=1)


def test_no_write_permission_for_anybody(tmp_path):
    """A folder that is a file, and /proc, refuse root too."""
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file" / "a.h5", Path("/proc/nowhere/a.h5")):
        told = refused("data", "make", target, "--count", 10, "--quiet", code=1)
        assert str(target.parent) in told


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return folder, json.loads(call(*tiny("--folder", folder, "--json", "--quiet")).stdout)


def test_train_then_evaluate_then_imagine(trained, tmp_path):
    folder, result = trained
    figures = json.loads(call("evaluate", folder, "--json", "--quiet").stdout)
    assert figures["metric"]["matched"] == result["metric"]
    assert figures["sequences"] == 10_000
    text = call("evaluate", folder, "--sequences", 50).stdout
    assert "metric, matched" in text
    assert {"dead", "copied", "untrained"} == figures["baselines"].keys()
    assert result["baselines"].keys() == {"dead", "copied"}
    assert all(f"  of {words}" in text for words in ("dead boards", "the input copied", "an untrained network"))
    assert "timestep 2" in text
    call("imagine", folder, "--out", tmp_path / "a.png", "--count", 2)
    told = call("imagine", folder, "--pattern", "glider").stderr
    assert "dead boards 0.00, the input copied 1.00" in told  # five cells of 99 are too many to differ in
    assert "it does not stand out" in told
    with Image.open(tmp_path / "a.png") as one, Image.open(folder / "imagined.png") as other:
        assert one.height > other.height > 50


def test_a_pattern_of_another_world_than_the_runs_is_refused(trained, tmp_path):
    """The boards shown as true are the run's, so a pattern's own rule or board would silently be another."""
    folder, _ = trained
    rle = tmp_path / "a.rle"
    for rule, message in {
        "B36/S23": "made for rule B36/S23, and the run's network learned B3/S23",
        "B3/S23:T20,20": "a board of its own, torus, 20x20, and the run's is dead, 9x11; take :T20,20 out",
        "B3/S23:T11,9": "a board of its own, torus, 9x11, and the run's is dead, 9x11",
        "B3/S23:P9,11": "a board of its own, dead, 11x9, and the run's is dead, 9x11",
        "B3/S23:P11,9": None,
        "23/3": None,
    }.items():
        rle.write_text(f"x = 3, y = 3, rule = {rule}\nbo$2bo$3o!")
        words = ("imagine", folder, "--pattern", rle, "--out", tmp_path / "a.png")
        if message:
            assert message in refused(*words)
            assert not (tmp_path / "a.png").exists()
        else:
            call(*words)
            (tmp_path / "a.png").unlink()


def test_train_on_top_of_a_finished_run(trained, tmp_path, monkeypatch):
    folder, result = trained
    monkeypatch.chdir(tmp_path)
    found = json.loads(call("train", "--from", folder, "--probes", "--set", "probes.pool=50", "--json").stdout)
    assert found["probes"]["outcome"] == "trained"
    assert {key: found[key] for key in ("metric", "seed", "steps")} == {
        key: result[key] for key in ("metric", "seed", "steps")
    }
    (made,) = (tmp_path / "runs").iterdir()
    assert made.name == found["run"] != result["run"]
    assert (made / "weights.safetensors").read_bytes() == (folder / "weights.safetensors").read_bytes()
    assert "ask for more, such as --adversarial" in refused("train", "--from", folder)
    assert "make no sense with it" in refused("train", "--from", folder, "--probes", "--seed", 3)
    told = refused("train", "--from", folder, "--probes", "--set", "batch=9", "--dry-run")
    assert "has a network of another config: batch (8 against 9)" in told
    assert "is not a run folder" in refused("train", "--from", tmp_path, "--probes", code=1)


def test_evaluate_by_a_file(trained, tmp_path):
    folder, _ = trained
    (tmp_path / "how.toml").write_text("sequences = 40\nthreshold = 0.8\n")
    by_file = json.loads(call("evaluate", folder, "--config", tmp_path / "how.toml", "--json").stdout)
    by_options = json.loads(call("evaluate", folder, "--sequences", 40, "--threshold", 0.8, "--json").stdout)
    assert by_file == by_options
    assert by_file["sequences"] == 40
    over = json.loads(call("evaluate", folder, "--config", tmp_path / "how.toml", "--sequences", 30, "--json").stdout)
    assert over["sequences"] == 30
    (tmp_path / "how.toml").write_text("treshold = 0.8\n")
    assert "did you mean 'threshold'?" in refused("evaluate", folder, "--config", tmp_path / "how.toml")
    assert "sequences is 0" in refused("evaluate", folder, "--sequences", 0)


def test_curves_go_into_the_folder_of_a_run_that_begins(tmp_path, monkeypatch):
    made = []

    class Writer:
        def __init__(self, folder):
            assert (Path(folder).parent / "config.toml").exists()
            made.append(folder)

        def add_scalar(self, tag, value, step):
            made.append(step)

        def close(self):
            made.append("closed")

    monkeypatch.setitem(sys.modules, "tensorboard.summary", types.SimpleNamespace(Writer=Writer))
    call(*tiny("--folder", tmp_path / "a", "--tensorboard", "--quiet"))
    assert made[0] == str(tmp_path / "a" / "tensorboard")
    assert made[-1] == "closed"
    assert {0, 10, 20} <= set(made[1:-1])


def test_evaluate_on_a_file(trained, tmp_path):
    folder, _ = trained
    call(
        "data",
        "make",
        tmp_path / "a.h5",
        "--count",
        40,
        "--height",
        9,
        "--width",
        11,
        "--generations",
        2,
        "--split",
        "test",
    )
    figures = json.loads(call("evaluate", folder, "--data", tmp_path / "a.h5", "--json").stdout)
    assert figures["sequences"] == 40
    assert figures["metric"] == json.loads(call("evaluate", folder, "--sequences", 40, "--json").stdout)["metric"]
    call("data", "make", tmp_path / "b.h5", "--count", 40, "--generations", 3)
    assert "the dataset has 3 generations, and the run was trained on 2" in refused(
        "evaluate", folder, "--data", tmp_path / "b.h5"
    )


def test_train_on_a_file(tmp_path):
    call("data", "make", tmp_path / "a.h5", "--count", 100, "--height", 9, "--width", 11, "--generations", 2)
    words = [word for word in TINY if not word.startswith("data.")]
    options = [word for pair in words for word in ("--set", pair)]
    call("train", *options, "--data", tmp_path / "a.h5", "--folder", tmp_path / "run", "--device", "cpu", "--quiet")
    told = refused("train", *options, "--data", tmp_path / "a.h5", "--set", "data.width=12", "--folder", tmp_path / "x")
    assert "has other data than was asked for: width (12 against 11)" in told


def test_train_on_a_file_checks_every_key(dataset, tmp_path):
    told = refused("train", "--data", dataset, "--set", "data.typo=3", "--dry-run")
    assert "there is no config key 'data.typo'" in told
    call("train", "--data", dataset, "--set", "data.rule=life", "--dry-run")
    # A batch is held against the file's trajectories, not against those that would be made without one.
    call("data", "make", tmp_path / "big.h5", "--count", 200_100, "--height", 3, "--width", 3)
    call("train", "--data", tmp_path / "big.h5", "--set", "batch=200050", "--dry-run")


def test_train_dry_run_prints_every_field(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = call("train", "--dry-run", "--seed", 4, "--set", "model.channels=32").stdout
    assert "seed = 4" in text
    assert "channels = 32" in text
    (tmp_path / "c.toml").write_text(text)
    again = call("train", "--dry-run", "--config", tmp_path / "c.toml").stdout
    assert again == text
    assert os.listdir(tmp_path) == ["c.toml"]


def test_train_dry_run_loads_no_torch(tmp_path):
    code = """
import sys
from golfast.run import precision
from golfast_cli import main
if precision._may_have_gpu() or precision._bf16_by_flags() is None:
    sys.exit("torch is asked here")
main(["train", "--dry-run"], standalone_mode=False)
print("loaded", "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    if "torch is asked here" in done.stderr:
        pytest.skip("what this machine computes with only torch can tell")
    assert done.stdout.endswith("loaded False\n"), done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "model.chanels=3"], "there is no config key 'model.chanels'; did you mean 'model.channels'?"),
        (["--set", "batch=big"], "config key 'batch' takes a whole number; got 'big'"),
        (["--set", "batch"], "'batch' is not of the form key=value"),
        (["--set", "model.timesteps=0"], "model.timesteps is 0; it must be from 1 to 64"),
        (["--device", "tpu"], "'tpu' is not one of"),
    ],
)
def test_train_refuses(tmp_path, words, message):
    assert message in refused("train", "--folder", tmp_path / "run", *words)
    assert os.listdir(tmp_path) == []


def test_train_refuses_a_folder_in_use_and_resumes_it_when_told(trained):
    folder, result = trained
    assert "is not empty; give --resume" in refused(*tiny("--folder", folder, "--quiet"))
    assert (
        json.loads(call("train", "--folder", folder, "--resume", "--json", "--quiet", "--device", "cpu").stdout)
        == result
    )
    told = refused(*tiny("--folder", folder, "--quiet", "--seed", 5, "--resume"), code=1)
    assert "holds a run of another config" in told


def test_folders_that_are_not_runs(tmp_path):
    for command in ("evaluate", "imagine"):
        assert "is not a run folder" in refused(command, tmp_path, code=1)


def test_simulate_prints_populations():
    lines = call("simulate", "--generations", 5, "--size", "30x40", "--seed", 3).stdout.splitlines()
    states = simulate(soups(1, 30, 40, seed=3), 5)[0]
    assert lines == ["generation\tpopulation", *(f"{k}\t{state.sum()}" for k, state in enumerate(states))]


def test_a_long_simulation_is_kept_piece_by_piece(tmp_path, monkeypatch):
    """The same populations and pictures, however few states are in memory at a time."""
    from golfast_cli import simulate as module

    words = "simulate", "--size", "9x70", "--seed", 5, "-g", 41
    whole = call(*words).stdout
    call(*words, "--out", tmp_path / "a.gif", "--cell", 1)
    monkeypatch.setattr(module, "_TOGETHER", 9 * 70 * 6)
    assert call(*words).stdout == whole
    call(*words, "--out", tmp_path / "b.gif", "--cell", 1)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    states = simulate(soups(1, 9, 70, seed=5), 41)[0]
    for generations in (0, 1, 41):  # pictures and patterns leap from state to state
        last = call(*words[:-1], generations, "--out", tmp_path / "a.rle", "--json").stdout
        assert json.loads(last)["population"] == states[: generations + 1].sum(axis=(1, 2)).tolist()
        call(*words[:-1], generations, "--out", tmp_path / "b.rle")
        assert (tmp_path / "a.rle").read_bytes() == (tmp_path / "b.rle").read_bytes()
        call(*words[:-1], generations, "--out", tmp_path / "a.png")
        call(*words[:-1], generations, "--out", tmp_path / "b.png", "--json")
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_simulate_writes_what_is_asked(tmp_path):
    call("simulate", "glider", "--size", "12x12", "-g", 4, "--out", tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 5
    call("simulate", "glider", "--size", "12x12", "-g", 4, "--out", tmp_path / "a.png")
    for name in ("a.rle", "a.CELLS"):
        call("simulate", "r-pentomino", "--size", "30x30", "-g", 10, "--out", tmp_path / name)
    one, other = read_pattern(tmp_path / "a.rle").cells, read_pattern(tmp_path / "a.CELLS").cells
    np.testing.assert_array_equal(one, other)
    told = json.loads(call("simulate", tmp_path / "a.rle", "--size", "30x30", "-g", 0, "--json").stdout)
    assert told["population"] == [int(one.sum())]


@pytest.fixture
def torus_file(tmp_path):
    path = tmp_path / "torus.rle"
    path.write_text("x = 3, y = 3, rule = B3/S23:T7,5\nbo$2bo$3o!")
    return path


def test_simulate_runs_a_pattern_on_the_board_that_its_rule_names(torus_file):
    board = np.zeros((5, 7), np.uint8)
    board[:3, :3] = [[0, 1, 0], [0, 0, 1], [1, 1, 1]]
    out = torus_file.with_name("last.rle")
    for words in ([], ["--size", "5x7", "--boundary", "torus"]):
        told = json.loads(call("simulate", torus_file, "-g", 33, "--out", out, "--json", *words).stdout)
        assert (told["boundary"], told["height"], told["width"]) == ("torus", 5, 7)
        last = read_pattern(out)
        np.testing.assert_array_equal(last.cells, simulate(board, 33, boundary="torus")[-1])
        assert str(last.grid) == ":T7,5"
    torus_file.write_text("#CXRLE Pos=2,-1\nx = 3, y = 3, rule = B3/S23:P9,5\nbo$2bo$3o!")
    call("simulate", torus_file, "-g", 33, "--out", out)
    np.testing.assert_array_equal(
        read_pattern(out).cells, simulate(read_pattern(torus_file).place(5, 9, row=1, column=6), 33)[-1]
    )


@pytest.mark.parametrize(
    "words", [["--size", "7x5"], ["--boundary", "dead"], ["--size", "40x40", "--boundary", "torus"]]
)
def test_simulate_refuses_another_board_than_the_rule_names(torus_file, words):
    message = (
        "the pattern's rule B3/S23:T7,5 names its board, torus, 5x7; leave --size and --boundary out, or give another"
    )
    assert message in refused("simulate", torus_file, *words, code=2)
    told = json.loads(call("simulate", torus_file, "--rule", "B3/S23", "-g", 1, "--json", *words).stdout)
    assert (told["boundary"] == "torus") == ("torus" in words)


@pytest.mark.parametrize(
    ("words", "milliseconds"),
    [
        (["-g", 4], 200),
        (["-g", 120], 80),  # ten seconds, not 24
        (["-g", 400], 40),
        (["-g", 120, "--fps", 2], 500),
        (["-g", 4, "--fps", 30], 30),
    ],
)
def test_a_gif_is_as_fast_as_asked_and_a_long_one_faster(words, milliseconds, tmp_path):
    gun = ["simulate", "gosper-gun", "--size", "40x50", "--cell", 1]  # no two states in a row are the same
    call(*gun, *words, "--out", tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.info["duration"] == milliseconds


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["nonesuch"], "glider", 2),
        (["--fps", "3"], "--fps is the speed of a GIF; give --out", 2),
        (["--fps", "3", "--out", "a.png"], "--fps is the speed of a GIF; give --out", 2),
        (["--fps", "0", "--out", "a.gif"], "a GIF shows from 0.1 to 50 frames a second; got 0", 2),
        (["--size", "big"], "is not of the form ROWSxCOLUMNS", 2),
        (["--size", "0x5"], "board height 0 is impossible", 2),
        (["glider", "--size", "2x2"], "fit", 2),
        (["--out", "a.bmp"], "has an unknown ending; allowed are: .png, .gif, .rle, .cells", 2),
        (["--generations", "-1"], "generations is -1", 2),
        (["--rule", "x"], "is not of the form 'B3/S23'", 2),
        (["--rule", ""], "is not of the form 'B3/S23'", 2),
        (["--size", ""], "is not of the form ROWSxCOLUMNS", 2),
        (["--density", "2"], "density is 2.0", 2),
        (["-g", "20000", "--out", "a.gif"], "is too long; give at most 1,336 --generations, or a smaller --cell", 2),
    ],
)
def test_simulate_refuses(words, message, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused("simulate", *words, code=code)
    assert os.listdir(tmp_path) == []


def test_a_census_counts_every_soup():
    told = json.loads(call("census", "--soups", 3000, "--size", "10x10", "--json", "--quiet").stdout)
    assert told["soups"] == told["settled"] == sum(told["periods"].values()) == 3000
    assert "period 2" in call("census", "--soups", 3000, "--size", "10x10", "--quiet").stdout
    assert "up to 64 columns wide; got 65" in refused("census", "--size", "10x65")
    assert "board height 0 is impossible" in refused("census", "--size", "0x5")


@pytest.mark.parametrize("boundary", ["dead", "torus"])
def test_a_census_counts_cells_and_objects(boundary, monkeypatch):
    monkeypatch.setattr("golfast_cli.census._CELLS", 10_000)  # block by block
    words = ["census", "--soups", 250, "--size", "12x10", "--boundary", boundary, "--seed", 3, "--quiet"]
    told = json.loads(call(*words, "--objects", "--generations", 20, "--json").stdout)
    boards = soups(250, 12, 10, seed=3)
    states = simulate(boards, 20, boundary=boundary).astype(np.int64)
    assert told["population"]["total"] == states.sum(axis=(0, 2, 3)).tolist()
    assert told["activity"]["total"] == abs(np.diff(states, axis=1)).sum(axis=(0, 2, 3)).tolist()
    np.testing.assert_allclose(told["population"]["mean"], states.sum(axis=(2, 3)).mean(axis=0))
    found = settle(boards, boundary=boundary)
    ended = [
        simulate(board, when + 1, boundary=boundary)[-2:]
        for board, when in zip(boards, found.settled.tolist(), strict=True)
    ]
    assert told["population"]["settled_total"] == sum(int(pair[0].sum()) for pair in ended)
    assert told["activity"]["settled_total"] == sum(int((pair[0] != pair[1]).sum()) for pair in ended)
    assert told["objects"] == count_objects([pair[0] for pair in ended], boundary=boundary)
    counts = list(told["objects"].values())
    assert counts == sorted(counts, reverse=True)
    lines = call(*words, "--objects", "--generations", 20).stdout
    assert f"objects        {sum(counts):,} of {len(counts)} kinds\n" in lines
    assert "xs4_33 " in lines
    assert f"population     0: {told['population']['mean'][0]:.4g}  1: " in lines


def test_a_census_of_what_never_settles():
    told = json.loads(call("census", "--soups", 9, "--size", "64x64", "--limit", 3, "-g", 0, "--json", "-q").stdout)
    assert (told["settled"], told["population"]["settled_mean"], told["activity"]["mean"]) == (0, None, [])
    assert "settled:" not in call("census", "--soups", 9, "--size", "64x64", "--limit", 3, "-g", 0, "-q").stdout
    assert "there are no objects under B0/S" in refused("census", "--objects", "--rule", "B0/S")


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send")
def test_a_census_can_be_interrupted():
    """Blocks are small on large boards and for long limits, and a call of a kernel is short on all."""
    words = ["census", "--soups", 10**9, "--size", "64x64", "--rule", "B2/S", "--boundary", "torus", "--limit", 10**9]
    heeds = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a job in the background does not
    )
    command = f"{heeds}; from golfast_cli import main; main({[str(word) for word in words]}, prog_name='golfast')"
    job = subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.PIPE, text=True)
    assert job.stderr.readline() == "census: 1,000,000,000 soups\n"
    job.send_signal(signal.SIGINT)
    _, told = job.communicate(timeout=300)
    assert job.returncode == 130
    assert told.splitlines()[-1].startswith("golfast: interrupted")


def test_unknown_commands_and_options():
    assert "there is no command 'fly'" in refused("fly")
    assert "No such option" in refused("train", "--fly")


@pytest.mark.parametrize("words", [["--seed", "3"], ["--density", "0.2"]])
def test_a_soup_is_not_described_beside_a_pattern(words):
    done = CliRunner().invoke(main, ["simulate", "glider", *words], prog_name="golfast")
    assert done.exit_code == 2
    assert f"{words[0]} describes a soup, and a pattern was given" in done.output


def test_what_may_not_be_read_is_no_fault_in_the_words():
    """Exit code 1 and who reads it says so, not exit code 2 and the usage."""
    import click

    from golfast_cli.root import _COMMANDS

    def walk(command):
        yield command
        for inner in getattr(command, "commands", {}).values():
            yield from walk(inner)

    context = click.Context(main)
    found = [
        parameter
        for name in _COMMANDS
        for command in walk(main.get_command(context, name))
        for parameter in command.params
        if isinstance(parameter.type, click.Path)
    ]
    assert len(found) > 20
    assert [parameter for parameter in found if parameter.type.readable] == []


def test_messages_do_not_repeat_what_is_long_or_steers_a_terminal(tmp_path):
    (tmp_path / "my.toml").write_text(f'engine = "{"x" * 10**5}\\u001b[31m"\n')
    (tmp_path / "deep.toml").write_text(".".join("a" * 3000) + " = 1")
    (tmp_path / "big.toml").write_text("[optimiser]\nlr = " + "9" * 400)
    for name, code in (("my", 2), ("deep", 1), ("big", 1)):
        told = refused("train", "--config", tmp_path / f"{name}.toml", "--dry-run", code=code)
        assert len(told) < 2200
        assert "\x1b" not in told
    told = refused("train", "--set", "engine=" + "x" * 10**6, "--dry-run", code=2)
    assert len(told) < 2200


BREAKS = """
import sys
class Breaks:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise {error}
sys.meta_path.insert(0, Breaks())
from golfast_cli import main
main(["evaluate", "nothing"])
"""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            "ImportError('libtorch_cpu.so: failed to map segment', name='torch')",
            "torch cannot be loaded: libtorch",
        ),
        ("OSError('libtorch_cpu.so: cannot allocate memory')", "cannot allocate memory"),
        ("MemoryError()", "not enough memory; ask for less"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_told(error, message):
    done = subprocess.run(
        [sys.executable, "-c", BREAKS.format(error=error)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("golfast: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    os.mkfifo(tmp_path / "pipe.sqlite")
    for words in (
        ("train", "--config", tmp_path / "pipe.toml", "--dry-run"),
        ("evaluate", tmp_path, "--config", tmp_path / "pipe.toml"),
        ("ablate", tmp_path / "pipe.toml", "--dry-run"),
        ("results", tmp_path / "pipe.sqlite"),
        ("report", tmp_path / "pipe.sqlite"),
    ):
        assert "is a named pipe and not a file" in refused(*words, code=1)


def test_a_sweep_of_a_trillion_runs_is_refused(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text('title = "x"\ncounted = 1_000_000_000_000\n[draw]\nbatch = [8, 24]\n[variants.a]\n')
    assert "a row has at most 100,000" in refused("ablate", path, "--dry-run", code=2)
