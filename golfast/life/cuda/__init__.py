"""Life on a GPU. CuPy is imported by the functions, not by the package."""

from golfast.life.cuda.backend import (
    age_packed_cuda,
    last_packed_cuda,
    simulate_packed_cuda,
    soup_trajectories_packed_cuda,
    soups_packed_cuda,
)

__all__ = [
    "age_packed_cuda",
    "last_packed_cuda",
    "simulate_packed_cuda",
    "soup_trajectories_packed_cuda",
    "soups_packed_cuda",
]
