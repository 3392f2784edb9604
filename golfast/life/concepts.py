"""What there is to see in each cell's neighbourhood, for asking whether a network's unit sees it."""

import numpy as np
from numpy.typing import NDArray

from golfast.life.boards import Cells
from golfast.life.reference import neighbours
from golfast.life.rule import Rule


def concepts(cells: Cells, rule: Rule, boundary: str) -> dict[str, NDArray[np.generic]]:
    """Maps of boards (..., H, W), uint8 0/1: whole numbers for "live neighbours", bool for all others.

    "alive next" is what the rule says, and "birth", "survival" and "death" are the three ways it does; "3 live
    neighbours" is so whether the cell itself lives or not.
    """
    count = neighbours(cells, boundary)
    alive = cells == 1
    after = (np.where(alive, rule.survival, rule.birth) >> count & 1).astype(bool)
    maps: dict[str, NDArray[np.generic]] = {
        "live neighbours": count,
        "alive": alive,
        "alive next": after,
        "birth": after & ~alive,
        "survival": after & alive,
        "death": alive & ~after,
    }
    maps |= {f"{k} live neighbour{'' if k == 1 else 's'}": count == k for k in range(9)}
    maps["at least 3 live neighbours"] = count >= 3
    return maps
