"""Probes: what is in the hidden states at all, whether or not the network's own decoder can read it.

The network is frozen. For each hidden state 0..T-1 (0 is the encoder's) and each true state in between one decoder is
trained to draw the latter from the former, with the truth before its eyes. For each timestep the state that its probes
draw best is chosen on validation data, and the metric of those drawings says how much could be read, where that of the
network's own decoder says how much the network reads itself: an upper bound for decoders of this depth. A decoder of
one layer is linear, so the best of them is not searched for by steps but computed.

A decoder computes as well as reads: three layers can compute a generation of Life from a state that is there. So probes
have one layer unless told otherwise, and hidden state 0, which holds the first state and no more, is the control: what
probes draw of it was not imagined.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.optim import Adam

from golfast.data import States
from golfast.model import Decoder, Network, Probes
from golfast.run.config import fingerprint
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.train.config import TrainConfig
from golfast.train.hidden import HiddenPool
from golfast.train.optimise import seeded_network
from golfast.train.readout import least_squares
from golfast.train.stage import StageOutcome, draw_seed, run_stage

MATCH = 0.95  # share of cells that makes a match, in the metric

_FEW = 1000  # choices

Shares = NDArray[np.float64]


def train_probes(
    config: TrainConfig,
    folder: RunFolder,
    network: Network,
    packed: States,
    validation: NDArray[np.uint8],
    *,
    compute: Compute,
    resume: bool = False,
    watch: Callable[[dict[str, Any]], None] = lambda record: None,
) -> tuple[Probes, StageOutcome, Shares]:
    """Train the probes of a finished network, by config.probes, and choose what each timestep is to draw.

    packed: training trajectories, (N, m, H, ceil(W/8)) uint8; validation: others. Returns the probes, how their
    training ended, and the share of cells of the validation set that each gets right, (T, m - 2).
    """
    with torch_threads(1):
        stage = _Probing(config, network, packed, compute)
        if config.probes.layers == 1:
            outcome = stage.solve()
            watch({"step": config.probes.steps, "loss": outcome.loss, "seconds": round(outcome.seconds, 3)})
        else:
            outcome = run_stage(
                stage,
                folder.stage_checkpoint("probes"),
                config=fingerprint(config),
                every=config.checkpoint_every,
                device=compute.device,
                resume=resume,
                watch=watch,
            )
        right, matches = _judge(stage.probes, network, validation, config.data.width, compute)
    stage.probes.chosen.copy_(torch.from_numpy(choose_targets(matches[1:], right[1:])))
    return stage.probes, outcome, right


def choose_targets(matches: Shares, right: Shares) -> NDArray[np.int64]:
    """The state that each timestep is to draw: (n,) of (n, m - 2) shares of sequences that match and of cells right.

    Together they are to earn the most in the metric, where a state counts half for every timestep that draws it besides
    the best. Where nothing matches, cells decide. The best of all choices if they are few, else one that no change of a
    single timestep betters.
    """
    worth = matches + 1e-6 * right
    timesteps, targets = worth.shape

    def earned(choice: tuple[int, ...]) -> float:
        drawn = np.zeros_like(worth)
        rows = np.arange(timesteps)
        drawn[rows, choice] = worth[rows, choice]
        return float((drawn.max(axis=0) + drawn.sum(axis=0)).sum() / 2)

    if targets**timesteps <= _FEW:
        return np.array(max(itertools.product(range(targets), repeat=timesteps), key=earned))
    best = tuple(worth.argmax(axis=1).tolist())
    while True:
        changes = ((*best[:t], k, *best[t + 1 :]) for t in range(timesteps) for k in range(targets))
        better = max(changes, key=earned)
        if earned(better) <= earned(best):
            return np.array(best)
        best = better


class _Probing:
    def __init__(self, config: TrainConfig, network: Network, packed: States, compute: Compute) -> None:
        self.config, self.seed, self.compute = config.probes, config.seed, compute
        self.steps, self.timesteps = self.config.steps, config.model.timesteps
        self.padding = config.model.padding
        self.pool = HiddenPool(network, packed, config.data.width, self.config.pool, compute)
        self.probes = seeded_network(
            Probes,
            config.model,
            config.data.generations,
            layers=self.config.layers,
            seed=draw_seed(self.seed, "probes"),
        ).to(compute.device)
        self.optimiser = Adam(self.probes.parameters(), lr=self.config.lr, fused=True)

    def solve(self) -> StageOutcome:
        """Give probes of one layer the weights that draw their states of the pool best."""
        began, losses = time.perf_counter(), []
        targets = self.pool.truth[:, 1:-1]
        for timestep in range(self.timesteps):
            weights, biases, loss = least_squares(self.pool.kept(timestep), targets, self.padding)
            first = timestep * self.probes.targets
            for decoder, weight, bias in zip(self.probes.decoders[first:], weights, biases, strict=False):
                assert isinstance(decoder, Decoder)
                decoder.last.weight.data.copy_(weight.unsqueeze(0))
                decoder.last.bias.data.copy_(bias)
            losses.append(loss)
        return StageOutcome("trained", 0, time.perf_counter() - began, sum(losses) / len(losses))

    def step(self, step: int) -> Tensor:
        torch.manual_seed(draw_seed(self.seed, "probes", step))
        chosen = torch.randint(len(self.pool), (self.config.batch,), device=self.compute.device)
        hidden = self.pool.hidden(slice(self.timesteps), chosen).chunk(self.timesteps)
        targets = self.pool.truth[chosen, 1:-1].unsqueeze(1).float()
        with self.compute.autocast():
            drawn = self.probes(list(hidden))
        loss = mse_loss(drawn.float(), targets.expand(-1, self.timesteps, -1, -1, -1))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.lr * (1 - step / self.steps)
        self.optimiser.step()
        return loss.detach()

    def state(self) -> dict[str, Any]:
        return {"probes": self.probes.state_dict(), "optimiser": self.optimiser.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        self.probes.load_state_dict(state["probes"])
        self.optimiser.load_state_dict(state["optimiser"])


def _judge(
    probes: Probes, network: Network, validation: NDArray[np.uint8], width: int, compute: Compute
) -> tuple[Shares, Shares]:
    """Shares of cells that are right, and of sequences that match, of each hidden state and target: (T, m - 2)."""
    pool = HiddenPool(network, validation, width, len(validation), compute)
    everything = torch.arange(len(pool), device=compute.device)
    hidden = pool.hidden(slice(network.config.timesteps), everything).chunk(network.config.timesteps)
    with torch.no_grad(), compute.autocast():
        drawn = probes(list(hidden)).float() > 0.5
    right = (drawn == (pool.truth[:, 1:-1].unsqueeze(1) > 0)).float().mean(dim=(3, 4))
    return right.mean(dim=0).double().cpu().numpy(), (right >= MATCH).double().mean(dim=0).cpu().numpy()
