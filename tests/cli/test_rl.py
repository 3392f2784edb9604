"""`golfast rl`, as it is typed."""

import json
import re
import shutil
import sys

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from golfast.rl import recipe
from golfast.run.config import override
from golfast_cli import main

SMALL = ["--set", "steps=2000", "--set", "environment.count=10", "--set", "policy.width=8", "--set", "report_every=2",
         "--set", "checkpoint_every=4", "--episodes", "4", "--quiet"]  # fmt: skip


def cli(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in ("rl", *arguments)])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rl") / "run"
    result = cli("train", "brick", "--seed", 2, "--folder", folder, "--json", *SMALL)
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_training_leaves_a_run_that_explains_itself(run):
    folder, result = run
    assert (result["environment"], result["seed"], result["steps"]) == ("brick", 2, 2000)
    assert result["greedy"]["count"] == result["sampled"]["count"] == 4
    with Image.open(folder / "learning.png") as curve, Image.open(folder / "game.gif") as game:
        assert curve.width == 720
        assert game.n_frames > 1
    assert (
        cli("train", "--folder", folder, "--resume", "--json", "--quiet").stdout == json.dumps(result, indent=2) + "\n"
    )


def test_a_training_in_which_no_game_ended_is_a_run_too(tmp_path):
    words = [
        "--set",
        "steps=20",
        "--set",
        "environment.count=10",
        "--set",
        "policy.width=8",
        "--episodes",
        2,
        "--quiet",
    ]
    done = cli("train", "brick", "--folder", tmp_path / "short", "--json", *words, "--set", "rollout=2")
    assert done.exit_code == 0, done.output
    records = [json.loads(line) for line in (tmp_path / "short" / "metrics.jsonl").read_text().splitlines()]
    assert records[-1]["return"] is None
    assert not (tmp_path / "short" / "learning.png").exists()
    assert json.loads(done.stdout)["greedy"]["different"] in (1, 2)


def test_a_run_goes_on_as_it_is_or_not_at_all(run):
    seed = cli("train", "--folder", run[0], "--resume", "--seed", 2, "--set", "steps=2000", "--json", "--quiet")
    assert json.loads(seed.stdout) == run[1]
    other = cli("train", "--folder", run[0], "--resume", "--set", "steps=123")
    assert other.exit_code == 2
    assert "a run of other fields: steps (2000 against 123); give another --folder" in other.output


def test_a_command_for_another_kind_of_run_says_so(run):
    done = CliRunner().invoke(main, ["evaluate", str(run[0])])
    assert done.exit_code == 1
    assert "holds a run of another kind, of an agent" in done.output


def test_all_that_a_brick_game_shows_is_legal():
    from golfast.rl import EnvironmentConfig, make_environment
    from golfast_cli.subject_agent import _world

    games, random = make_environment(EnvironmentConfig(name="brick", count=64)), np.random.default_rng(1)
    seen, ways = games.reset(3), set()
    for _ in range(600):
        # In half of the games the paddle goes where the ball will land, so that walls come down.
        ball, paddle = seen[:, 1].any(1).argmax(1), seen[:, 0, -1].argmax(1)
        aim = np.clip(ball + (ball - seen[:, 2].any(1).argmax(1)), 0, 9)
        follow = np.where(aim < paddle, 1, np.where(aim > paddle, 2, 0))
        seen = games.step(np.where(np.arange(64) % 2, follow, random.integers(0, 3, 64))).observations.copy()
        legal = _world("brick", torch.from_numpy(seen))[1].project(torch.from_numpy(seen).float())
        np.testing.assert_array_equal(legal.numpy(), seen)
        for game in seen:
            (y, x), (old_y, old_x) = np.argwhere(game[1])[0], np.argwhere(game[2])[0]
            ways.add((old_y - y + 1, old_x - x + 1, y, x))
    allowed = _world("brick", torch.from_numpy(seen))[1].ways
    straight = [way for way in ways if 1 in way[:2]]
    assert len(straight) > 40
    assert all(allowed[way] for way in ways)
    assert not allowed[1, 0, 6, 4]  # level in the middle of nowhere
    assert not allowed[0, 1, 6, 4]


def test_a_finished_run_says_by_how_many_games_it_was_judged(run):
    again = cli("train", "--folder", run[0], "--resume", "--json", "--episodes", 7)
    assert json.loads(again.stdout) == run[1]
    assert "was judged by 4 games, shown here" in again.stderr
    assert "--episodes 7` judges it by 7" in again.stderr
    assert "judged" not in cli("train", "--folder", run[0], "--resume", "--episodes", 4).stderr


