"""The tables: what the runs of each row gave, beside what the paper has.

Everything here is made from the results file alone.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from golfast.ablate.jobs import State
from golfast.ablate.stats import FEWEST, Estimate, difference, estimate, expected_range, largest_gap
from golfast.ablate.store import Finished, Store
from golfast.errors import Failure, shown
from golfast.imagine.baselines import WORDS, recorded, stands_out

SMOOTH = "matthews"
READINGS = ("matched", "equation", "dataset", SMOOTH)
"""The three readings of the paper's metric, of which tables show the first, and the smooth metric beside them."""

PAPER_ORDER = ("table1", "table2", "table3", "order", "channels", "depth", "figures")
NO_FIGURE = "The paper has no such figure."
DIFFERENCE, COMPARISON = "difference of means", "difference of recipes"
"""Figures of entries that are no rows, but compare rows: what an effect is of, and what a row is under two recipes."""
ALIKE = 0.05
"""Share of shuffles below which two sets of runs are told apart."""
_FIRST = ("fast",)  # of the recipes; the others follow by their names
_ROUNDING = 0.005  # the paper has two digits

Figure = Callable[[dict[str, Any], str], float | None]
"""A run's result and a reading of the metric to a number; None where the run has none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A figure of a row: a number in a table."""

    table: str
    row: str
    variant: str
    recipe: str
    figure: str
    tried: int
    counted: int
    failed: int
    values: list[float]
    """One for each counted run that has this figure, in the order of seeds."""
    estimate: Estimate
    readings: dict[str, Estimate]
    """Of the metric's other readings; empty for figures that are not the metric."""
    paper: float | None
    paper_runs: int | None
    verdict: str
    """A plain sentence on whether it agrees with the paper."""

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {
            "table": self.table,
            "row": self.row,
            "variant": self.variant,
            "recipe": self.recipe,
            "figure": self.figure,
            "tried": self.tried,
            "counted": self.counted,
            "failed": self.failed,
            **_plain(self.estimate),
            "values": self.values,
            "readings": {reading: _plain(found) for reading, found in self.readings.items()},
            "paper": self.paper,
            "paper_runs": self.paper_runs,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table and its runs."""

    table: str
    recipe: str
    definition: dict[str, Any]
    runs: list[Finished]

    @property
    def counted(self) -> list[Finished]:
        """The runs that count."""
        return [run for run in self.runs if run.state is State.COUNTED]

    def values(self, figure: Figure, reading: str = READINGS[0]) -> list[float]:
        """A figure of all counted runs that have it."""
        found = (figure_of(run, figure, reading) for run in self.counted if run.result is not None)
        return [value for value in found if value is not None]


def figure_of(run: Finished, figure: Figure, reading: str) -> float | None:
    """A figure of a run's result. Failure if the result has not what it is made of."""
    try:
        return figure(run.result or {}, reading)
    except KeyError as error:
        raise Failure(f"the results file is damaged: the result of run {shown(run.name)} has no {error}") from None


def _read(figures: dict[str, Any] | None, reading: str) -> float | None:
    """A reading of a decoder's figures; None without such a decoder."""
    if figures is None:
        return None
    value: float | None = figures.get(SMOOTH) if reading == SMOOTH else figures["metric_variants"][reading]
    return value


def own(result: dict[str, Any], reading: str) -> float | None:
    """The metric with the decoder that the network was trained with."""
    return _read(result, reading)


def adversarial(result: dict[str, Any], reading: str) -> float | None:
    """The metric with the adversarial decoder; None for a run without one."""
    return _read(result.get("adversarial"), reading)


def probed(result: dict[str, Any], reading: str) -> float | None:
    """The metric with probes, decoders that were shown the states in between: what is there to be imagined at all."""
    return _read(result.get("probes"), reading)


def on_larger_boards(result: dict[str, Any], reading: str) -> float | None:
    """The metric of the network's own decoder on boards twice as high and wide as those it was trained on."""
    return _read(result.get("larger"), reading)


def better(result: dict[str, Any], reading: str) -> float | None:
    """The larger of the two, the value that tables 1 and 2 are the means of."""
    values = [value for value in (own(result, reading), adversarial(result, reading)) if value is not None]
    return max(values, default=None)


def lead(state: int, over: int | None = None) -> Figure:
    """Steps by which a state (counted from 1) came to 98% before another, or the last; None if one never did."""

    def figure(result: dict[str, Any], reading: str) -> float | None:
        learned = result["steps_to_98"]
        other = over or len(learned) + 1
        if not 2 <= state <= other <= len(learned) + 1 or None in (learned[state - 2], learned[other - 2]):
            return None
        return float(learned[other - 2] - learned[state - 2])

    return figure


def mean_score(how: str) -> Figure:
    """The mean score of whole games, played "greedy" or "sampled"."""

    def figure(result: dict[str, Any], reading: str) -> float | None:
        return float(result[how]["mean"])

    return figure


# Per measure: the figures of a row, each with its name, the name of the paper's value, and whether it is the metric.
FIGURES: Mapping[str, Sequence[tuple[str, str, Figure, bool]]] = {
    "metric": [("metric", "mean", better, True), ("upper bound by probes", "probes", probed, True)],
    "adversarial": [
        ("without adversarial decoder", "own", own, True),
        ("with adversarial decoder", "adversarial", adversarial, True),
        ("upper bound by probes", "probes", probed, True),
    ],
    "larger": [
        ("boards as in training", "own", own, True),
        ("boards twice as high and wide", "larger", on_larger_boards, True),
    ],
    "imagination": [("metric, own decoder", "own", own, True)],
    "order": [
        ("state 3: steps before the last", "state3", lead(3), False),
        ("state 2: steps before the last", "state2", lead(2), False),
        ("state 2: steps before state 3", "between", lead(2, 3), False),
    ],
    "score": [
        ("mean score, greedy", "greedy", mean_score("greedy"), False),
        ("mean score, sampled", "sampled", mean_score("sampled"), False),
    ],
}


def load_rows(store: Store, spec: str) -> list[Row]:
    """The rows of a spec with the runs that count towards them, or were tried for them."""
    found = []
    for recipe, definition, names in store.rows(spec):
        found.append(Row(spec, recipe, definition, store.trials(names)))
    return sorted(found, key=lambda row: (row.recipe not in _FIRST, row.recipe))


def entries(store: Store, spec: str, about: dict[str, Any]) -> list[Entry]:
    """The figures of all rows of a spec, then its effects. `about` is what the store knows of the spec."""
    rows = load_rows(store, spec)
    found = [
        _entry(row, name, figure, is_metric, row.definition["paper"].get(key))
        for row in rows
        for name, key, figure, is_metric in FIGURES[about["measure"]]
        if figure is not probed or row.values(probed)
    ]
    for recipe in dict.fromkeys(row.recipe for row in rows):
        ours = {row.definition["name"]: row for row in rows if row.recipe == recipe}
        figure = better if FIGURES[about["measure"]][0][3] else FIGURES[about["measure"]][0][2]
        found += [_effect(spec, recipe, effect, ours, figure) for effect in about["effects"]]
    return found + _recipes_compared(rows, FIGURES[about["measure"]])


def all_entries(store: Store, wanted: Sequence[str] = ()) -> list[Entry]:
    """The figures of all specs in the results file, or of those that are wanted; the paper's first and in its order."""
    specs = {name: about for name, about in store.specs().items() if not wanted or name in wanted}
    ordered = [name for name in PAPER_ORDER if name in specs] + [name for name in specs if name not in PAPER_ORDER]
    return [entry for name in ordered for entry in entries(store, name, specs[name])]


def verdict(values: list[float], paper: float | None, paper_runs: int | None) -> str:
    """Whether the paper's mean is one that as many other runs like ours might have had, in a plain sentence."""
    if paper is None:
        return NO_FIGURE
    if not values:
        return "No run of ours has this figure yet."
    mean = sum(values) / len(values)
    ours, theirs = f"{mean:.2f}", f"{paper:.2f}"
    between = expected_range(values, paper_runs or len(values))
    if between is None:
        runs = "run of ours is" if len(values) == 1 else "runs of ours are"
        return f"Ours is {ours}, the paper's {theirs}; {len(values)} {runs} too few to say whether they agree."
    low, high = between
    runs = f"{paper_runs} runs" if paper_runs else "as many runs"
    words = f"of means of {runs} like ours, 95% would lie between {low:.2f} and {high:.2f}"
    if low - _ROUNDING <= paper <= high + _ROUNDING:
        return f"Agrees: {words}, and the paper's is {theirs}."
    way = "above" if mean > paper else "below"
    return f"Differs: ours is {ours}, {abs(mean - paper):.2f} {way} the paper's {theirs}; {words}."


def order_verdict(values: list[float], paper: float | None) -> str:
    """Whether a state is learned before another in our runs as in the paper's, in a plain sentence.

    By how many steps depends on optimiser and learning rate, which are not the paper's: that is not compared.
    """
    if paper is None:
        return NO_FIGURE
    if not values:
        return "No run of ours has this figure yet."
    found, before = estimate(values), sum(value > 0 for value in values)
    words = f"{before} of our {len(values)} runs learn it first, by {found.mean:,.0f} steps on average"
    if len(values) < FEWEST or found.low is None or found.high is None:
        return f"{words}; so few are too few to say whether the order agrees."
    verb = "Agrees" if found.low > 0 else "Differs"
    return (
        f"{verb} in order: {words} (95% interval {found.low:,.0f} to {found.high:,.0f}). How many steps it takes is a "
        "matter of the recipe, and the paper's is another."
    )


def _entry(row: Row, name: str, figure: Figure, is_metric: bool, paper: float | None) -> Entry:
    values = row.values(figure)
    runs = row.definition["paper"].get("runs")
    return Entry(
        table=row.table,
        row=row.definition["label"],
        variant=row.definition["name"],
        recipe=row.recipe,
        figure=name,
        tried=len(row.runs),
        counted=len(row.counted),
        failed=sum(run.state is State.FAILED for run in row.runs),
        values=values,
        estimate=estimate(values),
        readings={reading: estimate(row.values(figure, reading)) for reading in READINGS} if is_metric else {},
        paper=paper,
        paper_runs=None if runs is None else int(runs),
        verdict=verdict(values, paper, None if runs is None else int(runs)) + _beside(row, figure, values)
        if is_metric
        else order_verdict(values, paper),
    )


def _beside(row: Row, figure: Figure, values: list[float]) -> str:
    """The baselines of a metric in a sentence, of the runs that have them; "" if none has."""
    known: dict[str, list[float]] = {}
    for run in row.counted:
        figures = (run.result or {}).get("larger") if figure is on_larger_boards else run.result
        for name, value in recorded(figures.get("baselines") if isinstance(figures, dict) else None).items():
            known.setdefault(name, []).append(value)
    if not known or not values:
        return ""
    means = {WORDS[name]: sum(each) / len(each) for name, each in known.items()}
    words = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    ending = "" if stands_out(sum(values) / len(values), means.values()) else "; it does not stand out from them"
    return f" Its baselines: {words}{ending}."


def _effect(spec: str, recipe: str, effect: dict[str, Any], rows: Mapping[str, Row], figure: Figure) -> Entry:
    def both(reading: str) -> tuple[list[float], list[float]]:
        sides = (effect["of"], effect["over"])
        of, over = ([v for name in side if name in rows for v in rows[name].values(figure, reading)] for side in sides)
        return of, over

    used = [rows[name] for name in (*effect["of"], *effect["over"]) if name in rows]
    values = both(READINGS[0])
    one_value = any(len(set(side)) == 1 for side in values)  # which does not say that all runs have it
    found = difference(*values, unseen=one_value)
    fewest = min((len(row.values(figure)) for row in used), default=0)
    paper = effect["paper"]
    words = "Too few runs to say."
    if found.low is not None and found.high is not None and fewest >= FEWEST:
        interval = f"{found.low:+.2f} to {found.high:+.2f}"
        if one_value:
            interval += ", allowing for one more run of any kind"
        if paper is None:
            words = f"Ours is {found.mean:+.2f}, 95% interval {interval}."
        else:
            inside = found.low - _ROUNDING <= paper <= found.high + _ROUNDING
            verb = "Agrees" if inside else "Differs"
            words = f"{verb}: ours is {found.mean:+.2f}, 95% interval {interval}; the paper's {paper:+.2f}."
    return Entry(
        table=spec,
        row=effect["label"],
        variant=f"{' '.join(effect['of'])} - {' '.join(effect['over'])}",
        recipe=recipe,
        figure=DIFFERENCE,
        tried=sum(len(row.runs) for row in used),
        counted=sum(len(row.counted) for row in used),
        failed=sum(run.state is State.FAILED for row in used for run in row.runs),
        values=[],
        estimate=found,
        readings={reading: difference(*both(reading)) for reading in READINGS},
        paper=paper,
        paper_runs=None,
        verdict=words,
    )


def _recipes_compared(rows: Sequence[Row], figures: Sequence[tuple[str, str, Figure, bool]]) -> list[Entry]:
    """Whether the first recipe's runs of a row are like those of each other recipe."""
    found = []
    for variant in dict.fromkeys(row.definition["name"] for row in rows):
        same = [row for row in rows if row.definition["name"] == variant and row.counted]
        for row, (name, _, figure, is_metric) in itertools.product(same[1:], figures):
            pair = same[0], row
            if not is_metric or figure is probed or not all(one.values(figure) for one in pair):
                continue
            ours, theirs = (one.values(figure) for one in pair)
            estimated = difference(ours, theirs)
            found.append(
                Entry(
                    table=row.table,
                    row=row.definition["label"] + ("" if name == "metric" else f", {name}"),
                    variant=variant,
                    recipe=f"{pair[0].recipe} - {row.recipe}",
                    figure=COMPARISON,
                    tried=sum(len(one.runs) for one in pair),
                    counted=len(ours) + len(theirs),
                    failed=sum(run.state is State.FAILED for one in pair for run in one.runs),
                    values=[],
                    estimate=estimated,
                    readings={
                        reading: difference(*(one.values(figure, reading) for one in pair)) for reading in READINGS
                    },
                    paper=None,
                    paper_runs=None,
                    verdict=alike(ours, theirs, estimated),
                )
            )
    return found


def alike(one: list[float], other: list[float], between: Estimate) -> str:
    """Whether two sets of runs can be told apart, in a plain sentence. between: the difference of their means."""
    if min(len(one), len(other)) < FEWEST or between.low is None or between.high is None:
        return f"{len(one)} and {len(other)} runs are too few to say whether they are alike."
    gap, share = largest_gap(one, other)
    words = (
        f"means differ by {between.mean:+.2f} ({between.low:+.2f} to {between.high:+.2f}); the largest gap between the "
        f"distributions is {gap:.2f}, and {share:.1%} of shuffles have one as large"
    )
    apart = share < ALIKE or not between.low <= 0 <= between.high
    return f"{'Not alike' if apart else 'Alike, as far as these runs tell'}: {words}."


def _plain(found: Estimate) -> dict[str, Any]:
    interval = None if found.low is None else [found.low, found.high]
    return {"mean": found.mean, "standard_error": found.error, "interval": interval}
