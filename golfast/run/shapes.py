"""What result.json and metrics.jsonl hold, and so the results file: the shapes that readers hold them to.

Keys marked "?" came later, are of one kind of run only, or are not shown: a file may lack them.
"""

from golfast.run.untrusted import Each, From

_NUMBER = (float, None)
_FIGURES = {
    "metric?": _NUMBER,
    "metric_variants?": Each(_NUMBER),
    "matthews?": _NUMBER,
    "accuracy?": _NUMBER,
    "agreement?": (None, [[float]]),
    "sequences?": int,
}
_STAGE = {**_FIGURES, "outcome?": str, "steps?": int, "seconds?": float, "loss?": _NUMBER}
_SCORES = {
    "mean?": float,
    "low?": _NUMBER,
    "high?": _NUMBER,
    "count?": int,
    "least?": float,
    "most?": float,
    "different?": int,
    "deviation?": float,
    "unfinished?": int,
    "scores?": [float],
}

RESULT = {
    **_FIGURES,
    "run?": str,
    "seed?": int,
    "reached?": bool,
    "outcome?": str,
    "steps?": int,
    "steps_to_98?": [(From(0, 2**63 - 1), None)],
    "seconds_training?": float,
    "precision?": str,
    "device?": str,
    "hardware?": Each(object),
    "versions?": Each(object),
    "network_from?": str,
    "adversarial?": _STAGE,
    "probes?": {**_STAGE, "states?": [int], "right?": [[float]]},
    "larger?": {**_FIGURES, "height?": int, "width?": int},
    "environment?": str,
    "algorithm?": str,
    "greedy?": _SCORES,
    "sampled?": _SCORES,
    "training_return?": _NUMBER,
    "steps_per_second?": float,
}
"""Of any run, finished or not."""

_SHOWN_STAGE = {"outcome": str, "steps": int, "seconds": float, "metric": _NUMBER}
NETWORK = {
    "outcome": str,
    "metric": _NUMBER,
    "matthews": _NUMBER,
    "agreement": (None, [[float]]),
    "sequences": int,
    "accuracy": float,
    "steps": int,
    "steps_to_98": [(int, None)],
    "seconds_training": float,
    "precision": str,
    "device": str,
    "adversarial?": _SHOWN_STAGE,
    "probes?": _SHOWN_STAGE,
    "larger?": {"sequences": int, "height": int, "width": int, "metric": _NUMBER},
}
"""What is shown of a finished run of a network that predicts Life."""

_SHOWN_SCORES = {"mean": float, "low": _NUMBER, "high": _NUMBER, "count": int, "least": float, "most": float}
AGENT = {
    "greedy": _SHOWN_SCORES,
    "sampled": _SHOWN_SCORES,
    "steps": int,
    "seconds_training": float,
    "steps_per_second": float,
    "precision": str,
    "device": str,
}
"""What is shown of a finished run of an agent."""

RECORD = {
    "step": From(0, 2**63 - 1),
    "loss?": _NUMBER,
    "accuracy?": [float],
    "living?": float,
    "imagined?": _NUMBER,
    "seconds?": float,
    "return?": _NUMBER,
    "length?": _NUMBER,
    "games?": int,
    "entropy?": float,
}
"""A line of metrics.jsonl."""
