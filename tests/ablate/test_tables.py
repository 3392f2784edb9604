"""Tables from the results file: means, intervals, and whether they agree with the paper."""

import math

import fake_trials as fake
import numpy as np
import pytest
import scipy.stats
from fake_trials import Tiny

from golfast.ablate.jobs import State, Trial
from golfast.ablate.plan import Row
from golfast.ablate.spec import parse_spec
from golfast.ablate.stats import difference, estimate, expected_range, largest_gap
from golfast.ablate.store import Store
from golfast.ablate.tables import ALIKE, COMPARISON, FIGURES, SMOOTH, alike, all_entries, order_verdict, verdict
from golfast.run.config import fingerprint


def test_mean_standard_error_and_interval():
    values = np.random.default_rng(3).beta(0.5, 0.5, 40).tolist()
    found = estimate(values)
    assert math.isclose(found.mean, np.mean(values))
    assert math.isclose(found.error, scipy.stats.sem(values))
    theirs = scipy.stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0))
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)
    assert estimate(values) == found
    assert estimate([]).mean is None
    assert estimate([0.5]).low is None
    assert estimate([1.0, 1.0]).low == estimate([1.0, 1.0]).high == 1.0


def test_difference_of_means():
    one, other = np.random.default_rng(3).normal(0.5, 0.1, (2, 30))
    found = difference(one.tolist(), (other - 0.2).tolist())
    assert math.isclose(found.mean, one.mean() - other.mean() + 0.2)
    theirs = scipy.stats.bootstrap(
        (one, other - 0.2),
        lambda a, b: a.mean() - b.mean(),
        method="percentile",
        vectorized=False,
        rng=np.random.default_rng(0),
    )
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)
    assert difference([1.0], []).mean is None


def test_two_distributions_are_told_apart_as_often_as_chance_allows():
    rng = np.random.default_rng(5)
    one, other = rng.normal(0, 1, 20).tolist(), rng.normal(0.4, 1, 30).tolist()
    gap, share = largest_gap(one, other)
    theirs = scipy.stats.ks_2samp(one, other, method="exact")
    assert gap == pytest.approx(theirs.statistic)
    assert share == pytest.approx(theirs.pvalue, abs=0.02)
    assert largest_gap([1.0] * 20, [1.0] * 8) == (0.0, 1.0)
    assert largest_gap([1.0] * 20, [0.0] * 20)[1] < 0.001
    # Where values repeat, as those of networks that imagine all do, chance still finds a difference in 5 of 100.
    found = [largest_gap(*rng.binomial(2, 0.6, (2, 12)).tolist())[1] < 0.05 for _ in range(200)]
    assert np.mean(found) <= 0.09


def test_a_row_of_as_many_runs_as_the_paper_has():
    values = [0.0, 1.0] * 20
    low, high = expected_range(values, 16)
    # A mean of 16 fair coins less a mean of 40, about the mean of these: 1.96 * 0.5 * sqrt(1/16 + 1/40) to either side.
    assert (low, high) == pytest.approx((0.21, 0.79), abs=0.015)
    assert verdict(values, 0.76, 16).startswith("Agrees: of means of 16 runs like ours, 95% would lie between 0.2")
    assert verdict(values, 0.83, 16).startswith("Differs: ours is 0.50, 0.33 below the paper's 0.83;")
    assert (
        verdict([1.0], 0.99, 42)
        == "Ours is 1.00, the paper's 0.99; 1 run of ours is too few to say whether they agree."
    )
    assert "4 runs of ours are too few" in verdict([1.0] * 4, 0.99, 42)
    assert verdict([], 0.99, 42) == "No run of ours has this figure yet."


def test_runs_that_are_all_alike_do_not_say_that_all_runs_are():
    low, high = expected_range([1.0] * 100, 42)
    assert 0.95 < low < 0.99
    assert high == 1
    assert verdict([1.0] * 100, 0.99, 42).startswith("Agrees")
    assert verdict([1.0] * 100, 0.90, 42).startswith("Differs")
    assert expected_range([1.0] * 6, 6)[0] < expected_range([1.0] * 20, 6)[0] < 0.9
    low, high = expected_range([1.5, 0.2] * 10, 3)
    assert low >= 0
    assert high <= 1.5


