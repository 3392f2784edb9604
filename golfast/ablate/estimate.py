"""How long a sweep will take: from what earlier runs took, or from a short measurement."""

import dataclasses
from collections.abc import Sequence

from golfast.ablate.cost import Guess
from golfast.ablate.jobs import Trial
from golfast.ablate.kinds import Kind
from golfast.ablate.past import PastRun
from golfast.ablate.plan import Row
from golfast.run.config import fingerprint
from golfast.run.progress import Display


def guessed(kind: Kind, trials: Sequence[Trial], device: str, past: Sequence[PastRun]) -> dict[str, Guess]:
    """What each trial takes, by name, from earlier runs and from counts; nothing is run."""
    guesses = kind.guess([trial.config for trial in trials], device, past)
    return {trial.name: guess for trial, guess in zip(trials, guesses, strict=True)}


def measured(
    kind: Kind,
    rows: Sequence[Row],
    trials: Sequence[Trial],
    device: str,
    guesses: dict[str, Guess],
    *,
    display: Display | None = None,
) -> dict[str, Guess]:
    """The same from a short measurement, one where only seeds differ; guesses: how much of the most is expected.

    rows: those that the trials are of. Where a row draws values the dearest stands for all.
    """
    measured_as = {trial.name: row.dearest if row.draw else trial.config for row in rows for trial in row.trials}
    same = {trial.name: dataclasses.replace(measured_as[trial.name], seed=0) for trial in trials}
    each = {fingerprint(config): config for config in same.values()}
    phase = (display or Display(quiet=True)).phase("measure", len(each), unit="kind")
    seconds = {}
    for number, (name, config) in enumerate(each.items(), 1):
        seconds[name] = kind.at_most_seconds(config, device)
        phase.update(number)
    phase.done()
    found = {}
    for name, config in same.items():
        guess, most = guesses[name], seconds[fingerprint(config)]
        expected = None if guess.expected is None else most * guess.expected / max(guess.at_most, 1e-9)
        found[name] = Guess(most, expected, guess.like, measured=True)
    return found
