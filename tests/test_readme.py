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
