"""How long a sweep takes, told without running anything."""

import dataclasses
import json

import pytest

from golfast.ablate import cost
from golfast.ablate.agents import Agents
from golfast.ablate.cost import Costs, counted
from golfast.ablate.past import PastRun, past_runs
from golfast.rl import recipe
from golfast.run.config import flatten, override, to_mapping
from golfast.run.hardware import processor
from golfast.train import TrainConfig

CONFIG = TrainConfig(engine="avx512", precision="bf16")


def past(config, steps, seconds, cpu=None, **more):
    result = {"steps": steps, "seconds_training": seconds, "device": "cpu", "outcome": "reached"}
    result["hardware"] = {"cpu": cpu or processor()}
    return PastRun(to_mapping(config), result | more)


def test_a_step_of_the_default_network_has_the_multiplications_that_are_counted_by_hand():
    layer = 9 * 20 * 20 * 400
    edge = 9 * 20 * 400
    assert counted(flatten(to_mapping(CONFIG))).step == 3 * 24 * (edge + 9 * layer + 2 * edge)


def test_runs_like_it_tell_the_steps_and_runs_here_the_speed():
    runs = [past(override(CONFIG, {"seed": seed, "engine": "torch"}), 100 * seed, 10.0, cpu="other") for seed in (1, 3)]
    runs.append(past(override(CONFIG, {"model.channels": 10}), 1000, 10.0))
    costs = Costs(runs)
    guess = costs.guess(CONFIG, "cpu", sequences=0)
    assert guess.like == 2
    assert guess.measured
    share = counted(flatten(to_mapping(CONFIG))).step / counted(runs[2].config | flatten(runs[2].config)).step
    assert guess.expected == pytest.approx(200 * share * 10 / 1000)
    assert guess.at_most == pytest.approx(4000 * share * 10 / 1000)


def test_where_nothing_is_known_there_is_a_most_and_nothing_is_expected():
    config = override(CONFIG, {"batch": 23})
    guess = Costs([]).guess(config, "cpu", sequences=0)
    assert (guess.expected, guess.like, guess.measured) == (None, 0, False)
    assert guess.at_most == pytest.approx(4000 * counted(flatten(to_mapping(config))).step / cost._USUAL["avx512"])
    assert Costs([]).guess(CONFIG, "cpu", sequences=0).like > 100  # the runs behind golfast's own results
    whole = Costs([]).guess(override(CONFIG, {"stop": 2.0}), "cpu", sequences=0)
    assert whole.expected == whole.at_most
    more = override(CONFIG, {"adversarial.on": True, "probes.on": True})
    assert Costs([]).guess(more, "cpu", sequences=10_000).at_most > guess.at_most


def test_agents_take_all_their_steps_at_the_speed_of_earlier_ones():
    config = recipe("brick")
    (guess,) = Agents().guess([config], "cpu", [])
    assert guess.expected == guess.at_most > 0
    result = {"steps_per_second": 1000, "hardware": {"cpu": processor()}}
    known = [PastRun(to_mapping(config), result), PastRun(to_mapping(recipe("cartpole")), result)]
    known += [PastRun(to_mapping(config), result | {"steps_per_second": speed}) for speed in (10**400, "x", 0, None)]
    (guess,) = Agents().guess([config], "cpu", known)
    assert guess.at_most == config.steps / 1000
    assert guess.measured


def test_past_runs_pass_over_what_they_cannot_read(tmp_path):
    (tmp_path / "bad.sqlite").write_bytes(b"no results")
    for name, config, result in (("a", "seed = 3", {"steps": 1}), ("b", "seed =", {}), ("c", "", [])):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.toml").write_text(config)
        (tmp_path / "runs" / name / "result.json").write_text(json.dumps(result))
    (tmp_path / "runs" / "d").mkdir()
    found = past_runs([tmp_path / "bad.sqlite", tmp_path / "none.sqlite"], tmp_path / "runs")
    assert found == [PastRun({"seed": 3}, {"steps": 1})]
    whole = past(override(CONFIG, {"batch": 23}), 10, 1.0)
    damaged = [
        *(dataclasses.replace(whole, result=whole.result | change) for change in ({"steps": "x"}, {"hardware": 3})),
        dataclasses.replace(whole, config={"model": {"channels": "x"}}),
        dataclasses.replace(whole, config={"model": 3}),
        dataclasses.replace(whole, config=whole.config | {"no-key": 1}),
        dataclasses.replace(whole, result=whole.result | {"steps": 10**400}),
        dataclasses.replace(whole, result=whole.result | {"seconds_training": float("nan")}),
        dataclasses.replace(whole, config={"batch": 10**400}),
    ]
    config = override(CONFIG, {"batch": 23})
    assert Costs([*found, *damaged]).guess(config, "cpu", sequences=0).like == 0