def test_a_run_is_evaluated_and_played(run, tmp_path):
    folder, result = run
    again = json.loads(cli("evaluate", folder, "--episodes", 4, "--json", "--quiet").stdout)
    assert again["greedy"] == result["greedy"]
    assert json.loads(cli("evaluate", folder, "--episodes", 4, "--seed", 5, "--json", "--quiet").stdout) != again
    words = cli("evaluate", folder, "--episodes", 4, "--quiet", "--save", tmp_path / "kept.json").stdout
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["greedy"] == result["greedy"]
    assert kept["curve"]["step"][-1] == kept["figures"]["steps"] == 2000
    assert kept["config"]["environment"]["name"] == "brick"
    assert f"greedy   {result['greedy']['mean']:,.1f} [" in words
    played = json.loads(cli("play", folder, "--out", tmp_path / "a.gif", "--untrained", "--json").stdout)
    assert played["over"]
    with Image.open(tmp_path / "a.gif") as game:
        assert game.n_frames > 1
        assert game.info["duration"] == 60
    cli("play", folder, "--out", tmp_path / "a.gif", "--untrained", "--fps", 4)
    with Image.open(tmp_path / "a.gif") as game:
        assert game.info["duration"] == 250


@pytest.mark.parametrize("log", [None, "{", '{"step": 3}\n'])
def test_a_run_without_its_metrics_is_evaluated_and_saved(run, tmp_path, log):
    copy = tmp_path / "run"
    shutil.copytree(run[0], copy)
    (copy / "metrics.jsonl").unlink()
    if log is not None:
        (copy / "metrics.jsonl").write_text(log)
    done = cli("evaluate", copy, "--episodes", 4, "--save", tmp_path / "kept.json")
    assert done.exit_code == 0, done.output
    assert "metrics.jsonl is missing or damaged" in done.stderr
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["greedy"] == run[1]["greedy"]
    assert kept["curve"]["step"] == []


def test_what_the_units_of_an_agent_look_for_is_drawn(run, tmp_path):
    """Every unit that lives is excited by a legal game at least as much as by nearly all real ones."""
    saved = tmp_path / "kept.json"
    words = ["features", run[0], "--examples", 300, "--out", tmp_path, "--save", saved, "--json", "--quiet"]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert {layer["layer"]: layer["units"] for layer in told["layers"]} == {
        "actor.2": 8, "actor.4": 8, "policy": 3, "value": 1
    }  # fmt: skip
    assert all(layer["reached"] == layer["live"] == layer["units"] - len(layer["dead"]) for layer in told["layers"])
    kept = json.loads(saved.read_text())
    assert kept.pop("command").startswith("golfast ")
    assert kept == told
    with Image.open(tmp_path / "actor.2.png") as sheet, Image.open(told["findings"]["picture"]) as game:
        assert sheet.width > 400
        assert game.n_frames > 1


def test_the_demo_leaves_an_agent_and_its_sheets(tmp_path, monkeypatch):
    small = override(recipe("brick"), {"policy.width": 8, "environment.count": 10})
    monkeypatch.setattr("golfast.rl.recipe", lambda name: small)
    monkeypatch.setattr("golfast_cli.rl.DEMO_STEPS", 2000)
    monkeypatch.setattr("golfast_cli.rl.DEMO_EXAMPLES", 200)
    arguments = ("demo", "--seed", 3, "--folder", tmp_path / "demo", "--quiet", "--json")
    first = cli(*arguments)
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert told["seed"] == 3
    for layer in told["features"]["layers"]:
        with Image.open(layer["picture"]) as sheet:
            assert sheet.width > 400
    (tmp_path / "demo" / "features" / "features.json").unlink()
    again = json.loads(cli(*arguments).stdout)
    assert again["seconds_training"] == told["seconds_training"]
    assert (tmp_path / "demo" / "features" / "features.json").exists()


