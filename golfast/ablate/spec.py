"""What a sweep is: named variants of one config, each run with growing seeds until enough runs count."""

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from golfast.ablate.kinds import Kind, kind_of
from golfast.run.config import flatten, from_mapping, override, read_toml, unknown_key

MEASURES = {"networks": ("metric", "adversarial", "order", "imagination", "larger"), "agents": ("score",)}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A point of a sweep: one row of a table."""

    name: str
    label: str
    changes: Mapping[str, Any]
    """Dotted config keys and their values, the spec's base included."""
    counted: int
    """Runs that must count: those that reach the accuracy their config asks for, as in the paper."""
    most: int
    """Runs tried at most, should too few of them count."""
    first_seed: int
    paper: Mapping[str, float]
    """The paper's figures for this row, such as {"mean": 0.99, "runs": 42}."""
    recipes: tuple[str, ...] = ()
    """The recipes that it is for, "atari" standing for every atari/NAME; none for all."""

    def config(self, kind: Kind, recipe: str, seed: int) -> Any:
        """The config of one trial. ValueError for a key or a value that makes no sense."""
        return override(kind.config(recipe, seed), {**self.changes, "seed": seed})

    def suits(self, recipe: str) -> bool:
        """Whether it is for this recipe."""
        return not self.recipes or recipe in self.recipes or recipe.partition("/")[0] in self.recipes


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The difference that a choice makes: mean of the rows `of` less mean of the rows `over`."""

    label: str
    of: tuple[str, ...]
    over: tuple[str, ...]
    paper: float | None = None


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A picture to find: a held-out sequence whose metric under a network of `variant` is `value`."""

    label: str
    variant: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A sweep."""

    name: str
    title: str
    measure: str
    variants: tuple[Variant, ...]
    effects: tuple[Effect, ...] = ()
    strips: tuple[Strip, ...] = ()
    kind: str = "networks"
    """What its trials are: a key of MEASURES."""
    recipes: tuple[str, ...] = ()
    """The recipes it is run under unless told; none: the first of its kind."""

    def __post_init__(self) -> None:
        if self.kind not in MEASURES:
            raise ValueError(f"kind is {self.kind!r}; allowed are: {', '.join(MEASURES)}")
        if self.measure not in MEASURES[self.kind]:
            allowed = ", ".join(MEASURES[self.kind])
            raise ValueError(f"measure is {self.measure!r}; allowed for {self.kind} are: {allowed}")
        names = [variant.name for variant in self.variants]
        used = [name for effect in self.effects for name in (*effect.of, *effect.over)]
        used += [strip.variant for strip in self.strips]
        for name in used:
            if name not in names:
                raise ValueError(unknown_key(name, names).replace("config key", "variant"))

    def limited(self, *, counted: int | None = None, most: int | None = None) -> "Spec":
        """The same sweep with other numbers of runs for every variant.

        Where `most` is left out it grows with `counted`, so that the share of runs that may fail to count stays.
        """
        if counted is None and most is None:
            return self
        variants = []
        for variant in self.variants:
            enough = variant.counted if counted is None else counted
            limit = -(-variant.most * enough // variant.counted) if most is None else most
            variants.append(dataclasses.replace(variant, counted=enough, most=max(enough, limit)))
        return dataclasses.replace(self, variants=tuple(variants))


@dataclass(frozen=True, kw_only=True)
class _File:
    """A spec's keys as they stand in a TOML file."""

    title: str
    variants: dict  # type: ignore[type-arg]
    kind: str = "networks"
    measure: str = ""
    counted: int = 10
    most: int = 0
    seed: int = 1
    base: dict = field(default_factory=dict)  # type: ignore[type-arg]
    recipes: list = field(default_factory=list)  # type: ignore[type-arg]
    effects: list = field(default_factory=list)  # type: ignore[type-arg]
    strips: list = field(default_factory=list)  # type: ignore[type-arg]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A variant's keys as they stand in a TOML file."""

    label: str = ""
    counted: int = 0
    most: int = 0
    seed: int = 0
    set: dict = field(default_factory=dict)  # type: ignore[type-arg]
    paper: dict = field(default_factory=dict)  # type: ignore[type-arg]
    recipes: list = field(default_factory=list)  # type: ignore[type-arg]


