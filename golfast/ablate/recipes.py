"""From the name of a recipe to the config that a sweep's variants change."""

from golfast.train import TrainConfig

RECIPES = ("fast",)


def recipe_config(recipe: str, seed: int) -> TrainConfig:
    """The config of a recipe before a variant changes it. ValueError for an unknown name."""
    if recipe not in RECIPES:
        raise ValueError(f"recipe {recipe!r} is unknown; allowed are: {', '.join(RECIPES)}")
    return TrainConfig(seed=seed)
