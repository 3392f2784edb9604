"""From the name of a recipe to the config that a sweep's variants change."""

from golfast.train import RECIPES as KNOWN
from golfast.train import TrainConfig, configure

RECIPES = tuple(KNOWN)


def recipe_config(recipe: str, seed: int) -> TrainConfig:
    """The config of a recipe before a variant changes it. ValueError for an unknown name."""
    return configure(recipe, changes={"seed": seed})
