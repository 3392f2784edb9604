"""When a run's imagination appears, and how early what becomes of it could have been known."""

from collections.abc import Sequence
from statistics import correlation, mean
from typing import Any, NamedTuple

from golfast.ablate.stats import FEWEST

SHARES = (0.25, 0.5, 0.75)
"""Of a training, at which is asked how much of the end is decided."""

Records = Sequence[dict[str, Any]]
"""A run's curve, as metrics.jsonl has it."""


class Onset(NamedTuple):
    """What the curves of a row's runs say."""

    runs: int
    most: list[float]
    """Of each run, the largest share of its pictures that were true states in between, at any step."""
    final: list[float]
    """The same at the end: where it is smaller, imagination has vanished again."""
    foretold: list[float | None]
    """The correlation over runs of the share at each of SHARES of a training with that at its end; None where there
    are too few runs, or no differences, to say."""


def imagined(records: Records) -> list[tuple[float, float]]:
    """The steps of a curve and the share of pictures that were true states in between, where it was looked at."""
    return [(record["step"], record["imagined"]) for record in records if record.get("imagined") is not None]


def onset(curves: Sequence[Records]) -> Onset | None:
    """What these runs' curves say; None if none has been looked at for it."""
    runs = [curve for curve in map(imagined, curves) if curve]
    if not runs:
        return None
    final = [curve[-1][1] for curve in runs]
    at = [[_at(curve, share) for curve in runs] for share in SHARES]
    return Onset(
        runs=len(runs),
        most=[max(share for _, share in curve) for curve in runs],
        final=final,
        foretold=[_correlation(values, final) for values in at],
    )


def words(found: Onset) -> str:
    """The same in a sentence or two."""
    half = sum(value >= 0.5 for value in found.final)
    lost = sum(end < top - 0.25 for end, top in zip(found.final, found.most, strict=True))
    told = [
        f"{value:.2f} at {share:.0%}" for share, value in zip(SHARES, found.foretold, strict=True) if value is not None
    ]
    decided = (
        f" The share at a part of the training and that at its end correlate by {', '.join(told)} of it."
        if told
        else ""
    )
    return (
        f"{half} of {found.runs} runs end with at least half of their pictures true; the mean share is "
        f"{mean(found.final):.2f}. {lost} had a quarter more at some step than at the end.{decided}"
    )


def _at(curve: list[tuple[float, float]], share: float) -> float:
    """What a curve had come to when this share of its steps was done."""
    last = curve[-1][0]
    return [value for step, value in curve if step <= share * last or step == curve[0][0]][-1]


def _correlation(values: list[float], final: list[float]) -> float | None:
    if len(values) < FEWEST or len(set(values)) == 1 or len(set(final)) == 1:
        return None
    return correlation(values, final)
