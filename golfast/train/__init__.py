"""How networks are trained: to predict a last state from a first one, and to recreate the first."""

from golfast.train.config import OptimiserConfig, TrainConfig
from golfast.train.loop import Outcome, train

__all__ = ["OptimiserConfig", "Outcome", "TrainConfig", "train"]
