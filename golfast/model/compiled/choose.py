"""Which engines there are, and which of them can run a network here."""

from collections.abc import Callable
from typing import NamedTuple

from golfast.model.compiled.amx import engine as amx
from golfast.model.compiled.amx.tiles import has_tiles
from golfast.model.compiled.avx512 import engine as avx512
from golfast.model.compiled.engine import Engine, Shape
from golfast.model.config import ModelConfig


class Kind(NamedTuple):
    """An engine: what it needs, and how it is made."""

    needs: str
    can_run: Callable[[ModelConfig], bool]
    make: Callable[[Shape], Engine]


_ZEROS = "zeros beyond the border"
KINDS = {
    "amx": Kind(f"a CPU with a matrix unit for bf16, at most 32 channels and {_ZEROS}", amx.can_run, amx.AmxEngine),
    "avx512": Kind(
        f"a CPU with AVX-512's bf16 products, at most 64 channels and {_ZEROS}", avx512.can_run, avx512.Avx512Engine
    ),
}  # fmt: skip
"""By name."""


def fastest(config: ModelConfig) -> str | None:
    """The name of the fastest engine that runs this network on this CPU, if any is faster than PyTorch there.

    Where a matrix unit is, PyTorch uses it for whatever is too wide for ours, and vectors are slower than that.
    """
    if has_tiles():
        return "amx" if amx.can_run(config) else None
    return "avx512" if avx512.can_run(config) else None