def test_variants_are_compared(tmp_path):
    saved = tmp_path / "rows.json"
    arguments = ("compare", "cartpole", "--variant", "plain", "--variant", "ppo: algorithm=ppo ppo.epochs=1")
    where = ("--results", tmp_path / "r.sqlite", "--folder", tmp_path, "--workers", 1)
    result = cli(*arguments, "--seeds", 2, *where, "--save", saved, *SMALL)
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["plain", "ppo"]
    rows = json.loads(saved.read_text())["rows"]
    assert [row["variant"] for row in rows] == ["plain", "ppo"]
    assert all(row["seeds"] == [0, 1] and len(row["greedy_means"]) == 2 for row in rows)
    assert rows[0]["greedy_means"] != rows[1]["greedy_means"]
    assert rows[1]["changes"] | {"algorithm": "ppo", "ppo.epochs": 1, "steps": 2000} == rows[1]["changes"]
    trials = sorted((tmp_path / "trials").iterdir())
    assert len(trials) == 4
    assert json.loads(cli(*arguments, "--seeds", 2, *where, *SMALL, "--json").stdout)["rows"] == rows  # none run again
    other = [*SMALL, "--episodes", 6]
    refused = cli(*arguments, "--seeds", 2, *where, *other)
    assert refused.exit_code == 2
    assert "judged by 4 games, not 6; give --episodes 4, or another --results file" in refused.output
    elsewhere = ("--results", tmp_path / "other.sqlite", *where[2:])
    told = json.loads(cli(*arguments, "--seeds", 2, *elsewhere, *other, "--json").stdout)
    assert told["episodes"] == 6
    assert told["rows"][0]["seconds_training"] == rows[0]["seconds_training"]
    assert told["rows"][0]["greedy_means"] != rows[0]["greedy_means"]
    # What was run is a sweep like any other.
    main_cli = CliRunner().invoke(main, ["results", str(tmp_path / "r.sqlite"), "--json"])
    found = json.loads(main_cli.stdout)
    assert {one["config.algorithm"] for one in found} == {"a2c", "ppo"}
    page = CliRunner().invoke(main, ["report", str(tmp_path / "r.sqlite"), "--out", str(tmp_path / "a.html")])
    assert page.exit_code == 0, page.output
    assert "mean score, greedy" in (tmp_path / "a.html").read_text()


def test_a_dry_run_prints_the_recipe():
    plan = json.loads(cli("train", "brick", "--dry-run", "--set", "policy.kind=cnn", "--json").stdout)
    assert plan["config"]["environment"]["sticky"] == 0.1
    assert plan["config"]["policy"]["kind"] == "cnn"
    assert plan["folder"].startswith("runs/brick-")


@pytest.mark.parametrize(
    ("package", "name", "message"),
    [
        ("gymnasium", "gym/CartPol-v1", "gymnasium cannot make 'CartPol-v1': .*CartPole"),
        ("gymnasium", "gym/CartPole-v77", "gymnasium cannot make 'CartPole-v77'"),
        ("gymnasium", "gym/no_such_module:A-v0", "gymnasium cannot make 'no_such_module:A-v0': ModuleNotFoundError"),
        ("gymnasium", "gym/CartPole", None),
        ("gymnasium", "gym/CartPole-v1", None),
        ("ale_py", "atari/brekout", "ale-py has no game 'brekout'; did you mean 'breakout'"),
        ("ale_py", "atari/breakout", None),
    ],
)
def test_a_dry_run_refuses_an_environment_that_is_not_there(package, name, message, monkeypatch):
    pytest.importorskip(package)
    done = cli("train", name, "--dry-run")
    assert done.exit_code == (2 if message else 0), done.output
    assert message is None or re.search(message, done.stderr)
    monkeypatch.setitem(sys.modules, package, None)
    assert cli("train", name, "--dry-run").exit_code == 0  # nothing is known of them without


def test_kept_results_are_shown(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps({"what": "W", "figures": {"a": 1.5}, "command": "golfast"}))
    assert json.loads(cli("show", "--json", "--folder", tmp_path).stdout)["one"]["figures"] == {"a": 1.5}
    shown = cli("show", "--folder", tmp_path).stdout
    assert "one: W" in shown
    assert "made by: golfast" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train"], 2, "say what to play"),
        (["train", "chess"], 2, "environment.name is 'chess'; allowed are: cartpole, brick"),
        (["train", "brick", "--set", "entropi=1"], 2, "did you mean 'entropy'"),
        (["train", "brick", "--set", "steps"], 2, "'steps' is not of the form KEY=VALUE, such as steps=300000"),
        (["train", "cartpole", "--set", "policy.kind=cnn"], 2, "use policy.kind=mlp"),
        (["compare", "cartpole", "--variant", "a: policy.kind=cnn"], 2, "use policy.kind=mlp"),
        (["compare", "brick", "--variant", "a: steps"], 2, "'steps' is not of the form KEY=VALUE"),
        (["train", "brick", "--set", "steps=0"], 2, "it must be 1 or more"),
        (["evaluate", "nowhere"], 1, "nowhere is not a run folder"),
        (["show", "--folder", "nowhere"], 1, "there are no results in nowhere"),
        (["compare", "brick", "--variant", " : x=1"], 2, "is not of the form"),
        (["compare", "brick", "--variant", "a", "--spec", "b.toml"], 2, "not both"),
        (["compare", "brick", "--variant", "a", "--variant", "a : entropy=0"], 2, "'a' is given 2 times"),
        (["compare", "brick", "--spec", "b.toml"], 1, "b.toml"),
        (["compare", "brick", "--variant", "a: seeed=1"], 2, "did you mean 'seed'"),
        (["compare", "chess"], 2, "environment.name is 'chess'"),
        (["compare", "brick", "--set", "entropi=1"], 2, "did you mean 'entropy'"),
    ],
)
def test_words_that_make_no_sense_are_one_sentence(arguments, code, words):
    result = cli(*arguments)
    assert result.exit_code == code
    assert result.output.startswith("golfast: ")
    assert words in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("game", ["Pendulum-v1", "Nonsense-v7"])
