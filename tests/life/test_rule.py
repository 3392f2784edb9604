import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golfast.life import NAMED_RULES, Rule

masks = st.integers(0, 511)


def digits(mask):
    return "".join(str(n) for n in range(9) if mask >> n & 1)


@given(masks, masks)
def test_every_rule_is_read_back_from_its_own_text(birth, survival):
    rule = Rule(birth, survival)
    assert str(rule) == f"B{digits(birth)}/S{digits(survival)}"
    assert Rule.parse(str(rule)) == rule


@given(masks, masks)
def test_all_spellings_of_a_rule_are_the_same_rule(birth, survival):
    rule, born, kept = Rule(birth, survival), digits(birth), digits(survival)
    spellings = [
        f"b{born}s{kept}",
        f"B{born[::-1]}/S{kept[::-1]}",
        f"S{kept}/B{born}",
        f"s{kept}b{born}",
        f"{kept}/{born}",
        f" B {born} / S {kept}\n",
        f"B{born}{born}/S{kept}{kept}",
    ]
    assert {Rule.parse(text) for text in spellings} == {rule}


def test_life_is_a_birth_on_three_and_survival_on_two_or_three():
    assert Rule.parse("B3/S23") == Rule(birth=0b1000, survival=0b1100)


@pytest.mark.parametrize("name", NAMED_RULES)
def test_names_are_rules(name):
    assert str(Rule.parse(name)) == NAMED_RULES[name]
    assert Rule.parse(name.upper()) == Rule.parse(NAMED_RULES[name])


def test_names_may_be_hyphenated():
    assert Rule.parse("Day & Night") == Rule.parse("day-night") == Rule.parse("daynight")
    assert Rule.parse("life_without_death") == Rule.parse("B3/S012345678")


def test_a_rule_is_its_own_parse():
    rule = Rule.parse("B36/S23")
    assert Rule.parse(rule) is rule


def test_rules_are_keys_and_travel_between_processes():
    rule = Rule.parse("B36/S23")
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert len({rule, Rule.parse("highlife"), Rule.parse("B3/S23")}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "B",
        "B3",
        "B9/S23",
        "B3/S2a",
        "B3//S23",
        "B3/S23/",
        "3",
        "23-3",
        "B3/B3",
        "conway",
        "B2-a/S12",
        "B٣/S٢٣",
        "1/2/3",
    ],
)
def test_what_is_no_rule_is_refused_with_the_forms_allowed(text):
    with pytest.raises(ValueError, match=r"is not of the form 'B3/S23' \(digits 0-8\), nor one of: life, highlife"):
        Rule.parse(text)


@pytest.mark.parametrize("thing", [None, 3, b"B3/S23", ("B3", "S23")])
def test_what_is_no_text_is_refused(thing):
    with pytest.raises(ValueError, match="a rule is a string such as 'B3/S23'; got"):
        Rule.parse(thing)


@pytest.mark.parametrize(("birth", "survival", "name"), [(-1, 0, "birth"), (512, 0, "birth"), (0, 512, "survival")])
def test_masks_out_of_range_are_refused(birth, survival, name):
    with pytest.raises(ValueError, match=rf"{name} mask -?\d+ is out of range"):
        Rule(birth, survival)
