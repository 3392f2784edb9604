"""Trials on this machine: processes that stay, one thread each."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from golfast.ablate.jobs import Ended, Trial, Work, describe_error
from golfast.errors import Failure
from golfast.run.workers import AGAIN, GUARD, NAME, leave_if_begun_again
from golfast.threads import thread_count

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "GOLFAST_THREADS",
)


STARTED = "started"


class LocalExecutor:
    """Runs trials in processes of this machine. A context manager: leaving it ends the processes.

    The processes are started when there is work for them, by `spawn`, and stay: a trial costs no
    import, and no compiling but the first of its kind. One that dies is replaced. If this process dies, they end.
    """

    def __init__(self, work: Work, workers: int | None = None) -> None:
        """workers: as many as there are cores if left out. Failure in a daemonic process, which may start none."""
        leave_if_begun_again()
        if multiprocessing.current_process().daemon:
            raise Failure(
                "a daemonic process cannot start the workers of a sweep; start this process with daemon=False (a "
                "multiprocessing.Pool's are daemonic, those of a concurrent.futures.ProcessPoolExecutor are not)"
            )
        self._work = work
        self.workers = workers or thread_count()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._count = 0

    @property
    def free(self) -> int:
        """How many trials can be taken on now."""
        return self.workers - len(self._busy)

    @property
    def sources(self) -> list[Any]:
        """What to wait for, with multiprocessing's `wait`: one of them is ready when a trial has ended."""
        return [source for worker in self._busy for source in (worker.pipe, worker.process.sentinel)]

    def submit(self, trial: Trial) -> None:
        """Start a trial."""
        worker = self._idle.pop() if self._idle else self._start()
        worker.give(trial)
        self._busy.append(worker)

    def wait(self, timeout: float | None = None) -> list[Ended]:
        """Trials that ended since the last call; waits for the first for `timeout` seconds."""
        wait(self.sources, timeout)
        ended = []
        for worker in list(self._busy):
            if news := worker.news():
                self._busy.remove(worker)
                if worker.process.is_alive():
                    self._idle.append(worker)
                ended.append(news)
        return ended

    def __enter__(self) -> "LocalExecutor":
        return self

    def __exit__(self, *error: object) -> None:
        for worker in (*self._idle, *self._busy):
            worker.process.kill()
        for worker in (*self._idle, *self._busy):
            worker.process.join()
            worker.pipe.close()
        self._idle, self._busy = [], []

    def _start(self) -> "_Worker":
        self._count += 1
        return _Worker(*start_process(_serve, self._work, name=f"{NAME}-{self._count}"))


Serve = Callable[[Any, "Connection[Any, Any]"], None]


def start_process(serve: Serve, work: object, *, name: str) -> tuple[SpawnProcess, "Connection[Any, Any]"]:
    """A new process of one thread that runs serve(work, pipe), and our end of the pipe. It ends when this one does.

    The first that comes through the pipe is STARTED; a process that ended before was none (`check_started`).
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_begin, args=(serve, work, theirs), name=name)
    resource_tracker.ensure_running()  # to start it lets Ctrl-C in again
    with _one_thread(), _deaf():
        process.start()
    theirs.close()
    return process, ours


def check_started(process: SpawnProcess) -> None:
    """Failure if a process that ended before it had STARTED did so by itself: then none will start.

    One that was killed, for instance because memory ran out, is as one that died later.
    """
    how = how_it_ended(process)
    if process.exitcode == AGAIN:
        raise Failure(
            f"a worker process runs the file that started it again, and that began another sweep; {GUARD}"
        ) from None
    if (process.exitcode or 0) >= 0:
        raise Failure(
            f"a worker process cannot start: {how}, and said why on stderr; if it ran this program again, {GUARD}"
        ) from None


def how_it_ended(process: SpawnProcess) -> str:
    """What became of a process that has ended, or is about to, in words."""
    process.join()
    code = process.exitcode or 0
    how = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with {code}"
    return f"its process {how}"


class _Worker:
    def __init__(self, process: SpawnProcess, pipe: "Connection[Any, Any]") -> None:
        self.process, self.pipe = process, pipe
        self._trial: Trial | None = None
        self._began = 0.0
        self._started = False

    def give(self, trial: Trial) -> None:
        self._trial, self._began = trial, time.monotonic()
        with suppress(OSError):  # if it has died while it was idle, `news` tells
            self.pipe.send(trial)

    def news(self) -> Ended | None:
        """How the trial ended, or None if it has not. Failure if the process never started."""
        assert self._trial is not None
        try:
            if not self.pipe.poll():
                if self.process.is_alive():
                    return None
                raise EOFError
            news = self.pipe.recv()
            if news == STARTED:
                self._started = True
                return self.news()
            result, reason = news
        except (EOFError, OSError):
            if not self._started:
                check_started(self.process)
            result, reason = None, how_it_ended(self.process)
        seconds = time.monotonic() - self._began
        trial, self._trial = self._trial, None
        return Ended(trial, result, reason, seconds, f"{os.uname().nodename}:{self.process.pid}")


def _begin(serve: Serve, work: object, pipe: "Connection[Any, Any]") -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe.send(STARTED)
    serve(work, pipe)


def _serve(work: Work, pipe: "Connection[Any, Any]") -> None:
    """What a worker does: one trial after the other, until the pipe is closed."""
    while True:
        try:
            trial = pipe.recv()
        except EOFError:
            return
        answer: tuple[dict[str, Any] | None, str | None]
        try:
            answer = (work(trial), None)
        except Exception as error:
            answer = (None, describe_error(error))
        pipe.send(answer)


def _end_with_parent() -> None:
    """End this process when its parent has, however that ended: a trial that nobody waits for is not worth a core."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _deaf() -> Iterator[None]:
    """A process started now hears no Ctrl-C, not even while it loads libraries: that is for the one who started it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The environment in which a process started now uses one thread, whatever library it is in."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
