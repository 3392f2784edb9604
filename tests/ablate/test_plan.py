"""Which trials are run: those that one worker would have run in order, however they are timed."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golfast.ablate import spec as spec_module
from golfast.ablate.elsewhere import Elsewhere
from golfast.ablate.jobs import State, Trial
from golfast.ablate.kinds import kind_of
from golfast.ablate.plan import Plan, Row
from golfast.ablate.spec import load_spec, parse_spec, spec_names
from golfast.ablate.tables import PAPER_ORDER
from golfast.run.config import fingerprint, to_mapping


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
    past = {
        "agents",
        "batches",
        "causes",
        "decoders",
        "drawn",
        "drawn-batches",
        "drawn-decoders",
        "games",
        "imagination",
        "larger",
        "shapes",
        "worlds",
    }
    assert set(PAPER_ORDER) | past == set(spec_names())
    for name in spec_names():
        assert load_spec(name).variants


def test_the_example_of_how_a_sweep_is_written_is_one():
    text = (Path(spec_module.__file__).parent / "specs" / "README.md").read_text()
    ((toml,),) = [re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    found = parse_spec("example", tomllib.loads(toml))
    assert {variant.name: (variant.counted, variant.most) for variant in found.variants} == {
        "narrow": (10, 30),
        "wide": (20, 30),
    }
    assert found.variants[1].draw == {"optimiser.adam_lr": (1e-3, 4e-3), "batch": (16, 32)}
    for table in (spec_module._File, spec_module._Row):
        for field in dataclasses.fields(table):
            assert field.name in text
    assert all(measure in text for measures in spec_module.MEASURES.values() for measure in measures)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"variants": {"a": {}}}, "needs a title"),
        ({"title": "t", "variants": {"a": {}}, "seeds": 3}, "'seeds'; did you mean 'seed'"),
        ({"title": "t", "variants": {"a": {}}, "recipes": ["fats"]}, "recipe 'fats' is unknown"),
        ({"title": "t", "variants": {"a": {}}, "recipes": [["fast"]]}, "names of recipes, and ['fast'] is none"),
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
        ({"title": "t", "variants": {"a": {"recipes": ["nope"]}}}, "recipe 'nope' is unknown"),
        ({"title": "t", "variants": {"a": {"counted": 0}}}, "count 0 of at most"),
        ({"title": "t", "variants": {"a": {"set": {"seed": 5}}}}, "variants.a sets a seed"),
        ({"title": "t", "variants": {"a": {"paper": {"maen": 1}}}}, "did you mean 'mean'"),
        ({"title": "t", "variants": 3}, "'variants' takes a table; got 3"),
        ({"title": "t", "variants": {"a": {}}, "effects": [3]}, "effects[0] is a table; got 3"),
        (
            {"title": "t", "variants": {"a": {}}, "effects": [{"label": "x", "of": 3, "over": ["a"]}]},
            "of' takes a list",
        ),
        ({"title": "t", "variants": {"a": {}}, "effects": [{"label": "x", "of": [[]], "over": ["a"]}]}, "got [[]]"),
        (
            {
                "title": "t",
                "variants": {"a": {}},
                "effects": [{"label": "x", "of": ["a"], "over": ["a"], "paper": "y"}],
            },
            "effects[0].paper' takes a number",
        ),
        (
            {"title": "t", "variants": {"a": {}}, "strips": [{"label": "x", "variant": "a", "value": "big"}]},
            "strips[0].value' takes a number",
        ),
        (
            {"title": "t", "variants": {"a": {}}, "strips": [{"label": "x", "variant": "a", "value": 1}] * 2},
            "labels of strips must differ",
        ),
        (
            {"title": "t", "variants": {"a": {"recipes": [3]}}},
            "variants.a.recipes takes names of recipes, and 3 is none",
        ),
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
    with pytest.raises(ValueError, match="at most 1 runs are fewer than the 2 that variant '2-2'"):
        load_spec("table1").limited(counted=2, most=1)


def by_engine(row, place, engine):
    """A row's trial as a machine runs it whose fastest engine is this."""
    config = dataclasses.replace(row.trial(place).config, engine=engine)
    return Trial(fingerprint(config), config)


def ran(trials):
    """A results file's states, and what it tells of other machines, of trials and how they ended."""
    finished = [(trial.name, state, to_mapping(trial.config)) for trial, state in trials.items()]
    return {trial.name: state for trial, state in trials.items()}, Elsewhere(finished)


def test_a_seed_that_another_machine_answered_is_not_asked_again():
    one = spec(a={"counted": 4})
    row = rows(one)[0]
    here = row.trial(0)
    other = "amx" if here.config.engine == "torch" else "torch"
    there = [by_engine(row, place, other) for place in range(3)]
    ended = {here: State.COUNTED, there[0]: State.COUNTED, there[1]: State.COUNTED, there[2]: State.FAILED}
    plan = Plan(rows(one), *ran(ended))
    assert [trial.config.seed for trial in plan.dry()] == [3, 4]  # what failed there may succeed here
    assert plan.rows[0].trials == [here, there[1], row.trial(2), row.trial(3)]


def test_trials_of_another_kind_or_version_answer_nothing():
    row = rows(spec())[0]
    here = row.trial(0)
    newer = {**to_mapping(here.config), "unheard_of": 1}
    foreign = [("a" * 12, State.COUNTED, {"environment": {"name": "brick"}}), ("b" * 12, State.COUNTED, newer)]
    assert Plan(rows(spec()), {}, Elsewhere(foreign)).next() == here


def test_what_ran_before_there_was_a_field_answers_still():
    row = rows(spec())[0]
    there = by_engine(row, 0, "amx" if row.trial(0).config.engine == "torch" else "torch")
    before = to_mapping(there.config)
    del before["model"]["padding"]
    plan = Plan(rows(spec()), {there.name: State.COUNTED}, Elsewhere([(there.name, State.COUNTED, before)]))
    plan.dry()
    assert plan.rows[0].trials[0] == there


def test_what_a_machine_ran_with_another_precision_answers_nothing():
    row = rows(spec())[0]
    config = row.trial(0).config
    there = dataclasses.replace(config, precision="fp32" if config.precision == "bf16" else "bf16")
    plan = Plan(rows(spec()), *ran({Trial(fingerprint(there), there): State.COUNTED}))
    assert plan.next() == row.trial(0)


def test_a_sweep_of_engines_shares_nothing_among_them():
    one = spec(torch={"set": {"engine": "torch"}}, fastest={})
    torch, fastest = rows(one)
    there = by_engine(fastest, 0, "amx")
    plan = Plan(rows(one), *ran({torch.trial(0): State.COUNTED, there: State.COUNTED}))
    plan.dry()
    assert plan.rows[0].trials[0] == torch.trial(0)
    assert plan.rows[1].trials[0] == fastest.trial(0)
