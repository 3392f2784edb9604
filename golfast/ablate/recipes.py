"""From the name of a recipe to the config that a sweep's variants change."""

from golfast.ablate.searched import searched
from golfast.train import RECIPES as KNOWN
from golfast.train import TrainConfig, configure

RECIPES = tuple(KNOWN)


def recipe_config(recipe: str, seed: int) -> TrainConfig:
    """The config of a recipe before a variant changes it. ValueError for an unknown name.

    Of "authors" each seed has hyperparameters of its own, as they searched them; a variant's changes win.
    """
    drawn = searched(seed) if recipe == "authors" else {}
    return configure(recipe, changes={**drawn, "seed": seed})
