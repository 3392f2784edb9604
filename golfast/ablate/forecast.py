"""At which step a training will end."""

import math
from pathlib import Path

from golfast.ablate.cost import Costs
from golfast.ablate.past import past_runs
from golfast.train.config import TrainConfig

_BACK = 0.7  # of the steps: from there to now is how fast errors fall


class Forecast:
    """At which step a training that stops at an accuracy is expected to end.

    By the runs before that asked the same, those that were longer than this one is by now. On 940 trainings that came
    to 99% the time left was right within a factor of 1.14, 1.29 and 2.0 (medians) when 20, 60 and 90% of the steps were
    taken. Where no such run is known, by how fast the error falls (4.9, 7.2, 2.5; the most there can be: 6.3, 12, 47).
    """

    def __init__(self, config: TrainConfig, folder: Path | None = None) -> None:
        """folder: where other runs' folders may be."""
        self._most, self._goal = config.steps, 1 - config.stop
        self._before = sorted(Costs(past_runs([], folder)).usual_steps(config))
        self._errors: list[tuple[int, float]] = []

    def end(self, step: int, accuracy: float) -> float | None:
        """The step at which it will end, at this accuracy of the last state; None if nothing tells."""
        self._errors.append((step, 1 - accuracy))
        longer = [steps for steps in self._before if steps > step]
        if longer:
            return min(self._most, sum(longer) / len(longer))
        return self._by_errors()

    def _by_errors(self) -> float | None:
        step, error = self._errors[-1]
        past = [before for before in self._errors if 0 < before[0] <= _BACK * step]
        if not past or self._goal <= 0:
            return None
        then, more = past[-1]
        if error <= self._goal:
            return step
        if more <= error:
            return None
        return min(self._most, step + (step - then) * math.log(error / self._goal) / math.log(more / error))
