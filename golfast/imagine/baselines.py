"""What the metric is worth: its value for pictures that take no network."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golfast.imagine.metric import interpretability, interpretability_packed
from golfast.imagine.score import VARIANTS

MARGIN = 0.05
"""By so much a value must exceed all its baselines to stand out."""
_MOST = 1e6  # of a value that is one
WORDS = {"dead": "dead boards", "copied": "the input copied", "untrained": "an untrained network"}
"""What each baseline draws."""


def baselines(
    truth: NDArray[np.uint8], width: int, imagined: int, *, threshold: float = 0.95
) -> dict[str, dict[str, Any]]:
    """The metric of pictures that know nothing: "dead", all cells of all boards dead; "copied", the first state.

    truth: trajectories (N, m, H, ceil(width/8)) uint8, packed. imagined: how many pictures a network draws between, its
    timesteps less one. Each has "metric", and "metric_variants" with all readings; None where they are undefined.
    """
    defined = imagined > 0 and truth.shape[1] > 2
    shape = len(truth), max(imagined, 1), *truth.shape[2:]
    drawn = {"dead": np.zeros((1, 1, *truth.shape[2:]), np.uint8), "copied": truth[:, :1]}
    found = {}
    for name, boards in drawn.items():
        values: dict[str, float | None] = dict.fromkeys(VARIANTS)
        for variant in VARIANTS if defined else ():
            pictures = np.broadcast_to(boards, shape)
            each = interpretability_packed(pictures, truth, width, threshold=threshold, variant=variant)
            values[variant] = float(np.mean(each))
        found[name] = {"metric": values[VARIANTS[0]], "metric_variants": values}
    return found


def told_beside(imagined: NDArray[Any], truth: NDArray[np.uint8]) -> str:
    """The mean metric of what a network imagined beside its baselines, in a line.

    imagined: (N, T, H, W), the trained last timestep included; truth: (N, m, H, W), 0 or 1.
    """
    if imagined.shape[1] < 2 or truth.shape[1] < 3:
        return "metric undefined: it needs at least 2 model and 2 game timesteps"
    metric = float(interpretability(imagined[:, :-1], truth).mean())
    known = baselines(np.packbits(truth, axis=-1), truth.shape[-1], imagined.shape[1] - 1)
    values = {name: told["metric"] for name, told in known.items()}
    words = beside(known)
    ending = "" if stands_out(metric, values.values()) else ": it does not stand out"
    return f"metric {metric:.2f}; {words}{ending}"


def beside(known: dict[str, dict[str, Any]]) -> str:
    """Baselines in words, as "dead boards 0.01, the input copied 0.04"; "" where they are undefined."""
    values = {name: told["metric"] for name, told in known.items()}
    return ", ".join(f"{WORDS[name]} {value:.2f}" for name, value in values.items() if value is not None)


def recorded(known: object, reading: str = VARIANTS[0]) -> dict[str, float]:
    """The values of baselines as a result has them, in one reading; what is none of ours is passed over."""
    if not isinstance(known, dict):
        return {}
    values = {}
    for name, told in known.items():
        readings = told.get("metric_variants") if isinstance(told, dict) else None
        value = readings.get(reading) if isinstance(readings, dict) else None
        if name in WORDS and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST:
            values[name] = float(value)
    return values


def stands_out(metric: float, beside: Iterable[float]) -> bool:
    """Whether a metric exceeds all its baselines by MARGIN."""
    return bool(metric >= max(beside) + MARGIN)
