"""How a sweep goes, on stderr: a live board on a terminal, a plain line now and then elsewhere."""

import sys
import time

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from golfast.ablate.jobs import Ended, State
from golfast.ablate.plan import Plan, Row
from golfast.ablate.sweep import Executor

_PLAIN_EVERY = 30.0  # seconds between lines where there is no terminal


class Board:
    """Tells how a sweep goes: per row done, running and failed; throughput; time left. Silent if `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._live = Live(console=self._console, auto_refresh=False) if self._terminal else None
        self._began = self._spoke = time.monotonic()
        self._ended = 0
        self._seconds: dict[str, list[float]] = {}

    @property
    def _terminal(self) -> bool:
        return not self._quiet and self._console.is_terminal

    def __enter__(self) -> "Board":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print one line of news."""
        if self._quiet:
            return
        if self._live:
            self._live.console.print(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def update(self, plan: Plan, executor: Executor, ended: list[Ended]) -> None:
        """Show how far the plan is."""
        for end in ended:
            if end.result is not None:
                self._ended += 1
                self._seconds.setdefault(end.trial.name, []).append(end.seconds)
        if self._live:
            self._live.update(Group(self._table(plan), self.summary(plan, executor)), refresh=True)
        elif not self._quiet and time.monotonic() - self._spoke > _PLAIN_EVERY:
            self._spoke = time.monotonic()
            self.say(self.summary(plan, executor))

    def summary(self, plan: Plan, executor: Executor) -> str:
        """All rows in one line."""
        counted = sum(row.count(plan.states, State.COUNTED) for row in plan.rows)
        wanted = sum(row.variant.counted for row in plan.rows)
        failed = sum(state is State.FAILED for state in plan.states.values())
        words = [f"{counted:,} of {wanted:,} runs counted"]
        words += [f"{failed:,} failed"] if failed else []
        words.append(f"{sum(state is State.RUNNING for state in plan.states.values())} running")
        if self._ended:
            hours = (time.monotonic() - self._began) / 3600
            words.append(f"{self._ended / hours:,.0f} trials/h")
            if left := self.left(plan, executor):
                words.append(f"about {_duration(left)} left")
        return ", ".join(words)

    def left(self, plan: Plan, executor: Executor) -> float:
        """Seconds that the rest will take, if the trials of each row go on as they did."""
        known = [seconds for many in self._seconds.values() for seconds in many]
        usual = sum(known) / len(known) if known else 0.0
        waiting: dict[str, float] = {}
        total = 0.0
        for row in plan.rows:
            taken = [self._seconds[trial.name][-1] for trial in row.trials if trial.name in self._seconds]
            each = sum(taken) / len(taken) if taken else usual
            ended = row.count(plan.states, State.COUNTED, State.UNCOUNTED, State.FAILED)
            counted = row.count(plan.states, State.COUNTED)
            share = max(counted, 1) / max(ended, 1)
            missing = min((row.variant.counted - counted) / share, row.variant.most - ended)
            # A row that shares its trials with another costs nothing; that shows in the config of its next one.
            shared = row.trial(ended).name if missing > 0 else ""
            if missing > 0 and missing * each > waiting.get(shared, 0.0):
                total += missing * each - waiting.get(shared, 0.0)
                waiting[shared] = missing * each
        return total / executor.workers

    def _table(self, plan: Plan) -> Table:
        table = Table(box=None, pad_edge=False)
        numbers = {"counted": 10, "running": 7, "short": 5, "failed": 6}  # names are cut before these
        room = self._console.width - sum(numbers.values()) - 2 * len(numbers)
        table.add_column("row", no_wrap=True, max_width=max(8, room))
        for name, wide in numbers.items():
            table.add_column(name, justify="right", no_wrap=True, min_width=wide)
        for row in plan.rows:
            table.add_row(*self._cells(row, plan))
        return table

    def _cells(self, row: Row, plan: Plan) -> list[str]:
        def number(state: State) -> str:
            count = row.count(plan.states, state)
            return f"{count:,}" if count else "-"

        done = "[green]" if row.done(plan.states) else ""
        counted = f"{done}{row.count(plan.states, State.COUNTED):,} of {row.variant.counted:,}"
        name = "/".join(row.key)
        return [name, counted, number(State.RUNNING), number(State.UNCOUNTED), number(State.FAILED)]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
