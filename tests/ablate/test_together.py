"""Sweeps whose trials are trained as one: the same trials, the same figures, and nothing is lost."""

import json
import sqlite3

import fake_trials as fake
import pytest
from click.testing import CliRunner
from fake_trials import run

from golfast.ablate.jobs import State
from golfast.ablate.store import Store
from golfast.run.folder import RunFolder
from golfast_cli import main


def figures(path):
    with Store.reading(path / "results.sqlite") as store:
        members = [(recipe, row["name"], trials) for recipe, row, trials in store.rows("s")]
        return members, {trial.name: (trial.state, trial.result) for trial in store.trials()}


def stacks(path):
    return [file.read_text().split(maxsplit=1) for file in sorted(path.glob("stack-*"))]


def test_a_sweep_has_the_same_figures_together_and_apart(tmp_path):
    for name in ("alone", "together"):
        (tmp_path / name).mkdir()
    rows = {"a": 6, "b": 3, "c": 2}
    run(tmp_path / "alone", fake.Fake(tmp_path / "alone", short=(2,)), rows=fake.sweep_rows(**rows))
    work = fake.FakeTogether(tmp_path / "together", short=(2,), apart=("c",))
    _, said = run(tmp_path / "together", work, rows=fake.sweep_rows(**rows), together=4)
    assert said == []
    assert figures(tmp_path / "alone") == figures(tmp_path / "together")
    made = stacks(tmp_path / "together")
    assert {variant for variant, _ in made} == {"a", "b"}
    sizes = [len(json.loads(text.rsplit(maxsplit=1)[0])) for _, text in made]
    assert max(sizes) == 4
    assert len({text.rsplit(maxsplit=1)[1] for _, text in made}) == 1  # one process trained them all


def test_what_cannot_be_trained_fails_alone(tmp_path):
    plan, said = run(tmp_path, fake.FakeTogether(tmp_path, unfit=(2,)), together=4)
    assert sum("failed 3 times: cannot be trained" in line for line in said) == 2
    with Store.reading(tmp_path / "results.sqlite") as store:
        assert {trial.seed for trial in store.trials() if trial.state is State.FAILED} == {2}
    assert all(row.done(plan.states) for row in plan.rows)


def test_stacks_that_do_not_fit_are_made_smaller(tmp_path):
    plan, said = run(tmp_path, fake.FakeTogether(tmp_path, most=2), together=8)
    assert any("MemoryError: too many" in line for line in said)
    assert [row.count(plan.states, State.COUNTED) for row in plan.rows] == [6, 3]
    with Store.reading(tmp_path / "results.sqlite") as store:
        assert store.states(failed=False) == store.states()


def test_a_trainer_that_is_killed_is_replaced(tmp_path):
    plan, said = run(tmp_path, fake.FakeTogether(tmp_path, kills=(3,)), together=4)
    assert any("its process was killed by signal 9 (SIGKILL)" in line for line in said)
    assert [row.count(plan.states, State.COUNTED) for row in plan.rows] == [6, 3]


SPEC = """
title = "a small sweep"
[base]
batch = 4
steps = 20
stop = 2.0
evaluate_every = 10
evaluate_on = 8
checkpoint_every = 10
precision = "fp32"
engine = "stacked"
"model.channels" = 4
"model.core_layers" = 1
"model.timesteps" = 2
"data.count" = 60
"data.height" = 8
"data.width" = 8
"data.generations" = 2
[variants.with]
counted = 1
most = 3
[variants.without]
counted = 1
most = 2
set = { autoencoder = false }
"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "small.toml").write_text(SPEC)
    return tmp_path / "small.toml"


def ablate(spec, path, *words):
    words = ["ablate", spec, "--results", path / "r.sqlite", "--folder", path / "runs", "--device", "cpu", *words]
    return CliRunner().invoke(main, [*map(str, words), "--quiet", "--json"])


def test_golfast_ablate_trains_together(tmp_path, spec):
    """Rows with and without the autoencoder loss share a stack; every trial leaves a folder like any other."""
    found = {}
    for together in (1, 3):
        path = tmp_path / str(together)
        answer = ablate(spec, path, "--together", together, "--workers", 1)
        assert answer.exit_code == 0, answer.output
        rows = json.loads(answer.stdout)
        assert [(row["tried"], row["failed"]) for row in rows] == [(3, 0), (2, 0)]
        with sqlite3.connect(path / "r.sqlite") as db:
            found[together] = dict(db.execute("SELECT name, result FROM trials"))
    assert found[1].keys() == found[3].keys()
    for name, alone in found[1].items():
        ours, alone = json.loads(found[3][name]), json.loads(alone)
        assert ours["outcome"] == alone["outcome"]
        assert ours["metric"] == pytest.approx(alone["metric"], abs=0.02)
        assert ours["accuracy"] == pytest.approx(alone["accuracy"], abs=0.01)
        folder = RunFolder(tmp_path / "3" / "runs" / "trials" / name)
        assert folder.finished
        assert not folder.checkpoint.exist()
        assert [record["step"] for record in folder.read_log()] == [0, 10, 20]


def test_trials_of_other_executors_are_not_trained_together(tmp_path, spec):
    answer = ablate(spec, tmp_path, "--together", 2, "--executor", "ray")
    assert answer.exit_code == 2
    assert "--together 2 is for executor 'local'" in answer.output
