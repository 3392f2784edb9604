"""Which trial comes next, such that the trials that are run never depend on how fast any of them was.

A row takes its seeds in order, first_seed, first_seed + 1, ..., until enough of its runs count or the most were tried.
A seed is given out only while finished runs that count, and running ones that may, are fewer than are wanted. So when
seed k is given out, the seeds before it cannot have been enough, whatever becomes of those still running: the trials of
a row are exactly those that one worker would have run, one after the other. Nothing is run in vain, and no order of
finishing, number of workers, kill or resume changes a table.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from golfast.ablate.elsewhere import Elsewhere
from golfast.ablate.jobs import State, Trial
from golfast.ablate.kinds import kind_of
from golfast.ablate.spec import Spec, Variant
from golfast.run.config import fingerprint

RowKey = tuple[str, str, str]
"""Names of spec, recipe, variant."""


class Row:
    """A variant under a recipe: a row of a table, and how far its runs are."""

    def __init__(
        self, spec: Spec, recipe: str, variant: Variant, device: str = "auto", *, stacked: bool = False
    ) -> None:
        """stacked: whether "auto" is to stand for the engine that trains many networks as one."""
        self.spec, self.recipe, self.variant = spec, recipe, variant
        self._kind, self._device, self._stacked = kind_of(spec.kind), device, stacked
        # What one variant of a spec sets is what the spec is about, and no machine's choice.
        compared = {key for one in spec.variants for key in (*one.changes, *one.draw)}
        self.draw = variant.ranges(self._kind, recipe)
        """What is drawn anew for each seed."""
        self._free = tuple(key for key in self._kind.left_to_machine if key not in compared)
        self.trials: list[Trial] = []
        """Those given out so far, in the order of their seeds."""
        self._running: list[Trial] = []
        self._ended: Counter[State] = Counter()

    @property
    def key(self) -> RowKey:
        """What names the row."""
        return self.spec.name, self.recipe, self.variant.name

    def trial(self, place: int) -> Trial:
        """The trial of the row's seed at `place`, counted from 0."""
        config = self._kind.as_run(self._asked(place), self._device, stacked=self._stacked)
        return Trial(fingerprint(config), config)

    @property
    def dearest(self) -> Any:
        """A config, as it runs, that takes as long as any of the row's: with the greatest of all that is drawn."""
        return self._kind.as_run(self.variant.dearest(self._kind, self.recipe), self._device, stacked=self._stacked)

    def take(self, states: Mapping[str, State], elsewhere: Elsewhere) -> Trial:
        """Give out the next trial, or the one of its seed that another machine has run."""
        place = len(self.trials)
        trial = self.trial(place)
        if trial.name not in states:
            asked = self._asked(place)
            free = tuple(key for key in self._free if getattr(asked, key) == "auto")
            trial = elsewhere.find(trial.config, free) or trial
        self.trials.append(trial)
        self._running.append(trial)
        return trial

    def _asked(self, place: int) -> Any:
        """The config of a seed before what it leaves to the machine is resolved."""
        return self.variant.config(self._kind, self.recipe, self.variant.first_seed + place)

    @property
    def failed(self) -> int:
        """How many of the trials that ended failed."""
        return self._ended[State.FAILED]

    def count(self, states: Mapping[str, State], *wanted: State) -> int:
        """How many of the trials given out are in one of these states. What has ended is looked at once."""
        for trial in list(self._running):
            if states[trial.name] is not State.RUNNING:
                self._running.remove(trial)
                self._ended[states[trial.name]] += 1
        running = len(self._running) if State.RUNNING in wanted else 0
        return running + sum(self._ended[state] for state in wanted)

    def wants(self, states: Mapping[str, State]) -> bool:
        """Whether the next seed is needed, whatever becomes of what is running."""
        hoped = self.count(states, State.COUNTED, State.RUNNING)
        return hoped < self.variant.counted and len(self.trials) < self.variant.most

    def done(self, states: Mapping[str, State]) -> bool:
        """Whether the row has its runs, or has tried the most."""
        return not self.wants(states) and not self.count(states, State.RUNNING)


class Plan:
    """Rows that share their trials: what is the same config is run once."""

    def __init__(
        self, rows: Iterable[Row], known: Mapping[str, State] | None = None, elsewhere: Elsewhere | None = None
    ) -> None:
        """known: trials that an earlier sweep finished, by name; elsewhere: those of them that other machines ran."""
        self.rows = list(rows)
        self.states: dict[str, State] = dict(known or {})
        self._elsewhere = elsewhere or Elsewhere()
        self._given: set[str] = set()
        self.on_member: Callable[[Row, int, Trial], None] = lambda row, place, trial: None
        """Told of every trial that becomes part of a row."""

    def next(self) -> Trial | None:
        """The next trial to run, now taken as running; None if there is nothing to do until one that runs ends.

        The row that is least far is served first, so that all tables fill alike.
        """
        for row in sorted(self.rows, key=self._progress):
            while row.wants(self.states):
                trial = row.take(self.states, self._elsewhere)
                self.on_member(row, len(row.trials) - 1, trial)
                if self.states.setdefault(trial.name, State.RUNNING) is State.RUNNING and trial.name not in self._given:
                    self._given.add(trial.name)
                    return trial
        return None

    def ended(self, name: str, state: State) -> None:
        """A trial that was running has ended."""
        assert self.states[name] is State.RUNNING
        self.states[name] = state

    def dry(self) -> list[Trial]:
        """The trials that would be run if every run counted. The plan is not to be used after that."""
        trials = []
        while trial := self.next():
            trials.append(trial)
            self.ended(trial.name, State.COUNTED)
        return trials

    def _progress(self, row: Row) -> float:
        return row.count(self.states, State.COUNTED, State.RUNNING) / row.variant.counted
