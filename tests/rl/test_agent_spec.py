"""Sweeps over agents from TOML files."""

import pytest

from golfast.rl import STANDARD, load_sweep, recipe

SPEC = """
title = "T"
counted = 4

[base]
steps = 1000

[variants.a]

[variants.b]
label = "B"
set = { optimiser.lr = 0.5 }
"""


def test_a_spec_names_its_variants_and_what_they_change(tmp_path):
    (tmp_path / "mine.toml").write_text(SPEC)
    sweep = load_sweep(tmp_path / "mine.toml", recipe("cartpole"))
    assert (sweep.title, sweep.seeds) == ("T", 4)
    assert sweep.variants == {"a": {"steps": 1000}, "B": {"steps": 1000, "optimiser.lr": 0.5}}


def test_the_standard_sweep_convolves_only_where_there_are_images():
    assert "A2C, CNN" in load_sweep(STANDARD, recipe("brick")).variants
    names = list(load_sweep(STANDARD, recipe("cartpole")).variants)
    assert names == ["A2C", "PPO", "A2C, RMSprop", "A2C, separate trunks", "A2C, n-step returns"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("counted = 3", "needs a title"),
        (SPEC.replace("counted = 4", "counted = 0"), "count 1 or more"),
        (SPEC.replace("label", "lable"), "did you mean 'variants.b.label'"),
        (SPEC.replace("[variants.a]", "[variants]\na = 3"), "variants.a is a table; got 3"),
    ],
)
def test_a_wrong_spec_is_told(tmp_path, text, sentence):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        load_sweep(tmp_path / "mine.toml", recipe("brick"))
