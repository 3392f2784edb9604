"""The training loop of many networks at once: one program, and of each a run like any other."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from golfast.data import States, generate
from golfast.errors import Failure
from golfast.model import Network
from golfast.model.stacked import StackedNetwork
from golfast.run.checkpoint import taken_up
from golfast.run.config import fingerprint
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.train.accuracy import Judge, greys
from golfast.train.config import AdversarialConfig, OptimiserConfig, ProbesConfig, TrainConfig
from golfast.train.feed import Feed
from golfast.train.journal import Draw, Journal, Outcome, Record, draw_nothing
from golfast.train.optimise import rate_factor, seeded_network
from golfast.train.stack.optimise import Rows
from golfast.train.stack.step import LONGEST, StackedStep

Told = Outcome | Failure | OSError
Member = tuple[TrainConfig, RunFolder, Callable[[Record], None]]
"""A run: its config, its folder, and who is told of each record."""

KEEP = 0.75  # of a stack: when fewer than this share of its networks still train, the others leave it
CPU = torch.device("cpu")
_JUDGED = 4096  # boards drawn at a time when networks are looked at


def alike(config: TrainConfig) -> str:
    """What configs must have in common to be trained as one, as a fingerprint.

    Free are seed, learning rates and their schedule, momentum, clipping, losses, steps, and when to look and to stop;
    bound are data, network, batch, precision, engine, the optimiser's name, and how many trajectories are looked at.
    """
    bound = {name: getattr(config, name) for name in ("data", "model", "batch", "precision", "engine", "evaluate_on")}
    plain = TrainConfig(**bound, optimiser=OptimiserConfig(name=config.optimiser.name))
    return fingerprint(dataclasses.replace(plain, adversarial=AdversarialConfig(), probes=ProbesConfig()))


def train_together(
    members: Sequence[Member],
    packed: States,
    *,
    compute: Compute,
    resume: bool = False,
    graph: bool = True,
    draw: Draw = draw_nothing,
) -> Iterator[tuple[int, Told]]:
    """Train networks as one, and give each its number in `members` and its outcome as soon as it has ended.

    The configs must be `alike`; packed is as in `golfast.train.train`, and so is what is left in each folder. A run is
    what it would be alone, up to the rounding of sums in another order; it diverges, ends or fails without disturbing
    the others: one whose folder or checkpoint cannot be used gives the Failure or OSError. Runs that were killed go on
    from their own checkpoints. Networks that have ended leave the stack when enough of them have: it is made anew then.
    graph: whether a GPU replays steps as CUDA graphs. draw: as in `train`, of each
    network. ValueError if the configs are not alike.
    """
    if len({alike(config) for config, _, _ in members}) != 1:
        raise ValueError("networks that are trained as one must be alike: the same data, network, batch and optimiser")
    with torch_threads(1):
        yield from _Stack(members, packed, compute, graph, draw).run(resume)


@dataclasses.dataclass(slots=True)
class _Run:
    """A member while it trains."""

    number: int
    journal: Journal
    feed: Feed
    state: dict[str, Tensor]
    place: int = 0


class _Stack:
    def __init__(self, members: Sequence[Member], packed: States, compute: Compute, graph: bool, draw: Draw) -> None:
        self.draw = draw
        self.members, self.compute, self.graph = members, compute, graph
        config = members[0][0]
        assert packed.shape[1:] == config.data.shape[1:]
        self.packed = packed
        self.network = StackedNetwork(config.model)
        validation = generate(dataclasses.replace(config.data, split="validation"), 0, config.evaluate_on)
        self.judge = Judge(validation, config.data.width, compute)
        self.runs: list[_Run] = []

    def run(self, resume: bool) -> Iterator[tuple[int, Told]]:
        for number in range(len(self.members)):
            told = _guarded(self._begin, number, resume)
            if told is not None:
                yield number, told
        if not self.runs:
            return
        feed = self.runs[0].feed
        self.resident = feed.upload(self.compute.device) if feed.fits(self.compute.device) else None
        self._gather()
        yield from self._look(first=True)
        while self.runs:
            if len(self.runs) < KEEP * len(self.step.rows.weights):
                self._scatter()
                self._gather()
            self._advance(min(LONGEST, *(run.journal.ahead for run in self.runs)))
            yield from self._look(first=False)

    def _begin(self, number: int, resume: bool) -> Told | None:
        """Take up a run; its outcome if it has ended before."""
        config, folder, watch = self.members[number]
        journal = Journal(config, folder, self.judge, watch, self.draw)
        state = journal.open(resume=resume)
        if state is None:
            named = dict(seeded_network(Network, config.model, seed=config.seed).named_parameters())
            state = {"stack": {"weights": self.network.pack(named)}}
        feed = Feed(self.packed, config.data.width, batch=config.batch, seed=config.seed, device=CPU)
        with taken_up(folder.checkpoint):
            self._check(state["stack"])
        run = _Run(number, journal, feed, state["stack"])
        if journal.ended:
            return self._closed(run)
        self.runs.append(run)
        return None

    def _check(self, state: dict[str, Tensor]) -> None:
        shapes = {name: tensor.shape[1:] for name, tensor in Rows.made(1, self.network.size, CPU).each().items()}
        for name, tensor in state.items():
            if tensor.shape != shapes[name]:
                raise ValueError(f"{name} has the shape {tuple(tensor.shape)}, not {tuple(shapes[name])}")

    def _gather(self) -> None:
        """Stack the runs that are left."""
        configs, pairs = [run.journal.config for run in self.runs], self.resident
        if pairs is None:  # the set stays where it is; what the next steps take is sent after it
            shape = self.runs[0].feed.pairs(np.zeros(1, np.int64)).shape[1:]
            most = LONGEST * len(configs) * configs[0].batch
            pairs = torch.empty(most, *shape, dtype=torch.uint8, device=self.compute.device)
        self.step = StackedStep(configs, pairs, self.compute, graph=self.graph)
        for place, run in enumerate(self.runs):
            run.place = place
            self.step.put(place, run.state)

    def _scatter(self) -> None:
        """Take the runs that are left out of the stack."""
        for run in self.runs:
            run.state = self.step.take(run.place)
        del self.step  # its memory is wanted for the next

    def _advance(self, steps: int) -> None:
        began, count = time.perf_counter(), len(self.step.rows.weights)
        batch = self.runs[0].journal.config.batch
        # Places whose run has ended train on with trajectory 0, and nobody looks.
        order = np.zeros((steps, count, batch), np.int64)
        factors = np.zeros((steps, count), np.float32)
        for run in self.runs:
            journal = run.journal
            order[:, run.place] = run.feed.numbers(journal.step, steps)
            config = journal.config
            for step in range(steps):
                factors[step, run.place] = rate_factor(config.optimiser, journal.step + step, config.steps)
            journal.step += steps
        if self.resident is None:
            flat, pinned = order.reshape(-1), self.compute.device.type == "cuda"
            self.step.pairs[: len(flat)].copy_(self.runs[0].feed.pairs(flat, pinned=pinned), non_blocking=True)
            order = np.arange(order.size).reshape(order.shape)
        self.step.run(torch.from_numpy(order), torch.from_numpy(factors))
        self._share_out(time.perf_counter() - began)

    def _look(self, *, first: bool) -> Iterator[tuple[int, Told]]:
        """Look at the runs that are due, save them, and let go of those that end."""
        began = time.perf_counter()
        due = [run for run in self.runs if first or not run.journal.ahead]
        at_once = max(1, _JUDGED // len(self.judge.truth))
        looked = []
        for start in range(0, len(due), at_once):
            places = [run.place for run in due[start : start + at_once]]
            drawn = self.step.imagine(places, self.judge.truth[:, 0])
            shown = greys(drawn[:, self.judge.liveliest.start])
            looked += list(zip(self.judge.score(drawn), shown, strict=True))
        losses = self.step.rows.losses.tolist()
        self._share_out(time.perf_counter() - began)
        for run, (score, shown) in zip(due, looked, strict=True):
            journal = run.journal
            loss = None if first else losses[run.place] / journal.unseen
            self.step.rows.losses[run.place] = 0

            def record(
                run: _Run = run, score: Any = score, shown: Any = shown, loss: float | None = loss
            ) -> Told | None:
                run.journal.look(score, shown, loss=loss)
                if run.journal.saves and loss is not None:
                    run.state = self.step.take(run.place)
                    run.journal.save({"stack": run.state})
                return self._closed(run) if run.journal.ended else None

            told = _guarded(record)
            if told is not None:
                self.runs.remove(run)
                yield run.number, told

    def _share_out(self, seconds: float) -> None:
        for run in self.runs:
            run.journal.seconds += seconds / len(self.runs)

    def _closed(self, run: _Run) -> Outcome:
        network = Network(run.journal.config.model)
        network.load_state_dict(self.network.unpack(run.state["weights"]))
        return run.journal.close(network.to(self.compute.device))


Given = TypeVar("Given")


def _guarded(do: Callable[..., Given], *words: Any) -> Given | Failure | OSError:
    """What `do` returns, or what is wrong with this one run: a full disk, a damaged checkpoint."""
    try:
        return do(*words)
    except (Failure, OSError) as error:
        return error
