"""Means and what is known of them, from few runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
FEWEST = 5
"""Runs from which on their spread says something about other runs."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of runs, its standard error, and its bootstrap interval; None where there are too few runs to say."""

    mean: float | None
    error: float | None
    low: float | None
    high: float | None


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of some runs; standard error and 95% percentile-bootstrap interval (Efron 1979) from 2 runs on."""
    if not values:
        return Estimate(None, None, None, None)
    sample = np.asarray(values, np.float64)
    mean = float(sample.mean())
    if len(sample) == 1:
        return Estimate(mean, None, None, None)
    low, high = _middle(means_of_resamples(sample, len(sample)))
    return Estimate(mean, float(sample.std(ddof=1) / len(sample) ** 0.5), low, high)


def difference(of: Sequence[float], over: Sequence[float], *, unseen: bool = False) -> Estimate:
    """Mean of the first less mean of the second, likewise, the two resampled independently.

    unseen: whether the interval allows for runs that were not seen, as `expected_range` does.
    """
    if not of or not over:
        return Estimate(None, None, None, None)
    one, other = np.asarray(of, np.float64), np.asarray(over, np.float64)
    mean = float(one.mean() - other.mean())
    if min(len(one), len(other)) == 1:
        return Estimate(mean, None, None, None)
    if unseen:
        top = _top([*of, *over])
        drawn = _means_with_one_more(one, len(one), top, 0) - _means_with_one_more(other, len(other), top, 1)
        low, high = _middle(mean + drawn - drawn.mean())
    else:
        low, high = _middle(means_of_resamples(one, len(one)) - means_of_resamples(other, len(other), stream=1))
    error = float((one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)) ** 0.5)
    return Estimate(mean, error, low, high)


def expected_range(values: Sequence[float], runs: int) -> tuple[float, float] | None:
    """Between what 95% of the means of so many other runs lie, if those are like these; None for fewer than 5 of these.

    For figures from 0 to 1 or, where these are larger, to the largest of them. Both means are uncertain: that of `runs`
    others, and that of these few, which say what runs are like. And that a hundred runs are alike does not say that all
    are: it is as if one more had been seen, of which nothing is known.
    """
    if len(values) < FEWEST:
        return None
    sample, top = np.asarray(values, np.float64), _top(values)
    theirs, ours = _means_with_one_more(sample, runs, top, 0), _means_with_one_more(sample, len(sample), top, 1)
    low, high = _middle(np.clip(sample.mean() + theirs - ours, 0, top))
    return low, high


def largest_gap(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """The largest gap between two empirical distributions, and the share of shuffles whose gap is as large.

    The two-sample test of Kolmogorov and Smirnov, with the runs dealt anew instead of a formula: values repeat here (a
    network that imagines all has exactly 1), which no formula allows for. Both samples must have a value.
    """
    values = np.concatenate([np.asarray(one, np.float64), np.asarray(other, np.float64)])
    order = np.argsort(values, kind="stable")
    last = np.append(np.diff(values[order]) > 0, True)  # of equal values only the last closes a step
    steps = np.where(np.arange(len(values)) < len(one), len(other), -len(one))  # whole numbers: equal is equal
    dealt = np.argsort(_draws(len(values), 0), axis=1, kind="stable")
    gaps = np.abs(np.cumsum(steps[dealt], axis=1)[:, last]).max(axis=1)
    gap = int(np.abs(np.cumsum(steps[order])[last]).max())
    return gap / (len(one) * len(other)), (1 + np.count_nonzero(gaps >= gap)) / (1 + RESAMPLES)


def means_of_resamples(sample: Floats, size: int, *, stream: int = 0) -> Floats:
    """Means of `size` runs drawn with replacement from a sample: (RESAMPLES,) float64.

    The draws come from Philox 4x64 with a fixed key, so they are the same everywhere and always.
    """
    chosen = _draws(size, stream) * np.uint64(len(sample)) >> np.uint64(32)
    means: Floats = sample[chosen].mean(axis=1)
    return means


def _top(values: Sequence[float]) -> float:
    return max(1.0, *values)


def _means_with_one_more(sample: Floats, size: int, top: float, stream: int) -> Floats:
    """As `means_of_resamples`, of the sample and one more that is, each time it is drawn, anything from 0 to top."""
    chosen = _draws(size, stream) * np.uint64(len(sample) + 1) >> np.uint64(32)
    anything = _draws(size, stream + 2) * (top / 2**32)
    means: Floats = np.where(chosen < len(sample), np.append(sample, 0.0)[chosen], anything).mean(axis=1)
    return means


@lru_cache(16)
def _draws(size: int, stream: int) -> NDArray[np.uint64]:
    """Evenly distributed numbers of 32 bits, (RESAMPLES, size) uint64."""
    raw = np.random.Philox(key=np.array([size, stream], np.uint64)).random_raw(RESAMPLES * size)
    return np.asarray(raw, np.uint64).reshape(RESAMPLES, size) >> np.uint64(32)


def _middle(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
