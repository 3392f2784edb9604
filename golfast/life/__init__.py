"""The world: outer-totalistic cellular automata on two states, Conway's Game of Life first of all.

Cells are `uint8` 0/1, shape (..., H, W). Packed boards are `numpy.packbits` along W, shape (..., H, ceil(W/8)).
"""

from golfast.life.apgcode import apgcode, census, objects
from golfast.life.ash import count_objects_packed
from golfast.life.boards import pack, packed_width, unpack
from golfast.life.builtin import PATTERNS
from golfast.life.lifetimes import Lifetimes
from golfast.life.patterns import (
    Pattern,
    find_pattern,
    format_life105,
    format_life106,
    format_macrocell,
    format_plaintext,
    format_rle,
    parse_apgcode,
    parse_pattern,
    read_pattern,
)
from golfast.life.population import Tally, tally, tally_packed, tally_soups
from golfast.life.rule import NAMED_RULES, Rule
from golfast.life.simulate import BACKENDS, BOUNDARIES, simulate, simulate_packed
from golfast.life.soup import soup_trajectories_packed, soups, soups_packed
from golfast.life.survey import Census, count_cells, settle, settle_packed

__all__ = [
    "BACKENDS",
    "BOUNDARIES",
    "NAMED_RULES",
    "PATTERNS",
    "Census",
    "Lifetimes",
    "Pattern",
    "Rule",
    "Tally",
    "apgcode",
    "census",
    "count_cells",
    "count_objects_packed",
    "find_pattern",
    "format_life105",
    "format_life106",
    "format_macrocell",
    "format_plaintext",
    "format_rle",
    "objects",
    "pack",
    "packed_width",
    "parse_apgcode",
    "parse_pattern",
    "read_pattern",
    "settle",
    "settle_packed",
    "simulate",
    "simulate_packed",
    "soup_trajectories_packed",
    "soups",
    "soups_packed",
    "tally",
    "tally_packed",
    "tally_soups",
    "unpack",
]
