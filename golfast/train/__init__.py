"""How networks are trained: to predict a last state from a first one, and to recreate the first.

The names below are loaded when they are used: a config needs no torch.
"""

from typing import TYPE_CHECKING

from golfast.run.lazy import lazily

if TYPE_CHECKING:
    from golfast.train.adversarial import train_adversarial
    from golfast.train.config import AdversarialConfig, OptimiserConfig, ProbesConfig, TrainConfig
    from golfast.train.engines import as_run
    from golfast.train.feed import Feed
    from golfast.train.journal import Outcome
    from golfast.train.loop import train
    from golfast.train.probes import train_probes
    from golfast.train.recipes import RECIPES, configure
    from golfast.train.stage import StageOutcome

__all__ = [
    "RECIPES",
    "AdversarialConfig",
    "Feed",
    "OptimiserConfig",
    "Outcome",
    "ProbesConfig",
    "StageOutcome",
    "TrainConfig",
    "as_run",
    "configure",
    "train",
    "train_adversarial",
    "train_probes",
]

_WHERE = {
    "RECIPES": "recipes",
    "AdversarialConfig": "config",
    "Feed": "feed",
    "OptimiserConfig": "config",
    "Outcome": "journal",
    "ProbesConfig": "config",
    "StageOutcome": "stage",
    "TrainConfig": "config",
    "as_run": "engines",
    "configure": "recipes",
    "train": "loop",
    "train_adversarial": "adversarial",
    "train_probes": "probes",
}
__getattr__ = lazily(__name__, _WHERE)