def test_means_that_are_apart_are_not_alike():
    one, other = [0.50, 0.52, 0.54, 0.56, 0.58, 0.60], [0.57, 0.59, 0.61, 0.63, 0.65, 0.53]
    between = difference(one, other)
    assert between.high < 0
    assert largest_gap(one, other)[1] > ALIKE
    assert alike(one, other, between).startswith("Not alike: means differ by -0.05")


def test_an_order_of_learning_agrees_where_the_lead_is_beyond_chance():
    assert order_verdict([100.0, 50.0, 150.0, 80.0, -10.0, 120.0], 2773).startswith(
        "Agrees in order: 5 of our 6 runs learn it first, by 82 steps on average"
    )
    assert order_verdict([100.0, -100.0, 50.0, -50.0, 10.0, -10.0], 2773).startswith("Differs in order: 3 of our 6")
    assert "too few" in order_verdict([100.0, 50.0], 2773)
    assert order_verdict([], 2773) == "No run of ours has this figure yet."


SPEC = {
    "title": "a sweep",
    "counted": 3,
    "variants": {"a": {"paper": {"mean": 0.5, "runs": 4}}, "b": {"label": "the other"}},
    "effects": [{"label": "a instead of b", "of": ["a"], "over": ["b"], "paper": 0.1}],
}


def stored(path, spec, outcomes):
    """A results file with runs of these outcomes: per variant a list of (state, own, adversarial, steps to 98%)."""
    with Store.writing(path) as store:
        for place, variant in enumerate(spec.variants):
            row = Row(spec, "fast", variant, "cpu")
            store.save_row(row, place)
            for number, outcome in enumerate(outcomes[variant.name]):
                config = Tiny(variant.name, number + 1)
                trial = Trial(fingerprint(config), config)
                store.save_members([(row, number, trial)])
                if outcome is None:
                    continue
                state, own, adversarial, learned = outcome
                result = fake.result(trial) | {
                    "metric_variants": dict.fromkeys(fake.READINGS, own),
                    "steps_to_98": learned,
                }
                if adversarial is not None:
                    result["adversarial"] = {"metric_variants": dict.fromkeys(fake.READINGS, adversarial)}
                failed = state is State.FAILED
                store.save_trial(trial, state, result=None if failed else result)
    with Store.reading(path) as store:
        return all_entries(store)


def test_entries_of_a_spec(tmp_path):
    counted, short, failed = State.COUNTED, State.UNCOUNTED, State.FAILED
    outcomes = {
        "a": [
            (counted, 0.2, 0.6, [1, 1, 1]),
            (short, 0.9, 0.9, [1, 1, 1]),
            (counted, 0.8, 0.1, [1, 1, 1]),
            (failed, None, None, None),
            None,  # still running: what comes after it does not count yet
            (counted, 0.0, 0.0, [1, 1, 1]),
        ],
        "b": [(counted, 0.1, None, [1, 1, 1]), (counted, 0.3, None, [1, 1, 1])],
    }
    a, b, effect = stored(tmp_path / "r.sqlite", parse_spec("s", SPEC), outcomes)
    assert (a.tried, a.counted, a.failed, a.values) == (4, 2, 1, [0.6, 0.8])
    assert a.estimate.mean == pytest.approx(0.7)
    assert (a.row, a.paper, a.paper_runs) == ("a", 0.5, 4)
    assert (b.row, b.values, b.paper, b.verdict) == ("the other", [0.1, 0.3], None, "The paper has no such figure.")
    assert effect.estimate.mean == pytest.approx(0.5)
    assert effect.verdict == "Too few runs to say."
    assert effect.as_dict()["interval"] == pytest.approx([0.3, 0.7])


def test_an_effect_of_enough_runs_has_a_verdict(tmp_path):
    spec = SPEC | {"counted": 5}
    outcomes = {name: [(State.COUNTED, value, None, [1, 1, 1])] * 5 for name, value in (("a", 0.7), ("b", 0.2))}
    *_, effect = stored(tmp_path / "r.sqlite", parse_spec("s", spec), outcomes)
    assert effect.verdict.startswith("Differs: ours is +0.50")


