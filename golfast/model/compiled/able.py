"""Which engine can run a network on this CPU. Loads no torch, so that a dry run is instant."""

from golfast.model.compiled.amx.layout import MOST_CHANNELS as MOST_IN_TILES
from golfast.model.compiled.amx.tiles import has_tiles
from golfast.model.compiled.avx512.products import has_dot_products
from golfast.model.config import ModelConfig

MOST_IN_VECTORS = 64  # channels
_ZEROS = "zeros beyond the border"

NEEDS = {
    "amx": f"a CPU with a matrix unit for bf16, at most {MOST_IN_TILES} channels and {_ZEROS}",
    "avx512": f"a CPU with AVX-512's bf16 products, at most {MOST_IN_VECTORS} channels and {_ZEROS}",
}
"""What each engine needs, by its name."""


def can_run(engine: str, config: ModelConfig) -> bool:
    """Whether this CPU has what an engine of NEEDS needs, and the network fits it."""
    most, able = (MOST_IN_TILES, has_tiles) if engine == "amx" else (MOST_IN_VECTORS, has_dot_products)
    return config.channels <= most and config.padding == "zeros" and able()


def fastest(config: ModelConfig) -> str | None:
    """The name of the fastest engine that runs this network on this CPU, if any is faster than PyTorch there.

    Where a matrix unit is, PyTorch uses it for whatever is too wide for ours, and vectors are slower than that.
    """
    engine = "amx" if has_tiles() else "avx512"
    return engine if can_run(engine, config) else None
