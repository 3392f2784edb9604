"""The figures of a trained network on held-out trajectories."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golfast.imagine.baselines import baselines
from golfast.imagine.decode import Draw, draws_with, imagine_each
from golfast.imagine.metric import agreement_packed, interpretability_packed, matthews_packed
from golfast.imagine.score import VARIANTS

if TYPE_CHECKING:
    from golfast.model import Decoder, Network, Probes
    from golfast.run.precision import Compute

EVALUATED = 10_000  # sequences per reported value, as in the paper


def evaluate(
    network: "Network",
    truth: NDArray[np.uint8],
    width: int,
    compute: "Compute",
    *,
    adversarial: "Decoder | None" = None,
    probes: "Probes | None" = None,
    threshold: float = 0.95,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """The metric and the accuracy of a network on whole trajectories, as `figures` has them.

    truth: trajectories (N, m, H, ceil(width/8)) uint8, packed. If there is an adversarial decoder, "adversarial" has
    the figures of what it draws, and so has "probes", though probes do not draw the last state and have no accuracy.
    "baselines" has the metric of pictures that know nothing, as `golfast.imagine.baselines` gives it.
    """

    def first(start: int, stop: int) -> NDArray[np.uint8]:
        return np.unpackbits(truth[start:stop, 0], axis=-1, count=width)

    draws: dict[str, Draw] = {"own": draws_with(network.decoder, network.config.timesteps)}
    if adversarial is not None:
        draws["adversarial"] = draws_with(adversarial, network.config.timesteps)
    if probes is not None:
        draws["probes"] = probes.drawn()
    drawn = imagine_each(network, list(draws.values()), first, len(truth), compute, progress=progress)
    found = {
        name: figures(packed, truth, width, threshold=threshold, last=name != "probes")
        for name, packed in zip(draws, drawn, strict=True)
    }
    known = baselines(truth, width, network.config.timesteps - 1, threshold=threshold)
    return {**found.pop("own"), "baselines": known, **found}


def figures(
    drawn: NDArray[np.uint8], truth: NDArray[np.uint8], width: int, *, threshold: float = 0.95, last: bool = True
) -> dict[str, Any]:
    """The figures of what a network drew, (N, T, H, ceil(width/8)) uint8, packed; truth likewise with m states.

    Returns plain values: "metric" (each variant of equation 1; None where it is undefined, with fewer than 2 timesteps
    on either side), "matthews", "accuracy" (the share of cells of the last state that are right), "agreement" (T rows:
    the share of cells in which timestep i agrees with state j, j from 2 on), "sequences". Without `last` timestep T was
    not drawn: there are T - 1 rows, and no accuracy.
    """
    between = drawn[:, :-1] if last else drawn
    defined = between.shape[1] > 0 and truth.shape[1] > 2
    metric: dict[str, float | None] = dict.fromkeys(VARIANTS)
    for variant in VARIANTS if defined else ():
        values = interpretability_packed(between, truth, width, threshold=threshold, variant=variant)
        metric[variant] = float(np.mean(values))
    pairs = agreement_packed(drawn, truth[:, 1:], width).mean(axis=0)
    return {
        "metric": metric,
        "matthews": float(matthews_packed(between, truth, width).mean()) if defined else None,
        **({"accuracy": round(float(pairs[-1, -1]), 6)} if last else {}),
        "agreement": [[round(float(value), 6) for value in row] for row in pairs],
        "sequences": len(truth),
    }
