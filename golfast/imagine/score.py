"""What counts as a match of an imagined with a true state, and how matches add up."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golfast.imagine import kernels
from golfast.imagine.comparison import Comparison, Integers, OfPacked
from golfast.imagine.kernels import MOST_STATES
from golfast.imagine.packed import MOST_PAIRS
from golfast.threads import over_batch

VARIANTS = ("matched", "equation", "dataset")

Floats = NDArray[np.float64]


class Score(NamedTuple):
    """A variant of the metric, for n imagined and m true states."""

    imagined: int  # n
    states: int  # m - 2
    allowed: int  # cells in which a matching pair may differ
    variant: str

    @classmethod
    def of(cls, n: int, m: int, cells: int, threshold: float, variant: str) -> "Score":
        """ValueError if it is undefined, for other variants and thresholds, and for more states than bits of a mask."""
        if variant not in VARIANTS:
            raise ValueError(f"variant {variant!r} is unknown; allowed are: {', '.join(VARIANTS)}")
        if variant == "matched" and m - 2 > MOST_STATES:
            raise ValueError(f'variant "matched" takes at most {MOST_STATES} intermediate states; truth has {m - 2}')
        denominator(n, m)
        return cls(n, m - 2, cells - _least_agreeing(threshold, cells), variant)

    @property
    def denominator(self) -> int:
        """By which what is earned is divided."""
        return denominator(self.imagined, self.states + 2)

    def run(self, boards: Comparison, first: int) -> Floats | float:
        """The metric. The true boards from `first` on are the intermediate states."""
        if self.variant != "dataset" and isinstance(boards, OfPacked) and self.imagined * self.states <= MOST_PAIRS:
            assert boards.different.shape[2] == self.states
            return boards.values(self.allowed, _table(self._replace(allowed=0)))
        if self.variant == "matched":
            return self.match(boards, first)[1] / self.denominator
        if self.variant == "dataset" and not len(boards.different):
            raise ValueError('variant "dataset" is a mean over sequences, and there are none')
        matches = boards.run()[:, :, first : first + self.states] <= self.allowed
        if self.variant == "dataset":
            share = matches.mean(axis=0)
            return float((0.5 * share.sum(axis=0) + 0.5 * share.max(axis=0)).sum() / self.denominator)
        return self._by_equation(matches)

    def match(self, boards: Comparison, first: int) -> tuple[Integers, Floats]:
        """Partners (N, n) and what they earn (N,), as `kernels.match` has them."""
        count, n, _ = boards.different.shape
        partners, earned = np.empty((count, n), np.int64), np.empty(count)

        def span(start: int, stop: int) -> None:
            boards.compare(start, stop)
            kernels.match(boards.different, first, self.states, self.allowed, partners, earned, start, stop)

        over_batch(span, count, smallest=boards.smallest)
        boards.check()
        return partners, earned

    def _by_equation(self, matches: NDArray[np.bool_]) -> Floats:
        seen = matches.any(axis=1).sum(axis=1)
        return np.asarray((seen + matches.sum(axis=(1, 2))) / (2 * self.denominator), np.float64)


@lru_cache(32)
def _table(score: Score) -> Floats:
    """The value of every set of matches: bit i * states + j of its number is 1 where h_i matches s_j."""
    pairs = score.imagined * score.states
    differ = ~np.arange(1 << pairs)[:, None] >> np.arange(pairs) & 1
    different = differ.reshape(-1, score.imagined, score.states)
    if score.variant == "equation":
        return score._by_equation(different == 0)
    partners, earned = np.empty(different.shape[:2], np.int64), np.empty(len(different))
    kernels.match(different, 0, score.states, 0, partners, earned, 0, len(different))
    return earned / score.denominator


def denominator(n: int, m: int) -> int:
    """The most that n imagined and m true states can have in common. ValueError if there is nothing to share."""
    if n < 1:
        raise ValueError(
            "undefined: there is no imagined state, as one timestep's output is trained and does not count"
        )
    if m < 3:
        raise ValueError(f"undefined: of {m} true states none lies between the first and the last, which do not count")
    return min(n, m - 2)


def check_threshold(threshold: float) -> None:
    """ValueError if it is no share of cells."""
    if not isinstance(threshold, (int, float, np.integer, np.floating)):
        raise ValueError(f"threshold is a share of cells, a number above 0 and at most 1; got {threshold!r}")
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; it is a share of cells, above 0 and at most 1")


def _least_agreeing(threshold: float, cells: int) -> int:
    """The least number of agreeing cells with number / cells >= threshold.

    Division is correctly rounded: 380 / 400 is the very float that 0.95 is, as 5 / 7 of 7 cells is 5 / 7. Products
    such as 0.95 * 400 may fall on either side of the whole number.
    """
    check_threshold(threshold)
    least = math.ceil(threshold * cells)
    while least > 1 and (least - 1) / cells >= threshold:
        least -= 1
    while least / cells < threshold:
        least += 1
    return least
