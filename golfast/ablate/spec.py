"""What a sweep is: named variants of one config, each run with growing seeds until enough runs count."""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from golfast.ablate.draw import Range, check_range, drawn
from golfast.ablate.kinds import Kind, kind_of
from golfast.errors import meant, shown
from golfast.run.config import Config, flatten, from_mapping, override, read_toml, unknown_key

MOST_RUNS = 100_000
"""Of a row; more would take years."""
_CHECKED = 1000
"""Seeds whose draws are looked at before a sweep begins; each takes a millisecond."""
MEASURES = {"networks": ("metric", "adversarial", "order", "imagination", "larger"), "agents": ("score",)}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A point of a sweep: one row of a table."""

    name: str
    label: str
    changes: Mapping[str, Any]
    """Dotted config keys and their values, the spec's base included."""
    draw: Mapping[str, Range]
    """Dotted config keys whose values are drawn anew for each seed, and from what; of the spec, too."""
    counted: int
    """Runs that must count: those that reach the accuracy their config asks for, as in the paper."""
    most: int
    """Runs tried at most, should too few of them count."""
    first_seed: int
    paper: Mapping[str, float]
    """The paper's figures for this row, such as {"mean": 0.99, "runs": 42}."""
    recipes: tuple[str, ...] = ()
    """The recipes that it is for, "atari" and "gym" standing for every atari/NAME and gym/ID; none for all."""

    def config(self, kind: Kind, recipe: str, seed: int) -> Any:
        """The config of one trial. ValueError for a key or a value that makes no sense."""
        values = drawn(seed, self.ranges(kind, recipe))
        return override(kind.config(recipe, seed), {**self.changes, **values, "seed": seed})

    def ranges(self, kind: Kind, recipe: str) -> dict[str, Range]:
        """All that is drawn under a recipe: what the recipe itself draws, too, unless this variant sets it."""
        theirs = {key: ends for key, ends in kind.draw(recipe).items() if key not in self.changes}
        return {**theirs, **self.draw}

    def dearest(self, kind: Kind, recipe: str) -> Any:
        """The config of the first seed with the greatest of all that is drawn, or as it is if that makes no sense."""
        greatest = {key: ends[1] for key, ends in self.ranges(kind, recipe).items()}
        try:
            return override(kind.config(recipe, self.first_seed), {**self.changes, **greatest})
        except ValueError:
            return self.config(kind, recipe, self.first_seed)

    def check(self, kind: Kind, recipe: str) -> None:
        """ValueError for a key or a value that makes no sense, of any of the first 1,000 seeds that may be tried."""
        draws = self.ranges(kind, recipe)
        for seed in range(self.first_seed, self.first_seed + (min(self.most, _CHECKED) if draws else 1)):
            try:
                self.config(kind, recipe, seed)
            except ValueError as error:
                named = f"variant {self.name!r}" + (f", recipe {recipe!r}, seed {seed}" if draws else "")
                raise ValueError(f"{named}: {error}") from None

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
        for variant in self.variants:
            _check_most(f"variant {variant.name!r} of {self.name}", variant.most)
        names = [variant.name for variant in self.variants]
        used = [name for effect in self.effects for name in (*effect.of, *effect.over)]
        used += [strip.variant for strip in self.strips]
        for strip in self.strips:
            if not math.isfinite(strip.value):
                raise ValueError(f"strip {strip.label!r} is to have the value {strip.value}; give a number")
        labels = [strip.label for strip in self.strips]
        if len(set(labels)) < len(labels):
            raise ValueError("labels of strips must differ")
        for name in used:
            if name not in names:
                raise ValueError(unknown_key(name, names).replace("config key", "variant"))

    def limited(self, *, counted: int | None = None, most: int | None = None) -> "Spec":
        """The same sweep with other numbers of runs for every variant.

        Where `most` is left out it grows with `counted`, so that the share of runs that may fail to count stays.
        ValueError if a variant is to count more runs than `most`.
        """
        if counted is None and most is None:
            return self
        variants = []
        for variant in self.variants:
            enough = variant.counted if counted is None else counted
            limit = -(-variant.most * enough // variant.counted) if most is None else most
            if limit < enough:
                raise ValueError(
                    f"at most {limit} runs are fewer than the {enough} that variant {variant.name!r} of {self.name} is "
                    "to count; give more, or another --counted"
                )
            variants.append(dataclasses.replace(variant, counted=enough, most=limit))
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
    draw: dict = field(default_factory=dict)  # type: ignore[type-arg]
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
    draw: dict = field(default_factory=dict)  # type: ignore[type-arg]
    paper: dict = field(default_factory=dict)  # type: ignore[type-arg]
    recipes: list = field(default_factory=list)  # type: ignore[type-arg]


@dataclass(frozen=True, kw_only=True)
class _Effect:
    """An effect's keys as they stand in a TOML file."""

    label: str
    of: list  # type: ignore[type-arg]
    over: list  # type: ignore[type-arg]
    paper: float = math.nan


def words(changes: Mapping[str, Any], draw: Mapping[str, Range]) -> str:
    """What a row asks for, such as "autoencoder = false, model.core_layers from 3 to 8"."""
    told = [f"{key} = {json.dumps(value)}" for key, value in changes.items()]
    told += [f"{key} from {least} to {greatest}" for key, (least, greatest) in draw.items()]
    return ", ".join(told) or "as it is"


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
        near = meant(str(name), spec_names()).replace("known are:", "give a .toml file, or one of:")
        raise ValueError(f"there is no spec {str(name)!r}; {near}")
    with_path = Path(str(packaged))
    return parse_spec(str(name), read_toml(with_path))


def parse_spec(name: str, mapping: Mapping[str, Any]) -> Spec:
    """A spec from the tables of its TOML file. Raises as `load_spec` does."""
    if "title" not in mapping or not mapping.get("variants"):
        raise ValueError(f"spec {name!r} needs a title and at least one table [variants.NAME]")
    file = from_mapping(_File, mapping)
    if file.kind not in MEASURES:
        raise ValueError(f"kind is {file.kind!r}; allowed are: {', '.join(MEASURES)}")
    kind, measure = kind_of(file.kind), file.measure or MEASURES[file.kind][0]
    if measure not in MEASURES[file.kind]:
        allowed = ", ".join(MEASURES[file.kind])
        raise ValueError(f"measure is {measure!r}; allowed for {file.kind} are: {allowed}")
    variants = tuple(_variant(file, key, table) for key, table in file.variants.items())
    _check_recipes(kind, "recipes", file.recipes)
    for variant in variants:
        _check_recipes(kind, f"variants.{variant.name}.recipes", variant.recipes)
        _check_paper(measure, variant)
        for recipe in filter(variant.suits, kind.recipes):
            try:
                variant.check(kind, recipe)
            except ValueError as error:
                raise ValueError(f"spec {name!r}, {error}") from None
    effects = tuple(_effect(table, f"effects[{number}]") for number, table in enumerate(file.effects))
    strips = tuple(_table(Strip, table, f"strips[{number}]") for number, table in enumerate(file.strips))
    return Spec(
        name=name,
        title=file.title,
        kind=file.kind,
        measure=measure,
        variants=variants,
        effects=effects,
        strips=strips,
        recipes=tuple(file.recipes),
    )


def _variant(file: _File, name: str, table: Any) -> Variant:
    if not isinstance(table, Mapping):
        raise ValueError(f"variants.{name} is a table; got {shown(table)}")
    row = from_mapping(_Row, table, within=f"variants.{name}.")
    counted = row.counted if "counted" in table else file.counted
    most = row.most if "most" in table else file.most or 3 * counted
    base, shared, own, drawn_here = map(flatten, (file.base, file.draw, row.set, row.draw))
    for where, both in (
        ("the spec", base.keys() & shared.keys()),
        (f"variants.{name}", own.keys() & drawn_here.keys()),
    ):
        if both:
            raise ValueError(f"{where} both sets and draws {min(both)!r}; do one of them")
    # What a variant says of a key, set or drawn, stands in place of what the spec says of it.
    changes = {key: value for key, value in base.items() if key not in drawn_here} | own
    ranges = {key: ends for key, ends in shared.items() if key not in own} | drawn_here
    if "seed" in {**changes, **ranges}:
        raise ValueError(f"variants.{name} sets a seed; a sweep gives out seeds itself, from the key `seed` on")
    if counted < 1 or most < counted:
        raise ValueError(f"variants.{name} is to count {counted} of at most {most} runs; count 1 or more, of as many")
    _check_most(f"variants.{name}", most)
    for key, value in row.paper.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e100:
            raise ValueError(f"variants.{name}.paper.{key} takes a number; got {shown(value)}")
    check_paper_runs(f"variants.{name}", row.paper)
    return Variant(
        name=name,
        label=row.label or name,
        changes=changes,
        draw={
            key: check_range(f"variants.{name}.draw.{key}" if key in drawn_here else f"draw.{key}", ends)
            for key, ends in ranges.items()
        },
        counted=counted,
        most=most,
        first_seed=row.seed if "seed" in table else file.seed,
        paper=row.paper,
        recipes=tuple(row.recipes),
    )


_FAMILIES = ("atari", "gym")  # recipes "atari/NAME" and "gym/ID"


def _check_recipes(kind: Kind, key: str, recipes: Iterable[Any]) -> None:
    for recipe in recipes:
        if not isinstance(recipe, str):
            raise ValueError(f"{key} takes names of recipes, and {shown(recipe)} is none")
        if recipe not in _FAMILIES:
            kind.config(recipe, 0)


def _check_paper(measure: str, variant: Variant) -> None:
    from golfast.ablate.tables import FIGURES

    known = ["runs", *(key for _, key, _, _ in FIGURES[measure])]
    for key in variant.paper:
        if key not in known:
            raise ValueError(unknown_key(f"variants.{variant.name}.paper.{key}", known))


def _check_most(where: str, most: int) -> None:
    if most > MOST_RUNS:
        raise ValueError(
            f"{where} is to try up to {shown(most)} runs; a row has at most {MOST_RUNS:,}: give less as counted or most"
        )


def check_paper_runs(where: str, paper: Mapping[str, float]) -> None:
    """ValueError unless the paper's number of runs, where it is told, is one."""
    if "runs" in paper and not 1 <= paper["runs"] <= 10_000:  # so many are drawn again and again
        raise ValueError(f"{where} has paper.runs = {shown(paper['runs'])}; it is from 1 to 10,000")


def _effect(table: Any, where: str) -> Effect:
    read = _table(_Effect, table, where)
    for key in ("of", "over"):
        names = getattr(read, key)
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{where}.{key} is a list of variants' names; got {shown(names)}")
    paper = None if math.isnan(read.paper) else read.paper
    return Effect(label=read.label, of=tuple(read.of), over=tuple(read.over), paper=paper)


def _table(kind: type[Config], table: Any, where: str) -> Config:
    if not isinstance(table, Mapping):
        raise ValueError(f"{where} is a table; got {shown(table)}")
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    known = [one.name for one in fields]
    for key in table:
        if key not in known:
            raise ValueError(f"{where}: {unknown_key(key, known)}")
    needed = [one.name for one in fields if one.default is dataclasses.MISSING]
    if missing := [key for key in needed if key not in table]:
        raise ValueError(f"{where} needs {missing[0]!r}")
    return from_mapping(kind, table, within=f"{where}.")


def _packaged() -> Any:
    return files("golfast.ablate") / "specs"
