"""golfast shows what a neural network imagines.

The rooms: `life` (the world), `data` (what is kept), `model` and `train` (what learns, and how), `imagine` (what came
out). Importing golfast is light: nothing is compiled and neither torch nor numba is loaded until a room is entered.
"""

__version__ = "0.1.0"
