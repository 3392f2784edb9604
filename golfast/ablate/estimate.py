"""How long a sweep will take, from a short measurement."""

import dataclasses
from collections.abc import Sequence

from golfast.ablate.jobs import Trial
from golfast.ablate.kinds import Kind
from golfast.ablate.plan import Row
from golfast.run.config import fingerprint
from golfast.run.progress import Display


def at_most_seconds(
    kind: Kind, rows: Sequence[Row], trials: Sequence[Trial], device: str = "auto", *, display: Display | None = None
) -> dict[str, float]:
    """Seconds that each trial takes at most, by name; measured once where only seeds differ.

    rows: those that the trials are of. Where a row draws values the dearest stands for all.
    """
    measured_as = {trial.name: row.dearest if row.draw else trial.config for row in rows for trial in row.trials}
    same = {trial.name: dataclasses.replace(measured_as[trial.name], seed=0) for trial in trials}
    each = {fingerprint(config): config for config in same.values()}
    phase = (display or Display(quiet=True)).phase("measure", len(each), unit="kind")
    measured = {}
    for number, (name, config) in enumerate(each.items(), 1):
        measured[name] = kind.at_most_seconds(config, device)
        phase.update(number)
    phase.done()
    return {name: measured[fingerprint(config)] for name, config in same.items()}
