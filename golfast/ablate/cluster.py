"""Trials on a Ray cluster (extra "ray"): the same trials, the same results file, other machines."""

import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from golfast.ablate.jobs import Ended, Trial, Work, describe_error
from golfast.errors import Failure
from golfast.run.locks import promised, unlocked

if TYPE_CHECKING:
    from ray import ObjectRef

_REACH = 10.0  # seconds to wait for the cluster's door; Ray itself tries for minutes


class RayExecutor:
    """Runs trials as Ray tasks, each on one core. A context manager: leaving it cancels what is still running.

    golfast must be installed on every node. Each node keeps the trials' folders and datasets under the work's folder,
    shared or its own; what a trial found comes back through Ray. A node that dies costs the attempts that were running
    on it, and one that joins is used at once.
    """

    def __init__(self, work: Work, workers: int | None = None, *, address: str | None = None) -> None:
        """address: of the cluster, "auto" for the one that this machine is part of; RAY_ADDRESS, or a cluster of this
        machine alone that ends with this process, if left out. workers: trials at a time, as many as the cluster has
        cores if left out.

        Failure if Ray is not installed or the cluster cannot be reached.
        """
        try:
            import ray
        except ImportError:
            raise Failure("executor 'ray' needs Ray: pip install 'golfast[ray]'; 'local' needs nothing") from None
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._ray: Any = ray
        try:
            _reach(address or os.environ.get("RAY_ADDRESS", ""))
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (OSError, ValueError, RuntimeError) as error:
            words = " ".join(str(error).split())
            raise Failure(f"the Ray cluster {address or 'of this machine'} cannot be reached: {words}") from None
        self._most = workers
        # The sweep counts attempts itself, and records the reason.
        self._task = self._ray.remote(num_cpus=1, max_retries=0)(_run)
        self._work = ray.put(work)
        self._running: dict[ObjectRef[Any], tuple[Trial, float]] = {}

    @property
    def workers(self) -> int:
        """How many trials run at a time: cores of the cluster as it is now, or fewer if so asked."""
        cores = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return cores if self._most is None else self._most

    @property
    def free(self) -> int:
        """How many trials can be taken on now."""
        return self.workers - len(self._running)

    def submit(self, trial: Trial) -> None:
        """Start a trial."""
        self._running[self._task.remote(self._work, trial, promised())] = trial, time.monotonic()

    def wait(self, timeout: float | None = None) -> list[Ended]:
        """Trials that ended since the last call; waits for the first for `timeout` seconds."""
        refs = list(self._running)
        ready, _ = self._ray.wait(refs, num_returns=1, timeout=timeout)
        more, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        return [self._ended(ref) for ref in dict.fromkeys([*ready, *more])]

    def __enter__(self) -> "RayExecutor":
        return self

    def __exit__(self, *error: object) -> None:
        for ref in self._running:
            self._ray.cancel(ref, force=True)
        self._running.clear()
        self._ray.shutdown()

    def _ended(self, ref: "ObjectRef[Any]") -> Ended:
        trial, began = self._running.pop(ref)
        try:
            result, reason, seconds, worker = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            told = str(error).strip().splitlines()
            what = f"{type(error).__name__}: {told[0] if told else 'no reason given'}"
            result, reason, seconds, worker = None, f"its node or process was lost ({what})", None, "lost"
        return Ended(trial, result, reason, time.monotonic() - began if seconds is None else seconds, worker)


def _reach(address: str) -> None:
    """Knock at an address of the form host:port. OSError if nobody is there."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_REACH).close()


def _run(work: Work, trial: Trial, no_lock: bool) -> tuple[dict[str, Any] | None, str | None, float, str]:
    """What a node does for a trial. Ray gives a task of one core one OpenMP thread; the rest is told here."""
    os.environ["GOLFAST_THREADS"] = "1"
    began = time.monotonic()
    result, reason = None, None
    try:
        with unlocked(no_lock):
            result = work(trial)
    except Exception as error:
        reason = describe_error(error)
    return result, reason, time.monotonic() - began, f"{os.uname().nodename}:{os.getpid()}"
