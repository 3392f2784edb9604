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

from golfast.data import States
from golfast.model import Decoder, Network
from golfast.run.config import fingerprint
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, torch_threads
from golfast.train.adversarial.by_torch import TorchGame
from golfast.train.adversarial.compiled import CompiledGame
from golfast.train.config import COMPILED, TrainConfig
from golfast.train.stage import StageOutcome, run_stage

__all__ = ["train_adversarial"]


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
    how its training ended. The engine is the network's, torch where that is not a compiled one.
    """
    with torch_threads(1):
        game = (CompiledGame if config.engine in COMPILED else TorchGame)(config, network, packed, compute)
        outcome = run_stage(
            game,
            folder.stage_checkpoint("adversarial"),
            config=fingerprint(config),
            every=config.checkpoint_every,
            device=compute.device,
            resume=resume,
            watch=watch,
        )
    return game.mean, outcome
