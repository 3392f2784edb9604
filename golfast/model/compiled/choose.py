"""Which engines there are, and which of them can run a network here."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from golfast.model.compiled.able import NEEDS, can_run, fastest
from golfast.model.compiled.amx.engine import AmxEngine
from golfast.model.compiled.avx512.engine import Avx512Engine
from golfast.model.compiled.engine import Engine, Shape
from golfast.model.config import ModelConfig

__all__ = ["KINDS", "Kind", "fastest"]


class Kind(NamedTuple):
    """An engine: what it needs, and how it is made."""

    needs: str
    can_run: Callable[[ModelConfig], bool]
    make: Callable[[Shape], Engine]


_MADE: dict[str, Callable[[Shape], Engine]] = {"amx": AmxEngine, "avx512": Avx512Engine}
KINDS = {name: Kind(NEEDS[name], partial(can_run, name), make) for name, make in _MADE.items()}
"""By name."""