def spec_names() -> list[str]:
    """The sweeps that come with golfast: those of the papers, and some past them."""
    return sorted(path.name.removesuffix(".toml") for path in _packaged().iterdir() if path.name.endswith(".toml"))


def load_spec(name: str | Path) -> Spec:
    """A spec from a TOML file, or one that comes with golfast by its name.

    Every key of every variant is looked at, under every recipe of its kind. ValueError for one that does not exist
    (naming the nearest one that does) or has an impossible value; OSError if the file cannot be read.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return parse_spec(path.stem, read_toml(path))
    packaged = _packaged() / f"{name}.toml"
    if not packaged.is_file():
        near = difflib.get_close_matches(str(name), spec_names(), n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"give a .toml file, or one of: {', '.join(spec_names())}"
        raise ValueError(f"there is no spec {str(name)!r}; {meant}")
    with_path = Path(str(packaged))
    return parse_spec(str(name), read_toml(with_path))


def parse_spec(name: str, mapping: Mapping[str, Any]) -> Spec:
    """A spec from the tables of its TOML file. Raises as `load_spec` does."""
    if "title" not in mapping or not mapping.get("variants"):
        raise ValueError(f"spec {name!r} needs a title and at least one table [variants.NAME]")
    file = from_mapping(_File, mapping)
    variants = tuple(_variant(file, key, table) for key, table in file.variants.items())
    kind = kind_of(file.kind)
    _check_recipes("recipes", file.recipes)
    for recipe in file.recipes:
        kind.config(recipe, 0)
    for variant in variants:
        for recipe in filter(variant.suits, kind.recipes):
            try:
                variant.config(kind, recipe, variant.first_seed)
            except ValueError as error:
                raise ValueError(f"spec {name!r}, variant {variant.name!r}: {error}") from None
    effects = tuple(_table(Effect, table, f"effects of spec {name!r}", ("of", "over")) for table in file.effects)
    strips = tuple(_table(Strip, table, f"strips of spec {name!r}") for table in file.strips)
    return Spec(
        name=name,
        title=file.title,
        kind=file.kind,
        measure=file.measure or MEASURES[file.kind][0],
        variants=variants,
        effects=effects,
        strips=strips,
        recipes=tuple(file.recipes),
    )


def _variant(file: _File, name: str, table: Any) -> Variant:
    if not isinstance(table, Mapping):
        raise ValueError(f"variants.{name} is a table; got {table!r}")
    row = from_mapping(_Row, table, within=f"variants.{name}.")
    counted = row.counted or file.counted
    most = row.most or file.most or 3 * counted
    if counted < 1 or most < counted:
        raise ValueError(f"variants.{name} is to count {counted} of at most {most} runs; count 1 or more, of as many")
    for key, value in row.paper.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"variants.{name}.paper.{key} takes a number; got {value!r}")
    _check_recipes(f"variants.{name}.recipes", row.recipes)
    return Variant(
        name=name,
        label=row.label or name,
        changes=flatten(file.base) | flatten(row.set),
        counted=counted,
        most=most,
        first_seed=row.seed or file.seed,
        paper=row.paper,
        recipes=tuple(row.recipes),
    )


def _check_recipes(key: str, recipes: list[Any]) -> None:
    if not all(isinstance(recipe, str) for recipe in recipes):
        raise ValueError(f"{key} takes names of recipes; got {recipes!r}")


def _table(kind: Any, table: Any, where: str, lists: tuple[str, ...] = ()) -> Any:
    known = [one.name for one in dataclasses.fields(kind)]
    for key in table:
        if key not in known:
            raise ValueError(f"{where}: {unknown_key(key, known)}")
    values = {key: tuple(value) if key in lists else value for key, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).partition('() ')[2] or error}") from None


def _packaged() -> Any:
    return files("golfast.ablate") / "specs"
