"""A small results file with something of every kind that a report shows, and ways to read all of it."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from fake_trials import READINGS, Tiny

from golfast.ablate.jobs import State, Trial
from golfast.ablate.plan import Row
from golfast.ablate.query import project, records, select, write_csv
from golfast.ablate.spec import parse_spec
from golfast.ablate.store import Store
from golfast.ablate.tables import all_entries
from golfast.report import markdown, page
from golfast.run.config import fingerprint

CHANGES = {"model": {"timesteps": 3}}
DRAWN = {"seed": 0, "draw": {"batch": [8, 24], "optimiser": {"lr": [0.01, 0.1]}}}
SPECS = (
    ("metrics", "networks", "metric", {"counted": 2, "draw": DRAWN["draw"], "paper": {"mean": 0.5, "runs": 3}}),
    ("adversaries", "networks", "adversarial", {"counted": 2, "set": CHANGES}),
    ("orders", "networks", "order", {"counted": 2}),
    ("images", "networks", "imagination", {"counted": 2}),
    ("sizes", "networks", "larger", {"counted": 2}),
    ("games", "agents", "score", {"counted": 2}),
)


def specs():
    """Of every measure one."""
    for name, kind, measure, row in SPECS:
        about = {"title": f"The {name}", "kind": kind, "measure": measure, "variants": {"one": row, "two": row}}
        about["effects"] = [{"label": "one over two", "of": ["one"], "over": ["two"], "paper": 0.1}]
        if name == "metrics":
            about["strips"] = [{"label": "half", "variant": "one", "value": 0.5}]
        yield parse_spec(name, about)


def result(trial, number):
    """Figures of either kind of run."""
    value = number / 7 + 0.1
    figures = {"metric": value, "metric_variants": dict.fromkeys(READINGS, value), "matthews": value, "sequences": 9}
    figures |= {"accuracy": 0.99, "agreement": [[0.5, 0.75], [0.25, 1.0]]}
    scores = {"mean": 9.5, "low": None, "high": None, "count": 3, "least": 1.0, "most": 12.0, "scores": [1.0, 12.0]}
    stage = {**figures, "outcome": "trained", "steps": 5, "seconds": 1.5, "loss": 0.1}
    curve = [
        {"step": step, "loss": 0.1, "accuracy": [0.8, 0.9, 0.95], "imagined": value, "seconds": 0.5} for step in (0, 50)
    ]
    return {
        **figures,
        "run": trial.name,
        "seed": trial.config.seed,
        "outcome": "reached",
        "reached": True,
        "steps": 100,
        "steps_to_98": [50, 60, 90],
        "seconds_training": 1.5,
        "hardware": {"cpu": "a CPU"},
        "versions": {"golfast": "0.1.0"},
        "adversarial": stage,
        "probes": {**stage, "states": [2, 3], "right": [[0.5]]},
        "larger": {**figures, "height": 40, "width": 40},
        "greedy": scores,
        "sampled": scores,
        "curve": curve,
    }


def make(path: Path) -> None:
    """Write it."""
    boards = (np.random.default_rng(1).random((4, 5, 6)) < 0.4).astype(int)
    rows = [["".join(map(str, row)) for row in state] for state in boards.tolist()]
    with Store.writing(path) as store:
        store._db.execute("PRAGMA synchronous = OFF")
        machine = {"hardware": {"cpu": "a CPU"}, "versions": {"golfast": "0.1.0"}}
        store.begin_session(began="2026-01-01", command="golfast paper", executor="local", workers=2, machine=machine)
        for spec in specs():
            recipes = ("cartpole", "brick") if spec.kind == "agents" else ("fast", "adam")
            for recipe in recipes:
                for place, variant in enumerate(spec.variants):
                    row = Row(spec, recipe, variant, "cpu")
                    store.save_row(row, place)
                    for number in range(2):
                        config = Tiny(f"{spec.name}{recipe}{variant.name}", number)
                        trial = row.trial(number) if variant.draw else Trial(fingerprint(config), config)
                        store.save_members([(row, number, trial)])
                        store.save_trial(trial, State.COUNTED, result=result(trial, number), seconds=30.0)
        config = Tiny("failed", 1)
        store.save_trial(Trial(fingerprint(config), config), State.FAILED, result=None, reason="the loss is nan")
        found = {"trial": "abc", "sequence": 5, "value": 0.5, "truth": rows, "imagined": rows[:3]}
        store.save_strip("metrics", "fast", "half", 0, found)


def read(path: Path) -> str:
    """All that is shown of a results file, as one text."""
    with Store.reading(path) as store:
        found = records(store)
        shown = [page(store, "Found."), markdown(store)]
        shown.append(json.dumps([entry.as_dict() for entry in all_entries(store)]))
        store.configs()
    text = io.StringIO()
    write_csv(found, list(found[0]), text)
    select(found, ["metric>0"] if "metric" in found[0] else [])
    project(found, ["trial", "state"])
    with redirect_stdout(io.StringIO()):
        print(json.dumps(found))
    return "".join([*shown, text.getvalue()])
