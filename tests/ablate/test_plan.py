"""Which trials are run: those that one worker would have run in order, however they are timed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.ablate.jobs import State
from golfast.ablate.kinds import kind_of
from golfast.ablate.plan import Plan, Row
from golfast.ablate.spec import load_spec, parse_spec, spec_names
from golfast.ablate.tables import PAPER_ORDER


def spec(name="s", **variants):
    return parse_spec(name, {"title": "a sweep", "variants": variants or {"a": {}}})


def rows(*specs, device="cpu"):
    return [Row(one, "fast", variant, device) for one in specs for variant in one.variants]


@settings(deadline=None)  # the first of them loads torch
@given(
    outcomes=st.lists(st.sampled_from([State.COUNTED, State.UNCOUNTED, State.FAILED]), min_size=30, max_size=30),
    counted=st.integers(1, 6),
    extra=st.integers(0, 6),
    workers=st.integers(1, 5),
    data=st.data(),
)
def test_the_trials_of_a_row_never_depend_on_timing(outcomes, counted, extra, workers, data):
    wanted, tried = 0, 0
    while wanted < counted and tried < counted + extra:  # one worker, in order
        wanted += outcomes[tried] is State.COUNTED
        tried += 1
    row = rows(spec(a={"counted": counted, "most": counted + extra}))[0]
    plan, running = Plan([row]), []
    while True:
        while len(running) < workers and (trial := plan.next()):
            running.append(trial)
        if not running:
            break
        trial = running.pop(data.draw(st.integers(0, len(running) - 1)))
        plan.ended(trial.name, outcomes[trial.config.seed - 1])
    assert [trial.config.seed for trial in row.trials] == list(range(1, tried + 1))
    assert row.count(plan.states, State.COUNTED) == wanted
    assert row.done(plan.states)


def test_rows_share_their_trials_while_they_run_and_after():
    plan = Plan(rows(spec("one", a={"counted": 2}), spec("two", b={"counted": 3})))
    given_out = [plan.next() for _ in range(3)]
    assert sorted(trial.config.seed for trial in given_out) == [1, 2, 3]
    assert plan.next() is None
    plan.ended(given_out[0].name, State.UNCOUNTED)
    more = plan.next()
    assert more.config.seed == 4  # the second row's, for the first may take its seed 3
    assert [trial.config.seed for trial in plan.rows[0].trials] == [1, 2, 3]


def test_what_is_known_is_not_given_out():
    first = rows(spec())[0].trial(0)
    plan = Plan(rows(spec(a={"counted": 2})), {first.name: State.UNCOUNTED})
    assert [trial.config.seed for trial in plan.dry()] == [2, 3]


def test_the_paper_has_161_distinct_runs():
    tables = [load_spec(name) for name in ("table1", "table2", "table3", "order")]
    assert sum(variant.counted for one in tables for variant in one.variants) == 123 + 38 + 68 + 15
    assert len(Plan(rows(*tables)).dry()) == 161


def test_every_spec_that_comes_with_golfast_is_whole():
    assert set(PAPER_ORDER) | {"agents", "causes", "imagination", "larger", "worlds"} == set(spec_names())
    for name in spec_names():
        assert load_spec(name).variants


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"variants": {"a": {}}}, "needs a title"),
        ({"title": "t", "variants": {"a": {}}, "seeds": 3}, "'seeds'; did you mean 'seed'"),
        ({"title": "t", "variants": {"a": {"counts": 3}}}, "did you mean 'variants.a.counted'"),
        ({"title": "t", "variants": {"a": {"set": {"model": {"chanels": 3}}}}}, "did you mean 'model.channels'"),
        ({"title": "t", "variants": {"a": {"set": {"model": {"channels": 0}}}}}, "model.channels is 0"),
        ({"title": "t", "variants": {"a": {}}, "base": {"steps": "many"}}, "'steps' takes a whole number"),
        ({"title": "t", "variants": {"a": {"counted": 5, "most": 4}}}, "count 5 of at most 4"),
        ({"title": "t", "variants": {"a": {}}, "measure": "metrics"}, "measure is 'metrics'"),
        ({"title": "t", "variants": {"a": {}}, "effects": [{"label": "x", "of": ["a"], "over": ["b"]}]}, "'b'"),
        ({"title": "t", "variants": {"a": {}}, "effects": [{"label": "x", "of": ["a"]}]}, "'over'"),
        ({"title": "t", "variants": {"a": {}}, "strips": [{"lable": "x"}]}, "did you mean 'label'"),
        ({"title": "t", "variants": {"a": {"paper": {"mean": "x"}}}}, "paper.mean takes a number"),
        ({"title": "t", "variants": {"a": {}}, "kind": "animals"}, "kind is 'animals'; allowed are: networks, agents"),
        ({"title": "t", "variants": {"a": {}}, "kind": "agents", "measure": "metric"}, "allowed for agents are: score"),
        ({"title": "t", "variants": {"a": {"set": {"entropi": 1}}}, "kind": "agents"}, "did you mean 'entropy'"),
        ({"title": "t", "variants": {"a": {"recipes": [3]}}}, "recipes takes names of recipes; got 3"),
    ],
)
def test_words_that_make_no_sense_are_told_before_anything_runs(mapping, message):
    with pytest.raises(ValueError) as told:
        parse_spec("s", mapping)
    assert message in str(told.value)


def test_agents_of_a_sweep_play_what_the_recipe_names():
    agents = load_spec("agents")
    variants = {one.name: one for one in agents.variants}
    assert [variants["cnn"].suits(recipe) for recipe in ("cartpole", "brick", "atari/breakout")] == [False, True, True]
    assert all(variants["a2c"].suits(recipe) for recipe in ("cartpole", "gym/Acrobot-v1"))
    for one in variants.values():  # a label says all that is changed
        assert ("normalised" in one.label) == ("normalise" in one.changes)
    trial = Row(agents, "brick", variants["cnn"], "cpu").trial(1)
    assert (trial.config.environment.name, trial.config.policy.kind, trial.config.seed) == ("brick", "cnn", 1)
    assert trial.config.steps == kind_of("agents").config("brick", 0).steps


def test_other_numbers_of_runs_keep_the_share_that_may_fail():
    limited = load_spec("table1").limited(counted=100)
    assert {(variant.counted, variant.most) for variant in limited.variants} == {(100, 300)}
    assert load_spec("table1").limited(counted=2, most=1).variants[0].most == 2