def test_what_cannot_be_played_is_refused_before_anything_else(game):
    pytest.importorskip("gymnasium")
    for words in (["train", f"gym/{game}"], ["compare", f"gym/{game}"]):
        result = cli(*words)
        assert result.exit_code == 2
        assert result.output.startswith("golfast: gym")
        assert result.output.count("\n") == 1


@pytest.mark.parametrize("error", [MemoryError("4 GB"), RuntimeError("you can't allocate memory: 4 GB")])
def test_too_little_memory_names_what_an_agent_takes_it_for(tmp_path, monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("golfast.rl.run_agent", fail)
    result = cli("train", "brick", "--folder", tmp_path / "a", *SMALL)
    assert result.exit_code == 1
    assert "lower environment.count, rollout, policy.width" in result.output
    assert "channels" not in result.output


def test_a_picture_of_another_kind_is_refused(run):
    result = cli("play", run[0], "--out", "a.png")
    assert (result.exit_code, "allowed is: .gif" in result.output) == (2, True)


def test_a_folder_that_is_in_use_is_not_overwritten(run):
    result = cli("train", "brick", "--folder", run[0], *SMALL)
    assert result.exit_code == 2
    assert "give --resume" in result.output


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Gymnasium, that there are no render_modes
def test_a_gymnasium_game_with_arguments_and_without_pictures(tmp_path, monkeypatch):
    """From training to sheets: arguments are kept in the run, and only a picture of the game needs one."""
    gymnasium = pytest.importorskip("gymnasium")

    class Corridor(gymnasium.Env):
        metadata = {}  # noqa: RUF012 - as Gymnasium has it

        def __init__(self, length):
            self.observation_space, self.action_space = gymnasium.spaces.Discrete(length), gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.at = self.np_random.integers(self.observation_space.n - 1)
            return self.at, {}

        def step(self, action):
            self.at = min(self.at + int(action), self.observation_space.n - 1)
            return self.at, float(action), bool(self.at == self.observation_space.n - 1), False, {}

    spec = gymnasium.envs.registration.EnvSpec("Corridor-v0", entry_point=Corridor, max_episode_steps=20)
    monkeypatch.setitem(gymnasium.registry, spec.id, spec)
    run, given = tmp_path / "run", ["--set", "environment.kwargs.length=7"]
    done = cli("train", "gym/Corridor-v0", "--folder", run, *given, *SMALL)
    assert done.exit_code == 0, done.output
    assert "game.gif" not in done.stdout
    assert "[environment.kwargs]\nlength = 7\n" in (run / "config.toml").read_text()
    again = cli("train", "--folder", run, "--resume", "--quiet", *given)
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    other = cli("train", "--folder", run, "--resume", "--set", "environment.kwargs.length=8")
    assert other.exit_code == 2
    assert "environment.kwargs.length (7 against 8)" in other.output
    assert cli("evaluate", run, "--episodes", 3, "--quiet").exit_code == 0
    played = cli("play", run)
    assert played.exit_code == 2
    assert "gym/Corridor-v0 cannot be drawn" in played.output
    sheets = CliRunner().invoke(main, ["features", str(run), "--examples", "200", "--quiet"])
    assert sheets.exit_code == 0, sheets.output
    assert json.loads((run / "features" / "features.json").read_text())["findings"] == {}
    needs = cli("train", "gym/Corridor-v0", "--folder", tmp_path / "none", *SMALL)
    assert needs.exit_code == 2
    assert "missing 1 required positional argument: 'length'" in needs.output
    assert not (tmp_path / "none").exists()
