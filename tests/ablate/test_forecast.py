"""At which step a training will end."""

import json

import pytest

from golfast.ablate.cost import Costs
from golfast.ablate.forecast import Forecast
from golfast.ablate.past import past_runs
from golfast.ablate.usual import USUAL
from golfast.run.config import override, to_toml
from golfast.run.hardware import processor
from golfast.train import TrainConfig


def test_runs_before_tell_and_those_that_ended_sooner_no_more(tmp_path):
    config = override(TrainConfig(), {"batch": 23})
    for seed, steps in ((1, 400), (2, 800), (3, 1000)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "config.toml").write_text(to_toml(override(config, {"seed": seed})))
        result = {"steps": steps, "seconds_training": 3.0, "device": "cpu", "hardware": {"cpu": processor()}}
        (folder / "result.json").write_text(json.dumps(result))
    forecast = Forecast(override(config, {"seed": 9}), tmp_path)
    assert forecast.end(0, 0.8) == pytest.approx(2200 / 3)
    assert forecast.end(500, 0.9) == 900
    assert forecast.end(1200, 0.9) is None or forecast.end(1200, 0.9) > 1200


def test_the_default_network_is_known_without_any_run_here():
    forecast = Forecast(TrainConfig(seed=5))
    assert 700 < forecast.end(0, 0.8) < 1100
    assert forecast.end(3999, 0.9) is None


def test_where_no_run_is_known_the_error_tells_by_how_fast_it_falls():
    forecast = Forecast(override(TrainConfig(), {"batch": 23}))
    assert forecast.end(0, 0.8) is None
    assert forecast.end(50, 0.8) is None
    for step in range(100, 300, 50):
        end = forecast.end(step, 1 - 0.2 * 0.5 ** (step / 100))
    assert end == pytest.approx(100 * 4.3219, rel=1e-3)  # where 0.2 * 2 ** (-x) is 0.01
    assert forecast.end(300, 0.5) is None  # it rises
    assert forecast.end(350, 0.999) == 350


def test_the_steps_that_golfast_knows_are_those_of_its_results():
    from pathlib import Path

    file = Path(__file__).parents[2] / "results" / "paper.sqlite"
    table = Costs(past_runs([file])).table()
    both = USUAL.keys() & table.keys()
    assert len(both) >= 20
    for question in both:
        ours, theirs = USUAL[question][1][5], table[question][1][5]
        assert 0.7 < ours / theirs < 1.4, question
