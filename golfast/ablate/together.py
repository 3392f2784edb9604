"""Trials on this machine's GPU: those of one shape are trained as one, and then evaluated each by itself."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from golfast.ablate.jobs import Ended, Trial, describe_error
from golfast.ablate.local import STARTED, LocalExecutor, check_started, how_it_ended, start_process
from golfast.run.workers import NAME

TOGETHER = 64
"""Networks trained as one on a GPU, unless it is said otherwise."""


class TrainsTogether(Protocol):
    """Work of which the first part can be done for many trials as one."""

    def __call__(self, trial: Trial) -> dict[str, Any]:
        """As any work; of a trial that was trained before, the rest."""

    def shape(self, trial: Trial) -> str | None:
        """What trials trained as one must have in common; None if this one is to be trained by itself."""

    def train(self, trials: Sequence[Trial]) -> Iterator[tuple[str, str | None]]:
        """Train trials of one shape: the name of each as it has ended, and the reason if it failed."""


class TogetherExecutor:
    """Runs trials as `LocalExecutor` does, but for the training: one process does that, for many of a shape as one.

    A stack that fails as a whole, for instance because it does not fit into a GPU's memory, counts as an attempt of its
    trials, and stacks are half as large from then on.
    """

    def __init__(self, work: TrainsTogether, together: int, workers: int | None = None) -> None:
        """together: trials in a stack at most. workers: processes for the rest, one for each core if left out."""
        self._work, self._most = work, together
        self._rest = LocalExecutor(work, workers)
        self._trainer: tuple[SpawnProcess, Connection[Any, Any]] | None = None
        self._started = False  # the trainer
        self._waiting: list[Trial] = []
        self._training: dict[str, Trial] = {}
        self._trained: list[Trial] = []
        self._began: dict[str, float] = {}
        self.workers = together

    @property
    def free(self) -> int:
        """How many trials can be taken on now: the next stack is gathered while one trains."""
        return 2 * self.workers - len(self._began)

    def submit(self, trial: Trial) -> None:
        """Start a trial."""
        self._began[trial.name] = time.monotonic()
        (self._waiting if self._work.shape(trial) is not None else self._trained).append(trial)

    def wait(self, timeout: float | None = None) -> list[Ended]:
        """Trials that ended since the last call; waits for the first for `timeout` seconds."""
        self._hand_out()
        sources = self._rest.sources
        if self._trainer and self._training:
            sources += [self._trainer[1], self._trainer[0].sentinel]
        wait(sources, timeout)
        ended = self._news()
        ended += self._rest.wait(0)
        self._hand_out()
        for end in ended:
            del self._began[end.trial.name]
        return ended

    def __enter__(self) -> "TogetherExecutor":
        return self

    def __exit__(self, *error: object) -> None:
        self._rest.__exit__(*error)
        if self._trainer:
            self._trainer[0].kill()
            self._drop_trainer()

    def _hand_out(self) -> None:
        """Begin the next stack, the largest that can be made, if none is under way; and the rest of what is trained."""
        if self._waiting and not self._training:
            shapes: dict[str | None, list[Trial]] = {}
            for trial in self._waiting:
                shapes.setdefault(self._work.shape(trial), []).append(trial)
            stack = max(shapes.values(), key=len)[: self._most]
            self._training = {trial.name: trial for trial in stack}
            self._waiting = [trial for trial in self._waiting if trial.name not in self._training]
            if self._trainer is None:
                self._trainer = start_process(_train, self._work, name=f"{NAME}-trainer")
                self._started = False
            with suppress(OSError):  # if it has died while it was idle, `_news` tells
                self._trainer[1].send(stack)
        while self._trained and self._rest.free > 0:
            self._rest.submit(self._trained.pop(0))

    def _news(self) -> list[Ended]:
        """What the trainer has to say: trials that are trained go on, those that failed have ended."""
        ended: list[Ended] = []
        while self._trainer and self._training:
            process, pipe = self._trainer
            try:
                if not pipe.poll():
                    if process.is_alive():
                        break
                    raise EOFError
                news = pipe.recv()
                if news == STARTED:
                    self._started = True
                    continue
                name, reason = news
            except (EOFError, OSError):
                if not self._started:
                    check_started(process)
                name, reason = None, how_it_ended(process)
                self._drop_trainer()
            if name is None:  # all that is left of the stack has failed
                ended += [self._failed(trial, reason) for trial in self._training.values()]
                self._training, self._most = {}, max(1, self._most // 2)
            elif reason is None:
                self._trained.append(self._training.pop(name))
            else:
                ended.append(self._failed(self._training.pop(name), reason))
        return ended

    def _failed(self, trial: Trial, reason: str) -> Ended:
        return Ended(trial, None, reason, time.monotonic() - self._began[trial.name], "trainer")

    def _drop_trainer(self) -> None:
        assert self._trainer is not None
        process, pipe = self._trainer
        process.join()
        pipe.close()
        self._trainer = None


def _train(work: TrainsTogether, pipe: "Connection[Any, Any]") -> None:
    """What the trainer does: one stack after the other, until the pipe is closed."""
    while True:
        try:
            trials = pipe.recv()
        except EOFError:
            return
        try:
            for told in work.train(trials):
                pipe.send(told)
        except Exception as error:
            pipe.send((None, describe_error(error)))