def test_the_smooth_metric_is_a_reading():
    own = {"metric_variants": {"matched": 0.2}, "matthews": 0.5}
    result = own | {"adversarial": {"metric_variants": {"matched": 0.1}, "matthews": 0.7}}
    figure = FIGURES["metric"][0][2]
    assert (figure(result, "matched"), figure(result, SMOOTH)) == (0.2, 0.7)


def test_larger_boards_stand_beside_those_of_the_training():
    result = {"metric_variants": {"matched": 0.9}, "larger": {"metric_variants": {"matched": 0.4}}}
    figures = [figure(result, "matched") for _, _, figure, _ in FIGURES["larger"]]
    assert figures == [0.9, 0.4]
    assert FIGURES["larger"][1][2]({"metric_variants": {"matched": 0.9}}, "matched") is None  # an older result


def test_recipes_are_compared_row_by_row(tmp_path):
    spec = parse_spec("s", {"title": "t", "measure": "adversarial", "variants": {"a": {}, "b": {}}})
    own = {("a", "adam"): 0.1, ("a", "fast"): 0.6, ("b", "adam"): 0.5, ("b", "fast"): 0.5}
    with Store.writing(tmp_path / "r.sqlite") as store:
        for recipe in ("adam", "fast"):
            for place, variant in enumerate(spec.variants):
                row = Row(spec, recipe, variant, "cpu")
                store.save_row(row, place)
                for number in range(6):
                    config = Tiny(variant.name + recipe, number + 1)
                    trial = Trial(fingerprint(config), config)
                    store.save_members([(row, number, trial)])
                    value = own[variant.name, recipe] + number / 100
                    result = fake.result(trial) | {"metric_variants": dict.fromkeys(fake.READINGS, value)}
                    store.save_trial(trial, State.COUNTED, result=result)
    with Store.reading(tmp_path / "r.sqlite") as store:
        compared = [entry for entry in all_entries(store) if entry.figure == COMPARISON]
    a, b = compared  # there is no adversarial decoder to compare
    assert (a.recipe, a.row, a.counted) == ("fast - adam", "a, without adversarial decoder", 12)
    assert a.estimate.mean == pytest.approx(0.5)
    assert a.verdict.startswith("Not alike: means differ by +0.50 (+0.")
    assert "the largest gap between the distributions is 1.00" in a.verdict
    assert b.verdict.startswith("Alike, as far as these runs tell: means differ by +0.00")


def test_the_two_decoders_side_by_side_and_the_order_of_learning(tmp_path):
    outcomes = {"a": [(State.COUNTED, 0.2, 0.6, [300, 500, 900]), (State.COUNTED, 0.4, 0.4, [None, 700, 900])]}
    spec = {"title": "t", "measure": "adversarial", "variants": {"a": {"paper": {"own": 0.3, "adversarial": 0.5}}}}
    own, adversarial = stored(tmp_path / "a.sqlite", parse_spec("s", spec), outcomes)
    assert (own.values, adversarial.values) == ([0.2, 0.4], [0.6, 0.4])
    assert (own.paper, adversarial.paper) == (0.3, 0.5)
    spec = {"title": "t", "measure": "order", "variants": {"a": {"paper": {"state3": 250, "state2": 500}}}}
    third, second, between = stored(tmp_path / "b.sqlite", parse_spec("s", spec), outcomes)
    assert (third.values, second.values, between.values) == ([400.0, 200.0], [600.0], [200.0])
    assert third.verdict.startswith("2 of our 2 runs learn it first, by 300 steps on average")


def test_baselines_stand_beside_the_metric_where_runs_have_them(tmp_path, monkeypatch):
    known = {name: {"metric_variants": {"matched": value}} for name, value in (("dead", 0.1), ("copied", 0.28))}
    result = fake.result
    monkeypatch.setattr(fake, "result", lambda trial: result(trial) | {"baselines": known})
    outcomes = {"a": [(State.COUNTED, 0.3, None, [1, 1, 1])] * 2, "b": [(State.COUNTED, 0.9, None, [1, 1, 1])] * 2}
    a, b, _ = stored(tmp_path / "r.sqlite", parse_spec("s", SPEC), outcomes)
    words = "Its baselines: dead boards 0.10, the input copied 0.28"
    assert a.verdict.endswith(f"{words}; it does not stand out from them.")
    assert b.verdict.endswith(f"{words}.")
