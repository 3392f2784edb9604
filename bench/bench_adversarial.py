"""A step of the game of the adversarial decoder: compiled, and in torch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from golfast.data import generate
from golfast.model import Network
from golfast.run.config import override
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig, as_run
from golfast.train.adversarial.by_torch import TorchGame
from golfast.train.adversarial.compiled import CompiledGame
from golfast.train.adversarial.game import Game
from golfast.train.config import COMPILED

from .beside import Side, compare

STEPS = 10  # in a round


def bench_game(benchmark: Any) -> None:
    compute = choose_compute("cpu")
    config = as_run(override(TrainConfig(), {"adversarial.on": True}), compute)
    if config.engine not in COMPILED:
        pytest.skip("no compiled engine runs on this CPU: torch plays, and there is nothing to be beside it")
    network, packed = Network(config.model), generate(config.data, 0, config.adversarial.pool)
    games = [kind(config, network, packed, compute) for kind in (CompiledGame, TorchGame)]
    with torch.random.fork_rng(devices=[]):
        losses = [float(game.step(0)) for game in games]
        assert abs(losses[0] - losses[1]) <= 0.02 * losses[1], f"losses of {losses}, which should be the same"
        compare(
            benchmark,
            f"a step of the adversarial decoder, batch {config.adversarial.batch}, engine {config.engine}",
            Side("golfast", _playing(games[0]), STEPS),
            [Side("the same in PyTorch, bf16", _playing(games[1]), STEPS)],
            unit="steps/s",
        )


def _playing(game: Game) -> Callable[[], None]:
    """Steps in which the discriminator judges."""
    step = game.config.alone

    def run() -> None:
        nonlocal step
        for _ in range(STEPS):
            game.step(step)
            step += 1

    return run
