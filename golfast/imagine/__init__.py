"""What came out: hidden states decoded into pictures, and how many of them are true."""

from golfast.imagine.decode import imagine, imagine_packed
from golfast.imagine.draw import draw_imagined, draw_run
from golfast.imagine.evaluate import EVALUATED, evaluate
from golfast.imagine.metric import VARIANTS, agreement, interpretability, interpretability_packed, matthews

__all__ = [
    "EVALUATED",
    "VARIANTS",
    "agreement",
    "draw_imagined",
    "draw_run",
    "evaluate",
    "imagine",
    "imagine_packed",
    "interpretability",
    "interpretability_packed",
    "matthews",
]
