"""Sweeps as a user types them: ablate, paper, results, report."""

import contextlib
import json
import shutil
import sqlite3
from types import SimpleNamespace

import pytest
from test_cli import call, refused

from golfast_cli.ablate import _each

SPEC = """
title = "a tiny sweep"
counted = 1
[base]
steps = 20
stop = 0.1
batch = 8
evaluate_every = 10
checkpoint_every = 10
evaluate_on = 16
data = { count = 100, height = 9, width = 11, generations = 2 }
model = { timesteps = 2, channels = 6, core_layers = 2 }
[variants.a]
[variants.short]
most = 1
set = { stop = 1.0 }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which a tiny real sweep was run."""
    path = tmp_path_factory.mktemp("sweep")
    (path / "tiny.toml").write_text(SPEC)
    call(*sweep_words(path))
    return path


def sweep_words(path, *words):
    where = ("--results", path / "r.sqlite", "--folder", path / "runs", "--workers", 1, "--device", "cpu")
    return "ablate", path / "tiny.toml", *where, "--json", "--quiet", *words


def test_a_tiny_real_sweep(folder):
    a, short = json.loads(call(*sweep_words(folder)).stdout)  # the second time, so nothing was run but all is told
    assert (a["tried"], a["counted"], a["failed"]) == (1, 1, 0)
    assert (short["tried"], short["counted"], short["short"]) == (1, 0, 1)
    found = json.loads(call("results", folder / "r.sqlite", "--json").stdout)
    assert {tuple(one["rows"]) for one in found} == {("tiny/fast/a",), ("tiny/fast/short",)}
    assert all(one["sequences"] == 10_000 and 0 <= one["metric"] <= 1 for one in found)
    assert len(list((folder / "runs" / "data").glob("*.h5"))) == 1
    assert sorted(path.name for path in (folder / "runs" / "trials").iterdir()) == sorted(one["trial"] for one in found)


def test_results_and_report_of_it(folder):
    told = call(
        "results", folder / "r.sqlite", "--where", "state=counted", "--columns", "trial,metric", "--format", "csv"
    )
    heading, line = told.stdout.splitlines()
    assert heading == "trial,metric"
    assert line.count(",") == 1
    assert "tiny/fast/short" in call("results", folder / "r.sqlite").stdout
    call("report", folder / "r.sqlite", "--out", folder / "a.html", "--markdown", folder / "a.md")
    assert "a tiny sweep" in (folder / "a.html").read_text()
    assert "### a tiny sweep" in (folder / "a.md").read_text()
    assert "did you mean 'metric'" in refused("results", folder / "r.sqlite", "--where", "metrc>1")
    assert "give --out FILE" in refused("results", folder / "r.sqlite", "--format", "parquet")
    none = call("results", folder / "r.sqlite", "--where", "seed=-1", "--columns", "trial,metric", "--format", "csv")
    assert none.stdout == "trial,metric\n"
    told = refused("results", folder / "r.sqlite", "--json", "--format", "csv")
    assert "ask for two formats; leave one of them out" in told


def test_a_dry_run_tells_and_runs_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # away from the results that came with golfast
    words = ("--results", tmp_path / "r.sqlite", "--folder", tmp_path / "runs", "--device", "cpu", "--dry-run")
    told = json.loads(call("ablate", folder / "tiny.toml", *words, "--counted", 2, "--json").stdout)
    assert [trial["rows"] for trial in told["trials"]] == [["tiny/fast/a"], ["tiny/fast/short"]] * 2
    assert all(trial["at_most_seconds"] > 0 for trial in told["trials"])
    assert told["estimated_from"].startswith("counts")
    assert "4 distinct trials" in call("ablate", folder / "tiny.toml", *words, "--counted", 2).stdout
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_measures_only_when_it_is_asked_to(folder, tmp_path, monkeypatch):
    from golfast.ablate.networks import Networks

    measured = []
    monkeypatch.setattr(Networks, "at_most_seconds", lambda self, config, device: measured.append(config) or 60.0)
    words = ("ablate", folder / "tiny.toml", "--results", tmp_path / "r.sqlite", "--device", "cpu", "--dry-run")
    call(*words)
    assert measured == []
    told = json.loads(call(*words, "--measure", "--workers", 2, "--json", "--quiet").stdout)
    assert len(measured) == 2
    assert told["at_most_seconds"] == 60
    assert "--measure is how --dry-run estimates" in refused(*words[:-1], "--measure")


def test_a_sweep_tells_what_counts_without_learning_and_ends_with_its_table(folder, tmp_path):
    done = call(*(word for word in sweep_words(folder) if word not in ("--json", "--quiet")))
    assert "note: tiny/fast/a: stop is 0.1, and" in done.stderr
    assert "counts though it has learned nothing" in done.stderr
    assert "tiny/fast/short: stop" not in done.stderr
    told = json.loads(call(*sweep_words(folder)).stdout)
    (figure,) = told[0]["figures"]
    assert "tiny, recipe fast" in done.stdout
    assert f"{figure['mean']:.2f}" in done.stdout.partition("tiny, recipe fast")[2]
    assert f"golfast report {folder / 'r.sqlite'}" in done.stderr


