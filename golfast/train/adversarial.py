"""The adversarial decoder of section 2.3: a second decoder that draws states where nobody says which.

Encoder and core are frozen. A fresh decoder first learns, like the network's own, to draw the last state (and the
first, if the network was trained as an autoencoder) from the hidden states; then it also has to please a discriminator
that tells real states, the first states of other trajectories, from what the decoder draws of the timesteps that no
loss trains. The weight of that rises on a line. Without the autoencoder loss the encoder's hidden state is such a
timestep, too: so it is in the authors' public code. Decoder and discriminator move together, each by the gradient at
what the other was before.

Two things are ours, and make small batches enough: Adam's mean decays by 0.5, as is usual for adversarial networks,
and what is kept is the running mean of the decoder's weights. Without them the metric swings while the game goes on:
over the last 900 of 1,200 steps from 0.06 to 0.95 with a decay of 0.9, from 0.53 to 0.93 with 0.5, and from 0.92 to
0.98 with the mean and a weight of 0.1 (one network of 3 game and 2 model timesteps, own decoder 0.34, batch 8).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_value_
from torch.optim import Adam

from golfast.data import States
from golfast.model import Decoder, Discriminator, Network
from golfast.run.config import fingerprint
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.train.config import TrainConfig
from golfast.train.hidden import HiddenPool
from golfast.train.optimise import seeded_network
from golfast.train.stage import StageOutcome, draw_seed, run_stage

BETAS = 0.5, 0.999
MEAN_DECAY = 0.995  # of the running mean: at most the last two hundred steps


def train_adversarial(
    config: TrainConfig,
    folder: RunFolder,
    network: Network,
    packed: States,
    *,
    compute: Compute,
    resume: bool = False,
    watch: Callable[[dict[str, Any]], None] = lambda record: None,
) -> tuple[Decoder, StageOutcome]:
    """Train a decoder for a finished network, which stays as it is, by config.adversarial.

    packed: training trajectories, (N, m, H, ceil(W/8)) uint8. Returns the decoder, (B, C, H, W) to (B, 1, H, W), and
    how its training ended.
    """
    with torch_threads(1):
        stage = _Adversarial(config, network, packed, compute)
        outcome = run_stage(
            stage,
            folder.stage_checkpoint("adversarial"),
            config=fingerprint(config),
            every=config.checkpoint_every,
            device=compute.device,
            resume=resume,
            watch=watch,
        )
    return stage.mean, outcome


class _Adversarial:
    def __init__(self, config: TrainConfig, network: Network, packed: States, compute: Compute) -> None:
        self.config, self.seed, self.compute = config.adversarial, config.seed, compute
        self.steps = self.config.steps
        self.pool = HiddenPool(network, packed, config.data.width, self.config.pool, compute)
        self.timesteps = config.model.timesteps
        self.draws_first = config.draws_first
        made = draw_seed(self.seed, "adversarial")
        model = config.model
        self.decoder, self.mean = (
            seeded_network(Decoder, model.channels, self.config.layers, model.slope, seed=made).to(compute.device)
            for _ in range(2)
        )
        least = self.config.discriminator_channels
        channels = least, 2 * least, 4 * least
        self.discriminator = seeded_network(
            Discriminator, config.data.height, config.data.width, channels=channels, seed=made
        ).to(compute.device)
        self.ours: list[Tensor] = list(self.decoder.parameters())
        self.theirs: list[Tensor] = list(self.discriminator.parameters())
        self.optimiser = Adam(
            ({"params": self.ours}, {"params": self.theirs, "lr": self.config.discriminator_lr}),
            lr=self.config.lr,
            betas=BETAS,
            fused=True,
        )

    def step(self, step: int) -> Tensor:
        torch.manual_seed(draw_seed(self.seed, "adversarial", step))
        adversarial = step >= self.config.alone
        chosen, others = torch.randint(len(self.pool), (2, self.config.batch), device=self.compute.device)
        # Timesteps that no loss trains lie together: 1..T-1, or 0..T-1 where nothing says what the encoder's is.
        first = 0 if adversarial or self.draws_first else self.timesteps
        stride = 1 if adversarial else max(1, self.timesteps)
        hidden = self.pool.hidden(slice(first, self.timesteps + 1, stride), chosen)
        with self.compute.autocast():
            drawn = self.decoder(hidden)
        drawn = drawn.float().split(self.config.batch)
        loss = mse_loss(drawn[-1], self.pool.states(-1, chosen))
        if self.draws_first:
            loss = (loss + mse_loss(drawn[0], self.pool.states(0, chosen))) / 2
        told = loss.detach()
        if adversarial:
            fakes = torch.cat(drawn[1:-1] if self.draws_first else drawn[:-1])
            loss = loss + self._weight(step) * self._judge(self.pool.states(0, others), fakes)
        _keep_gradients(self.ours, loss)
        if self.config.clip:
            clip_grad_value_(self.ours, self.config.clip, foreach=True)
        self.optimiser.step()
        with torch.no_grad():
            kept = min(MEAN_DECAY, (step + 1) / (step + 10))  # at first a mean of all that was
            mean: list[Tensor] = list(self.mean.parameters())
            torch._foreach_lerp_(mean, self.ours, 1 - kept)
        return told

    def _weight(self, step: int) -> float:
        return self.config.weight * (step + 1 - self.config.alone) / (self.config.steps - self.config.alone)

    def _judge(self, real: Tensor, fakes: Tensor) -> Tensor:
        """Leave the discriminator its gradient, and return what the decoder has to lower to be taken for real."""
        on_real, on_fakes = self.discriminator(torch.cat([real, fakes])).split([len(real), len(fakes)])
        caught = cross_entropy(on_real, torch.ones_like(on_real)) + cross_entropy(on_fakes, torch.zeros_like(on_fakes))
        _keep_gradients(self.theirs, caught, retain_graph=True)
        return cross_entropy(on_fakes, torch.ones_like(on_fakes))

    def state(self) -> dict[str, Any]:
        return {
            "decoder": self.decoder.state_dict(),
            "mean": self.mean.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self.decoder.load_state_dict(state["decoder"])
        self.mean.load_state_dict(state["mean"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimiser.load_state_dict(state["optimiser"])


def _keep_gradients(parameters: list[Tensor], loss: Tensor, *, retain_graph: bool = False) -> None:
    gradients = torch.autograd.grad(loss, parameters, retain_graph=retain_graph)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
