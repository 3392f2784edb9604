"""A trial as a worker runs it: in a folder of its own, on data that all workers of a machine share."""

import fcntl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from golfast.ablate.jobs import Trial
from golfast.ablate.trial import run_trial
from golfast.data import Recipe, Trajectories, make
from golfast.run.config import fingerprint
from golfast.run.folder import RunFolder


@dataclass(frozen=True, slots=True)
class TrialWork:
    """Run a trial of the paper's kind and return its result. Workers of one machine must name the same folder.

    The result has "curve" beside what result.json holds: the records of metrics.jsonl.
    """

    folder: Path
    device: str = "auto"

    def __call__(self, trial: Trial) -> dict[str, Any]:
        """Run it, or go on with what a killed worker left of it, or read the result if it is finished."""
        run = RunFolder(self.folder / "trials" / trial.name)
        dataset = shared_dataset(self.folder, trial.config.data)
        result = run_trial(trial.config, run, dataset, device=self.device, resume=True, draw=False)
        return result | {"curve": run.read_log()}


@lru_cache(4)
def shared_dataset(folder: Path, recipe: Recipe) -> Trajectories:
    """The dataset of a recipe as a memory map of one file; the first who asks makes it, the others wait for it."""
    path = folder / "data" / f"{fingerprint(recipe)}.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make(path, recipe, resume=True)
        return Trajectories(path)
