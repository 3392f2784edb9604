"""The recipe of a dataset: all that decides its bits."""

from dataclasses import dataclass, replace

from golfast.life import BOUNDARIES, Rule, packed_width
from golfast.life.boards import check_size, shown
from golfast.life.simulate import check_choice, check_generations
from golfast.life.soup import STREAMS, check_soup

MOST_TRAJECTORY_BYTES = 1 << 30  # a block holds whole trajectories, and several blocks are in memory


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A set of trajectories. Two recipes with equal fields make equal bits, on any machine.

    The defaults are the paper's data: 20x20 boards, dead border, first states aged by a geometric number of
    generations.
    """

    rule: str = "B3/S23"
    """Rule of the world, stored in the form B<births>/S<survivals>."""
    boundary: str = "dead"
    """"dead" or "torus"."""
    height: int = 20
    width: int = 20
    generations: int = 3
    """Steps of the world per trajectory; a trajectory has one state more."""
    seed: int = 0
    """0 to 2**63 - 1 (TOML has no larger integers)."""
    split: str = "train"
    """"train", "validation" or "test": one seed gives each its own boards, and they never overlap."""
    fresh: float = 0.1
    """Chance that a first state is a plain soup; the others have aged."""
    density: float = 0.5
    """Chance that a cell of a soup is alive."""
    count: int = 200_000
    """Trajectories."""
    start: int = 0
    """Number of the first board of the split: sets of consecutive numbers are parts of one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule", str(Rule.parse(self.rule)))
        check_choice("boundary", self.boundary, BOUNDARIES)
        check_choice("split", self.split, tuple(STREAMS))
        check_size(self.height, self.width)
        check_generations(self.generations)
        check_soup(count=self.count, seed=self.seed, start=self.start, density=self.density, fresh=self.fresh)
        if self.trajectory_bytes > MOST_TRAJECTORY_BYTES:
            raise ValueError(
                f"one trajectory of {self.states:,} states of {self.height} x {self.width} cells takes "
                f"{self.trajectory_bytes / 1e9:,.1f} GB; the most is {MOST_TRAJECTORY_BYTES / 1e9:.1f} GB"
            )
        if self.count < 1:
            raise ValueError(f"count is {self.count}; a dataset has at least 1 trajectory")
        if self.seed >= 2**63:
            raise ValueError(f"seed is {self.seed}; in a recipe it must be below 2**63")

    @staticmethod
    def check(recipe: object) -> "Recipe":
        """`recipe`, if it is one; otherwise a ValueError."""
        if not isinstance(recipe, Recipe):
            raise ValueError(f"a dataset is made of a golfast.data.Recipe; got {shown(recipe)}")
        return recipe

    def part(self, start: int, stop: int) -> "Recipe":
        """The recipe of this set's trajectories start..stop alone."""
        return replace(self, start=self.start + start, count=stop - start)

    @property
    def states(self) -> int:
        """States of one trajectory, the first included."""
        return self.generations + 1

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of `/states`: (N, T, H, ceil(W/8))."""
        return self.count, self.states, self.height, packed_width(self.width)

    @property
    def trajectory_bytes(self) -> int:
        """Packed bytes of one trajectory."""
        return self.states * self.height * packed_width(self.width)
