"""How long a sweep will take, from a short measurement."""

import dataclasses
from collections.abc import Iterable

from golfast.ablate.jobs import Trial
from golfast.ablate.kinds import Kind
from golfast.run.config import fingerprint


def at_most_seconds(kind: Kind, trials: Iterable[Trial], device: str = "auto") -> dict[str, float]:
    """Seconds that each trial takes at most, by name; measured once where only seeds differ."""
    measured: dict[str, float] = {}
    found = {}
    for trial in trials:
        same = fingerprint(dataclasses.replace(trial.config, seed=0))
        if same not in measured:
            measured[same] = kind.at_most_seconds(trial.config, device)
        found[trial.name] = measured[same]
    return found
