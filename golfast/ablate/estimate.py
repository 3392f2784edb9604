"""How long a sweep will take, from a short measurement."""

import dataclasses
from collections.abc import Sequence

from golfast.ablate.jobs import Trial
from golfast.ablate.kinds import Kind
from golfast.run.config import fingerprint
from golfast.run.progress import Display


def at_most_seconds(
    kind: Kind, trials: Sequence[Trial], device: str = "auto", *, display: Display | None = None
) -> dict[str, float]:
    """Seconds that each trial takes at most, by name; measured once where only seeds differ."""
    same = {trial.name: fingerprint(dataclasses.replace(trial.config, seed=0)) for trial in trials}
    one_of_each = {same[trial.name]: trial for trial in trials}
    phase = (display or Display(quiet=True)).phase("measure", len(one_of_each), unit="kind")
    measured = {}
    for number, (config, trial) in enumerate(one_of_each.items(), 1):
        measured[config] = kind.at_most_seconds(trial.config, device)
        phase.update(number)
    phase.done()
    return {name: measured[config] for name, config in same.items()}
