"""What is kept: trajectories in HDF5 files that a killed job leaves resumable and nobody mistakes for whole."""

from golfast.data.describe import describe
from golfast.data.generate import generate
from golfast.data.reader import Trajectories
from golfast.data.rearrange import convert, merge, split
from golfast.data.recipe import Recipe
from golfast.data.shards import make_shards
from golfast.data.states import States
from golfast.data.verify import verify
from golfast.data.writer import make

__all__ = [
    "Recipe",
    "States",
    "Trajectories",
    "convert",
    "describe",
    "generate",
    "make",
    "make_shards",
    "merge",
    "split",
    "verify",
]
