"""A trial as a worker runs it: in a folder of its own, on data that all workers of a machine share."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from golfast.ablate.jobs import Trial, describe_error
from golfast.ablate.trial import run_trial
from golfast.data import Recipe, Trajectories, make
from golfast.errors import Failure
from golfast.run.config import fingerprint
from golfast.run.folder import RunFolder
from golfast.run.locks import lock, open_lock
from golfast.run.precision import choose_compute
from golfast.train.stack import alike, train_together


@dataclass(frozen=True, slots=True)
class TrialWork:
    """Run a trial of the paper's kind and return its result. Workers of one machine must name the same folder.

    The result has "curve" beside what result.json holds: the records of metrics.jsonl.
    """

    folder: Path
    device: str = "auto"

    def __call__(self, trial: Trial) -> dict[str, Any]:
        """Run it, or go on with what a killed worker left of it, or read the result if it is finished."""
        run = self._folder(trial)
        dataset = shared_dataset(self.folder, trial.config.data)
        result = run_trial(trial.config, run, dataset, device=self.device, resume=True, draw=False)
        return result | {"curve": run.read_log()}

    def shape(self, trial: Trial) -> str | None:
        """What trials trained as one must have in common; None for engines that train one network."""
        return alike(trial.config) if trial.config.engine == "stacked" else None

    def train(self, trials: Sequence[Trial]) -> Iterator[tuple[str, str | None]]:
        """Train trials of one shape as one, and leave in each folder what a training leaves."""
        config = trials[0].config
        compute = choose_compute(self.device, config.precision)
        with ExitStack() as locks:
            members, ours = [], []
            for trial in trials:
                folder = self._folder(trial)
                lock = locks.enter_context(ExitStack())
                try:
                    lock.enter_context(folder.locked())
                except (Failure, OSError) as error:
                    yield trial.name, describe_error(error)
                    continue
                if folder.finished:
                    lock.close()
                    yield trial.name, None
                else:
                    members.append((trial.config, folder, lambda record: None))
                    ours.append((trial.name, lock))
            if members:
                packed = shared_dataset(self.folder, config.data).packed
                for number, told in train_together(members, packed, compute=compute, resume=True):
                    name, lock = ours[number]
                    lock.close()  # who evaluates it wants the folder for himself
                    yield name, describe_error(told) if isinstance(told, Exception) else None

    def _folder(self, trial: Trial) -> RunFolder:
        return RunFolder(self.folder / "trials" / trial.name)


@lru_cache(4)
def shared_dataset(folder: Path, recipe: Recipe) -> Trajectories:
    """The dataset of a recipe as a memory map of one file; the first who asks makes it, the others wait for it."""
    path = folder / "data" / f"{fingerprint(recipe)}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = open_lock(path.parent / f".{path.name}.lock")
    try:
        locked = lock(handle, path, busy="", wait=True)
        if not path.exists():
            if locked:
                make(path, recipe, resume=True)
            else:  # then each who comes too early makes its own, to the same bytes
                with tempfile.TemporaryDirectory(dir=path.parent) as apart:
                    make(Path(apart) / path.name, recipe).replace(path)
        return Trajectories(path)
    finally:
        os.close(handle)