def test_a_dry_run_tells_of_failed_trials_as_the_run_would_take_them(folder, tmp_path):
    shutil.copy(folder / "r.sqlite", tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "r.sqlite")) as db:
        db.execute("UPDATE trials SET state = 'failed' WHERE state = 'uncounted'")
        db.commit()
    words = ("--results", tmp_path / "r.sqlite", "--device", "cpu", "--dry-run", "--json", "--quiet")
    told = json.loads(call("ablate", folder / "tiny.toml", *words).stdout)
    assert (told["finished_before"], told["trials"]) == (2, [])
    told = json.loads(call("ablate", folder / "tiny.toml", *words, "--retry-failed").stdout)
    assert (told["finished_before"], len(told["trials"])) == (1, 1)


def test_a_trial_that_fails_fails_the_sweep(folder, tmp_path, monkeypatch):
    words = ("--folder", tmp_path / "runs", "--device", "cpu", "--quiet", "--counted", 1, "--most", 1)
    results = ("--results", tmp_path / "r.sqlite")
    (tmp_path / "runs" / "data").mkdir(parents=True)
    (tmp_path / "runs" / "trials").write_text("no folder")
    done = call("ablate", folder / "tiny.toml", *results, *words, code=1)
    assert "0 of 1 counted, 1 tried" in done.stdout
    assert (
        f"golfast: 2 trials have failed; `golfast results {tmp_path / 'r.sqlite'} --where state=failed" in done.stderr
    )
    (tmp_path / "file").touch()
    nowhere = ("--folder", tmp_path / "file" / "runs", "--device", "cpu", "--quiet")
    assert "Not a directory" in refused(
        "ablate", folder / "tiny.toml", "--results", tmp_path / "x.sqlite", *nowhere, code=1
    )
    assert not (tmp_path / "x.sqlite").exists()


def test_what_cannot_fit_is_told_before_anything_runs(tmp_path):
    (tmp_path / "big.toml").write_text('title = "big"\n[variants.a]\nset = { evaluate_on = 1_000_000_000 }\n')
    told = refused("ablate", tmp_path / "big.toml", "--results", tmp_path / "r.sqlite", "--device", "cpu", code=1)
    assert "validation data would take" in told
    assert not (tmp_path / "r.sqlite").exists()


def test_paper_shows_what_there_is(folder):
    assert json.loads(call("paper", "--show", "--json", "--results", folder / "r.sqlite").stdout) == []
    assert "there is no results file" in refused("paper", "--show", "--results", folder / "none.sqlite", code=1)


def test_paper_shows_the_runs_that_came_with_the_repository_where_nothing_was_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert "there is no results file" in refused("paper", "--show", code=1)
    (folder / "results").mkdir()
    shutil.copy(folder / "r.sqlite", folder / "results" / "paper.sqlite")
    shown = call("paper", "--show", "--json")
    assert json.loads(shown.stdout) == []
    assert "these are the runs of results/paper.sqlite" in shown.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ablate", "tabel1"], "there is no spec 'tabel1'; did you mean 'table1'?"),
        (
            ["ablate", "rows"],
            "there is no spec 'rows'; give a .toml file, or one of: agents, batches, causes, channels",
        ),
        (["ablate", "table1", "--recipe", "fasst"], "recipe 'fasst' is unknown"),
        (["ablate", "table1", "--address", "auto"], "give --executor ray with it"),
        (["paper", "--show", "--quick"], "--quick has no meaning with it; leave one of them out"),
        (["paper", "--show", "--counted", 3], "--counted has no meaning with it; leave one of them out"),
        (["paper", "--show", "--workers", 2], "--workers has no meaning with it; leave one of them out"),
        (["paper", "--show", "--executor", "local"], "--executor has no meaning with it; leave one of them out"),
        (["paper", "--show", "--address", "auto"], "--address has no meaning with it; leave one of them out"),
        (["paper", "--show", "--together", 1], "--together has no meaning with it; leave one of them out"),
        (["paper", "--show", "--folder", "runs"], "--folder has no meaning with it; leave one of them out"),
        (["paper", "--show", "--device", "cpu"], "--device has no meaning with it; leave one of them out"),
        (["paper", "--show", "--retry-failed"], "--retry-failed has no meaning with it; leave one of them out"),
        (["ablate", "table1", "--dry-run", "--address", "auto"], "give --executor ray with it"),
        (["paper", "--show", "--recipe", "nonsense"], "recipe 'nonsense' is unknown"),
        (["ablate", "table1", "--counted", 4, "--most", 1], "at most 1 runs are fewer than the 4"),
    ],
)
def test_words_that_make_no_sense(tmp_path, words, message):
    assert message in refused(*words, *(() if "--show" in words else ("--results", tmp_path / "r.sqlite")))
    assert list(tmp_path.iterdir()) == []


def test_one_run_before_is_one():
    guess = SimpleNamespace(at_most=3.0, expected=1.0, like=1)
    assert _each([guess]) == ", each takes about 1.0 s (as 1 run before), at most 3.0 s"
    assert "(as 1,200 runs before)" in _each([guess, SimpleNamespace(at_most=3.0, expected=1.0, like=1200)])
