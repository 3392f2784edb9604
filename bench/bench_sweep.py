"""Trials of a sweep on every core beside one core: what a second core gives."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from golfast.ablate.jobs import Trial
from golfast.ablate.local import LocalExecutor
from golfast.ablate.work import TrialWork
from golfast.run.config import fingerprint, override
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig, as_run

from .beside import Side, compare

STEPS = 100
"""Of a training: a short one, so that what is shared (files, memory, this process) weighs more than in a sweep."""
TRIALS = 3  # for a worker, in a round


def bench_sweep(benchmark: Any, tmp_path: Path) -> None:
    workers = len(os.sched_getaffinity(0))
    if workers == 1:
        pytest.skip("there is one core")
    changes = {"data.generations": 2, "model.timesteps": 2, "steps": STEPS, "stop": 1.0}
    config = as_run(override(TrainConfig(), changes), choose_compute("cpu"))
    seeds = itertools.count()
    work = TrialWork(tmp_path, "cpu")
    with LocalExecutor(work, workers) as all_cores, LocalExecutor(work, 1) as one_core:

        def running(executor: LocalExecutor) -> Callable[[], None]:
            def run() -> None:
                waiting = executor.workers * TRIALS
                running = 0
                while waiting or running:
                    while waiting and executor.free:
                        seeded = override(config, {"seed": next(seeds)})
                        executor.submit(Trial(fingerprint(seeded), seeded))
                        waiting, running = waiting - 1, running + 1
                    for end in executor.wait():
                        assert end.result is not None, end.reason
                        assert end.result["steps"] == STEPS
                        running -= 1

            return run

        compare(
            benchmark,
            f"trials of a sweep, {STEPS} steps and an evaluation each, {workers} workers",
            Side("golfast", running(all_cores), workers * TRIALS),
            [Side("one worker", running(one_core), TRIALS)],
            unit="trials/s",
            rounds=3,
            targets={"one worker": 0.9 * workers},
        )
