"""Reading a dataset: whole files only, packed, at random, through a memory map."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golfast.data.layout import map_states, open_layout, partial_path, read_complete
from golfast.data.recipe import Recipe
from golfast.errors import Failure
from golfast.life import unpack


class Trajectories:
    """A dataset, open for reading.

    `recipe` says what is in it. `packed` is the whole set, (N, T, H, ceil(W/8)) uint8, read-only, mapped and not
    loaded: index it as any array, and only what is touched is read.
    """

    recipe: Recipe
    packed: NDArray[np.uint8]

    def __init__(self, path: Path | str) -> None:
        """Open a file. Raises FileNotFoundError, or Failure if it is not a whole dataset of this format."""
        path = Path(path)
        if not path.exists() and partial_path(path).exists():
            raise Failure(f"{path} is not finished: {partial_path(path)} waits for `golfast data make {path} --resume`")
        layout = open_layout(path)
        complete = read_complete(path, layout)
        if complete < layout.blocks:
            raise Failure(f"{path} is not finished: {complete} of {layout.blocks} blocks are there; make it again")
        self.recipe = layout.recipe
        self.packed = map_states(path, layout)

    def __len__(self) -> int:
        return self.recipe.count

    def batch(self, indices: NDArray[np.integer] | slice, states: slice = slice(None)) -> NDArray[np.uint8]:
        """Packed trajectories of these indices: (B, T, H, ceil(W/8)) uint8, a copy."""
        return np.array(self.packed[indices, states])

    def cells(self, indices: NDArray[np.integer] | slice) -> NDArray[np.uint8]:
        """Unpacked trajectories of these indices: (B, T, H, W) uint8 0/1."""
        return unpack(self.batch(indices), self.recipe.width)
