"""How long boards live before they settle, as counts: of a census of any size no more is kept than its kinds."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from golfast.life.survey import Census


class Lifetimes:
    """Boards counted by the generation at which they settled, and by their period."""

    def __init__(self, censuses: Iterable[Census] = ()) -> None:
        self.boards = 0
        self.settled = Counter[int]()
        """Boards that settled at each generation; those that did not are only among `boards`."""
        self.periods = Counter[int]()
        """Boards of each period that was found."""
        for census in censuses:
            self.add(census)

    def add(self, census: Census) -> None:
        """Count more boards."""
        self.boards += len(census.settled)
        self.settled.update(_counts(census.settled[census.settled >= 0]))
        self.periods.update(_counts(census.period[census.period > 0]))

    def percentile(self, share: float) -> int:
        """The generation by which `share` percent of the boards that settle have, as numpy.percentile; whole.

        ValueError if none has.
        """
        if not self.settled:
            raise ValueError("no board has settled, so there is no percentile of when they do")
        when, numbers = np.array(sorted(self.settled.items()), np.int64).T
        ended = numbers.cumsum()
        place = share / 100 * (int(ended[-1]) - 1)
        low, high = (int(when[np.searchsorted(ended, int(at), side="right")]) for at in (place, np.ceil(place)))
        return int(low + (high - low) * (place - int(place)))


def _counts(values: NDArray[np.int64]) -> dict[int, int]:
    kinds, numbers = np.unique(values, return_counts=True)
    return dict(zip(kinds.tolist(), numbers.tolist(), strict=True))
