"""What README says, done as README says it."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from golfast_cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def test_the_python_does_what_it_says(capsys):
    (code,) = [text for language, text in BLOCKS if language == "python"]
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == "1.0\n"


def test_the_commands_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = [
        shlex.split(line, comments=True)[1:]
        for language, text in BLOCKS
        if language == "sh"
        for line in text.splitlines()
        if line.startswith("golfast ")
    ]
    assert len(commands) >= 7
    for words in commands:
        quick = ["--set", "steps=20", "--set", "checkpoint_every=50"] if words[0] == "train" else []
        done = CliRunner().invoke(main, [*words, *quick], prog_name="golfast")
        assert done.exit_code == 0, (words, done.output)
    assert {"train.h5", "glider.png", "gun.gif", "runs"} <= {path.name for path in tmp_path.iterdir()}


def kept(name):
    return json.loads((ROOT / "results" / "rl" / name).read_text())


def test_the_figures_of_agents_are_those_of_their_files():
    """What is said beside a picture or a link is what the file says, rounded."""
    words = " ".join(README.split())
    (brick,) = kept("brick.json")["rows"]
    first, second, third = brick["greedy_means"]
    assert f"three seeds score {first:.1f}, {second:.1f} and {third:.1f} a game" in words
    seconds = brick["seconds_training"]
    assert f"Each took {min(seconds):.0f} to {max(seconds):.0f} seconds for {brick['steps'] // 10**6} million" in words
    breakout = kept("breakout.json")
    sampled = breakout["sampled"]
    assert f"scores {sampled['mean']:.0f} ({sampled['low']:.0f} to {sampled['high']:.0f}) a game" in words
    assert f"after {breakout['curve']['step'][-1] // 10**6} million steps" in words
    assert f"steps: {breakout['curve']['seconds'][-1] / 3600:.1f} hours of two CPU cores" in words
    (pole,) = kept("cartpole.json")["rows"]
    seconds = pole["seconds_training"]
    assert f"On CartPole five of five seeds score 500, after {min(seconds):.1f} to {max(seconds):.1f} seconds" in words
    assert set(pole["greedy_means"]) == {500.0}
    for file, digits in (("compare.json", 0), ("compare-brick.json", 1), ("compare-brick-rmsprop.json", 1)):
        for row in kept(file)["rows"]:
            cells = [
                f"{how['mean']:.{digits}f} [{how['low']:.{digits}f}, {how['high']:.{digits}f}]"
                for how in (row["greedy"], row["sampled"])
            ]
            assert f" | {' | '.join(cells)} |\n" in README, (file, row["variant"])


def test_the_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|^)make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", [ROOT / "README.md", *ROOT.glob("datasets/**/README.md"), ROOT / "CONTRIBUTING.md"])
def test_local_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_demo_imagines(tmp_path, monkeypatch):
    """The main job, whole: the network of the default seed reaches 99%, and its hidden states are true."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["demo", "--json", "--quiet", "--device", "cpu"], prog_name="golfast")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["reached"]
    assert result["accuracy"] >= 0.985
    assert result["metric"] >= 0.95
    assert result["sequences"] == 10_000
    for name in ("strips.png", "learning.gif", "result.json", "weights.safetensors"):
        assert (tmp_path / "runs" / "demo-0" / name).exists()
