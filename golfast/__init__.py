"""golfast shows what a neural network imagines.

The rooms: `life` (the world), `data` (what is kept), `model` and `train` (what learns, and how), `imagine` (what came
out). Importing golfast is light: nothing is compiled and neither torch nor numba is loaded until a room is entered.

At the top is what most begin with: `simulate` runs boards, `load` opens a run folder, `interpretability` is the metric.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from golfast.ablate.load import load
    from golfast.imagine.metric import interpretability
    from golfast.life.simulate import simulate

__all__ = ["interpretability", "load", "simulate"]
__version__ = "0.1.0"

_WHERE = {
    "interpretability": "golfast.imagine.metric",
    "load": "golfast.ablate.load",
    "simulate": "golfast.life.simulate",
}


_ROOMS = ("ablate", "data", "features", "imagine", "life", "model", "report", "rl", "run", "train")


def __getattr__(name: str) -> Any:
    if name in _ROOMS:  # so that `golfast.features.picture` needs no import of its own
        return import_module(f"golfast.{name}")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
