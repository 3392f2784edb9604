"""Agents of several variants beside each other, over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from golfast.rl.evaluate import interval


def beside(variant: str, changes: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row of a comparison: what the results of a variant's runs, as `run_agent` returns them, have in common.

    "greedy" and "sampled" are means over seeds of the mean scores, with their 95% intervals; ValueError if there is no
    result to take them from.
    """
    if not results:
        raise ValueError(f"no run of {variant!r} has ended; there is nothing to compare")
    return {
        "variant": variant,
        "changes": dict(changes),
        "seeds": [result["seed"] for result in results],
        "greedy": interval([result["greedy"]["mean"] for result in results]),
        "sampled": interval([result["sampled"]["mean"] for result in results]),
        "greedy_means": [result["greedy"]["mean"] for result in results],
        "sampled_means": [result["sampled"]["mean"] for result in results],
        "steps": results[0]["steps"],
        "seconds_training": [result["seconds_training"] for result in results],
        "steps_per_second": interval([result["steps_per_second"] for result in results])["mean"],
    }
