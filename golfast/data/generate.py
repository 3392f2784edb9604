"""From a recipe to trajectories: the one place above `life` that knows the world is Life."""

import numpy as np
from numpy.typing import NDArray

from golfast.data.recipe import Recipe
from golfast.life import simulate_packed, soups_packed


def generate(recipe: Recipe, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
    """Trajectories start..stop of a recipe (to its count if left out), packed: (n, T, H, ceil(W/8)) uint8."""
    stop = recipe.count if stop is None else stop
    first = soups_packed(
        stop - start,
        recipe.height,
        recipe.width,
        seed=recipe.seed,
        start=start,
        split=recipe.split,
        density=recipe.density,
        fresh=recipe.fresh,
        rule=recipe.rule,
        boundary=recipe.boundary,
    )
    return simulate_packed(first, recipe.width, recipe.generations, rule=recipe.rule, boundary=recipe.boundary)
