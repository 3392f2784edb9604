"""Named recipes, and what wins over what."""

import pytest

from golfast.train import RECIPES, TrainConfig, configure


def test_every_recipe_is_a_config():
    assert configure() == configure("fast") == TrainConfig()
    for name in RECIPES:
        assert isinstance(configure(name), TrainConfig)
    theirs = configure("authors")
    assert (theirs.optimiser.name, theirs.optimiser.schedule, theirs.optimiser.clip) == ("adam", "exponential", 0.1)
    assert theirs.model.slope == configure("adam").model.slope == 0.3
    assert 200 <= theirs.batch <= 512
    assert 1e-5 <= theirs.optimiser.adam_lr <= 1e-3


def test_changes_win_over_the_file_the_file_over_the_recipe_the_recipe_over_defaults():
    file = {"batch": 7, "model": {"slope": 0.1, "channels": 9}, "optimiser": {"clip": 0.5}}
    config = configure("adam", file=file, changes={"model.channels": 5, "seed": 3})
    assert (config.seed, config.model.channels) == (3, 5)  # changes
    assert (config.batch, config.model.slope, config.optimiser.clip) == (7, 0.1, 0.5)  # the file
    assert (config.optimiser.name, config.steps) == ("adam", RECIPES["adam"]["steps"])  # the recipe
    assert config.evaluate_every == TrainConfig().evaluate_every  # a default
    assert RECIPES["adam"]["batch"] == 24


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "slow"}, "recipe 'slow' is unknown; known are: fast, adam, authors"),
        ({"file": {"bach": 3}}, "there is no config key 'bach'; did you mean 'batch'?"),
        ({"file": {"model": 3}}, "config key 'model' is a table; got 3"),
        ({"changes": {"model.chanels": 3}}, "there is no config key 'model.chanels'; did you mean 'model.channels'?"),
        ({"changes": {"batch.size": 3}}, "config key 'batch' takes a whole number"),
    ],
)
def test_what_makes_no_sense_is_told(options, message):
    with pytest.raises(ValueError) as told:
        configure(**options)
    assert message in str(told.value)


def test_layers_are_checked_together_not_one_by_one():
    """Each of these alone would contradict what lies under it."""
    config = configure("adam", file={"evaluate_every": 300}, changes={"checkpoint_every": 600})
    assert (config.evaluate_every, config.checkpoint_every) == (300, 600)
