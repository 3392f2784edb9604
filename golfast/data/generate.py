"""From a recipe to trajectories: the one place above `life` that knows the world is Life."""

import numpy as np
from numpy.typing import NDArray

from golfast.data.recipe import Recipe
from golfast.life import soup_trajectories_packed
from golfast.life.boards import whole_number


def generate(
    recipe: Recipe, start: int = 0, stop: int | None = None, *, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Trajectories start..stop of a recipe (to its count if left out), packed: (n, T, H, ceil(W/8)) uint8.

    out: a C-contiguous array of that shape to fill, instead of a new one.
    """
    recipe = Recipe.check(recipe)
    start, stop = whole_number("start", start), recipe.count if stop is None else whole_number("stop", stop)
    return soup_trajectories_packed(
        stop - start,
        recipe.height,
        recipe.width,
        recipe.generations,
        seed=recipe.seed,
        start=recipe.start + start,
        split=recipe.split,
        density=recipe.density,
        fresh=recipe.fresh,
        rule=recipe.rule,
        boundary=recipe.boundary,
        out=out,
    )
