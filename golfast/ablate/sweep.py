"""A sweep: trials from a plan to an executor, and what becomes of them into the results file."""

import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from golfast.ablate.jobs import Ended, State, Trial
from golfast.ablate.plan import Plan, Row
from golfast.ablate.store import Store
from golfast.run.hardware import hardware, versions

ATTEMPTS = 3  # a trial that ended without figures so often is recorded as failed


class Executor(Protocol):
    """Somewhere trials are run."""

    workers: int

    @property
    def free(self) -> int:
        """How many trials can be taken on now."""

    def submit(self, trial: Trial) -> None:
        """Start a trial."""

    def wait(self, timeout: float | None = None) -> list[Ended]:
        """Trials that ended since the last call; waits for the first for `timeout` seconds."""


class Watcher(Protocol):
    """Who is told how a sweep goes."""

    def update(self, plan: Plan, executor: Executor, ended: list[Ended]) -> None:
        """Called with what ended, and twice a second."""

    def say(self, text: str) -> None:
        """A line of news."""


def sweep(
    plan: Plan,
    executor: Executor,
    store: Store,
    *,
    watcher: Watcher,
    name: str = "local",
    attempts: int = ATTEMPTS,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run all that the plan wants and the results file does not have.

    A trial that fails, or whose worker dies, is tried again, `attempts` times in all, and then recorded as failed with
    the reason of the last time. Whatever ends this process, what had ended is in the file, and the same sweep again
    runs the rest.
    """
    for place, row in enumerate(plan.rows):
        store.save_row(row, place)
    members: list[tuple[Row, int, Trial]] = []
    plan.on_member = lambda *member: members.append(member)
    began = clock()
    session = store.begin_session(
        began=_now(),
        command=shlex.join(["golfast", *sys.argv[1:]]),
        executor=name,
        workers=executor.workers,
        machine={"hardware": hardware(), "versions": versions()},
    )
    tried: Counter[str] = Counter()
    again: list[Trial] = []
    running = finished = 0
    while True:
        while executor.free > 0 and (trial := again.pop(0) if again else plan.next()):
            tried[trial.name] += 1
            executor.submit(trial)
            running += 1
        if members:
            store.save_members(members)
            members.clear()
        if not running:
            return
        ended = executor.wait(0.5)
        for end in ended:
            running -= 1
            if end.result is None and tried[end.trial.name] < attempts:
                watcher.say(f"trial {end.trial.name} failed and is tried again: {end.reason}")
                again.append(end.trial)
                continue
            finished += 1
            state = _state(end)
            if state is State.FAILED:
                watcher.say(f"trial {end.trial.name} failed {tried[end.trial.name]} times: {end.reason}")
            store.save_trial(
                end.trial,
                state,
                result=end.result,
                reason=end.reason,
                attempts=tried[end.trial.name],
                seconds=end.seconds,
                worker=end.worker,
                finished=_now(),
            )
            plan.ended(end.trial.name, state)
            store.tell_session(session, ended=_now(), trials=finished, seconds=clock() - began)
        watcher.update(plan, executor, ended)


def _state(end: Ended) -> State:
    if end.result is None:
        return State.FAILED
    return State.COUNTED if end.result["reached"] else State.UNCOUNTED


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
