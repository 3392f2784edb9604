"""Cheap trials that real processes can run."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from golfast.ablate.jobs import Trial
from golfast.errors import Failure
from golfast.run.config import fingerprint


@dataclass(frozen=True)
class Tiny:
    """A config that loads no torch, so that a process is there at once."""

    variant: str
    seed: int


READINGS = ("matched", "equation", "dataset")


class Silent:
    def __init__(self):
        self.said = []

    def update(self, plan, executor, ended):
        pass

    def say(self, text):
        self.said.append(text)


def sweep_rows(**counted):
    """Rows of tiny trials; variants and how many of their runs must count."""
    from golfast.ablate.plan import Row
    from golfast.ablate.spec import parse_spec

    class TinyRow(Row):
        def trial(self, place):
            config = Tiny(self.variant.name, self.variant.first_seed + place)
            return Trial(fingerprint(config), config)

    variants = {name: {"counted": count} for name, count in counted.items()}
    spec = parse_spec("s", {"title": "a sweep", "variants": variants})
    return [TinyRow(spec, "fast", variant, "cpu") for variant in spec.variants]


def run(path, work, *, workers=2, rows=None, together=1):
    """A whole sweep with the results in `path`; returns its plan and what was said."""
    from golfast.ablate.local import LocalExecutor
    from golfast.ablate.plan import Plan
    from golfast.ablate.store import Store
    from golfast.ablate.sweep import sweep
    from golfast.ablate.together import TogetherExecutor

    watcher = Silent()
    with Store.writing(path / "results.sqlite") as store:
        plan = Plan(rows or sweep_rows(a=6, b=3), store.states())
        made = TogetherExecutor(work, together, workers) if together > 1 else LocalExecutor(work, workers)
        with made as executor:
            sweep(plan, executor, store, watcher=watcher)
    return plan, watcher.said


def result(trial, reached=True):
    """Figures that depend on the trial alone."""
    value = int(trial.name, 16) % 1000 / 1000
    return {
        "run": trial.name,
        "seed": trial.config.seed,
        "reached": reached,
        "metric": value,
        "metric_variants": {"matched": value, "equation": value, "dataset": value},
        "steps": 100 + trial.config.seed,
        "steps_to_98": [50, 60, 90],
        "curve": [{"step": 50, "accuracy": [0.9, 0.8, 0.7]}],
    }


@dataclass(frozen=True)
class Fake:
    """Leaves a file for every trial it runs to its end; does mischief with the seeds it is told."""

    folder: Path
    seconds: float = 0.0
    fails: tuple[int, ...] = ()
    dies: tuple[int, ...] = ()
    dies_once: tuple[int, ...] = ()
    short: tuple[int, ...] = ()

    def __call__(self, trial: Trial):
        seed = trial.config.seed
        with (self.folder / f"started-{trial.name}").open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(self.seconds * (1 + seed % 3))
        tries = len((self.folder / f"started-{trial.name}").read_text().split())
        if seed in self.dies or (seed in self.dies_once and tries == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if seed in self.fails:
            raise Failure("training diverged: the loss is nan at step 50")
        (self.folder / f"ended-{trial.name}").touch()
        return result(trial, reached=seed not in self.short)


@dataclass(frozen=True)
class FakeTogether(Fake):
    """Trials of a variant are trained as one, but for those of the variants told; leaves a file for every stack."""

    apart: tuple[str, ...] = ()
    unfit: tuple[int, ...] = ()
    """Seeds that cannot be trained."""
    most: int = 99
    """Trials that fit into a stack."""
    kills: tuple[int, ...] = ()
    """Seeds of which the first training kills the trainer."""

    def shape(self, trial: Trial):
        return None if trial.config.variant in self.apart else trial.config.variant

    def train(self, trials):
        assert len({trial.config.variant for trial in trials}) == 1
        number = len(list(self.folder.glob("stack-*")))
        seeds = [trial.config.seed for trial in trials]
        (self.folder / f"stack-{number:03d}").write_text(f"{trials[0].config.variant} {seeds} {os.getpid()}")
        if len(trials) > self.most:
            raise MemoryError("too many")
        for trial in trials:
            if trial.config.seed in self.unfit:
                yield trial.name, "cannot be trained"
                continue
            mark = self.folder / f"trained-{trial.name}"
            if trial.config.seed in self.kills and not (self.folder / f"killed-{trial.name}").exists():
                (self.folder / f"killed-{trial.name}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            mark.touch()
            yield trial.name, None

    def __call__(self, trial: Trial):
        trained = (self.folder / f"trained-{trial.name}").exists()
        assert trained is (trial.config.variant not in self.apart)
        return super().__call__(trial)


def threads(trial: Trial):
    """What a worker's libraries think of threads."""
    import torch

    from golfast.threads import thread_count

    return result(trial) | {"torch": torch.get_num_threads(), "golfast": thread_count(), "pid": os.getpid()}


def deaf(trial: Trial):
    """Whether Ctrl-C was kept from this process before its first instruction."""
    return result(trial) | {"deaf": signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())}
