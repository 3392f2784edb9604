"""What came out: hidden states decoded into pictures, and how many of them are true."""

from golfast.imagine.config import EvaluateConfig
from golfast.imagine.decode import imagine, imagine_packed
from golfast.imagine.draw import draw_imagined, draw_run
from golfast.imagine.evaluate import EVALUATED, evaluate
from golfast.imagine.metric import (
    agreement,
    agreement_packed,
    interpretability,
    interpretability_packed,
    matthews,
    matthews_packed,
)
from golfast.imagine.score import VARIANTS, check_threshold

__all__ = [
    "EVALUATED",
    "VARIANTS",
    "EvaluateConfig",
    "agreement",
    "agreement_packed",
    "check_threshold",
    "draw_imagined",
    "draw_run",
    "evaluate",
    "imagine",
    "imagine_packed",
    "interpretability",
    "interpretability_packed",
    "matthews",
    "matthews_packed",
]
