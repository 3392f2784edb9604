"""`golfast ablate`: a sweep."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from golfast.errors import Failure

from .options import device_option, examples, json_option, no_lock_option, quiet_option
from .paths import FOLDER, IN_PLACE, standard_input
from .printing import echo, next_steps

if TYPE_CHECKING:
    from golfast.ablate.board import Board
    from golfast.ablate.jobs import State
    from golfast.ablate.kinds import Kind
    from golfast.ablate.past import PastRun
    from golfast.ablate.plan import Plan, Row, RowKey
    from golfast.ablate.spec import Spec
    from golfast.ablate.store import Store
    from golfast.ablate.tables import Entry

RESULTS = Path("runs") / "results.sqlite"
KEPT = Path("results") / "paper.sqlite"  # the runs that came with golfast's repository


def sweep_options(command: Any) -> Any:
    """The options of every command that runs trials."""
    for option in reversed(
        [
            click.option(
                "--recipe",
                "recipes",
                multiple=True,
                help="How to train, or what agents play; may be repeated.  [default: the spec's; or fast, cartpole]",
            ),
            click.option("--counted", type=click.IntRange(1), help="Runs that must count, instead of the spec's."),
            click.option("--most", type=click.IntRange(1), help="Runs tried at most per variant."),
            click.option("--results", type=IN_PLACE, default=RESULTS, show_default=True, help="The results file."),
            click.option("--folder", type=FOLDER, default=Path("runs"), show_default=True, help="Where trials work."),
            click.option("--executor", type=click.Choice(["local", "ray"]), default="local", show_default=True),
            click.option("--workers", type=click.IntRange(1), help="Trials at a time.  [default: the cores there are]"),
            click.option(
                "--together",
                type=click.IntRange(1),
                help="Trials of one shape trained as one, by executor local.  [default: 64 on a GPU, 1 on a CPU]",
            ),
            click.option("--address", help="The Ray cluster's address.  [default: RAY_ADDRESS, or one started here]"),
            click.option("--retry-failed", is_flag=True, help="Try again what an earlier sweep recorded as failed."),
            click.option("--dry-run", is_flag=True, help="Print the trials and an estimate of time, and run nothing."),
            click.option("--measure", is_flag=True, help="With --dry-run: time a few steps of each kind of trial."),
            no_lock_option,
            device_option,
            json_option,
            quiet_option,
        ]
    ):
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "golfast ablate table2                            a sweep of the paper; give it again to go on after a kill",
        "golfast ablate table2 --dry-run                  what it would run, and how long that would take",
        "golfast ablate my.toml --workers 8 --results my.sqlite",
        "golfast ablate my.toml --device cuda --together 128   networks of one shape trained as one",
        "golfast ablate table1 --executor ray --address auto --folder /shared/runs",
        "golfast ablate agents --recipe cartpole --recipe brick    A2C, PPO and their parts, on two games",
    )
)
@click.argument("spec")
@sweep_options
def ablate(spec: str, **options: Any) -> None:
    """Run the sweep SPEC: a TOML file (- is stdin), or the name of one that comes with golfast.

    Trials that the results file has are not run again, whichever executor, sweep or machine they came from. A row's
    trials are decided by its seeds alone, never by what ends first.
    """
    from golfast.ablate.spec import load_spec

    if spec == "-":
        spec = str(standard_input("SPEC", click.get_current_context(), ".toml"))
    run_sweep([load_spec(spec)], **options)


def run_sweep(
    specs: "list[Spec]",
    *,
    recipes: tuple[str, ...],
    counted: int | None = None,
    results: Path,
    folder: Path,
    executor: str,
    workers: int | None,
    device: str,
    as_json: bool,
    quiet: bool,
    most: int | None = None,
    together: int | None = None,
    address: str | None = None,
    retry_failed: bool = False,
    dry_run: bool = False,
    measure: bool = False,
    show: bool = True,
    kind: "Kind | None" = None,
) -> "list[Row]":
    """Run sweeps of one kind as one plan and `show` how many runs there are, or print what would be run.

    Returns the rows. Who does not `show` them is to call `tell_failed` when all is printed.
    """
    from golfast.ablate.board import Board
    from golfast.ablate.elsewhere import Elsewhere
    from golfast.ablate.kinds import kind_of
    from golfast.ablate.plan import Plan, Row
    from golfast.ablate.store import Store
    from golfast.ablate.sweep import sweep
    from golfast.run.locks import check_lockable

    kind = kind or kind_of(specs[0].kind)
    recipes = tuple(dict.fromkeys(recipes)) or specs[0].recipes or kind.recipes[:1]
    for recipe in recipes:
        kind.config(recipe, 0)  # an unknown name is told before anything else
    if executor != "ray" and address is not None:
        raise ValueError("--address is the address of a Ray cluster; give --executor ray with it")
    if measure and not dry_run:
        raise ValueError("--measure is how --dry-run estimates; give both, or leave it out")
    together = _together(together, executor, device, specs[0].kind)
    rows = [
        Row(spec.limited(counted=counted, most=most), recipe, variant, device, stacked=together > 1)
        for recipe in recipes
        for spec in specs
        for variant in spec.limited(counted=counted, most=most).variants
        if variant.suits(recipe)
    ]
    if not rows:
        raise ValueError(f"no variant of {specs[0].name} is for the recipe {', '.join(recipes)}; give another --recipe")
    for row in rows:
        row.variant.check(kind, row.recipe)
        first = row.trial(0).config  # what its recipe cannot be combined with is told before anything is run
        if executor == "local":
            kind.check(row.dearest if row.draw else first, device)
    _tell_doubts(kind, rows)
    if dry_run:
        known = _Known.of(results, folder, retry_failed=retry_failed)
        _show_plan(kind, rows, known, device, executor, workers, measure=measure, as_json=as_json, quiet=quiet)
        return rows
    if executor == "local" or folder.exists():
        check_lockable(folder)
    with Store.writing(results) as store, Board(quiet=quiet) as board:
        plan = Plan(rows, store.states(failed=not retry_failed), Elsewhere(store.configs()))
        with _executor(executor, kind.work(folder.resolve(), device), workers, together, address) as chosen:
            sweep(plan, chosen, store, watcher=board, name=executor)
            board.say(board.summary(plan, chosen))
        _find_strips(plan, store, folder, device, board)
    if show:
        show_rows(rows, plan.states, results, as_json=as_json)
        tell_failed(rows, results)
        next_steps(f"golfast report {results}", f"golfast results {results}", quiet=quiet or as_json)
    return rows


def tell_failed(rows: "list[Row]", results: Path) -> None:
    """Failure if a trial of these rows ended without figures."""
    if failed := sum(row.failed for row in rows):
        runs = "1 trial has" if failed == 1 else f"{failed} trials have"
        raise Failure(
            f"{runs} failed; `golfast results {results} --where state=failed --columns trial,reason` says why, and "
            "with --retry-failed they are run again"
        )


def _tell_doubts(kind: "Kind", rows: "list[Row]") -> None:
    """Say on stderr what should be known of a row before it runs."""
    told: dict[str, list[str]] = {}
    for row in rows:
        if doubt := kind.doubts(row.trial(0).config):
            told.setdefault(doubt, []).append("/".join(row.key))
    for doubt, names in told.items():
        more = f" and {len(names) - 3} more rows" if len(names) > 3 else ""
        echo(f"note: {', '.join(names[:3])}{more}: {doubt}", err=True)


def show_rows(rows: "list[Row]", states: Any, results: Path, *, as_json: bool) -> None:
    """Print how many runs of each row there are, and what they gave."""
    import json

    from golfast.ablate.jobs import State
    from golfast.ablate.store import Store
    from golfast.ablate.tables import all_entries

    from .tables import show_entries

    asked = {row.key for row in rows}
    with Store.reading(results) as store:
        specs = list(dict.fromkeys(row.spec.name for row in rows))
        entries = all_entries(store, specs)
    ours = [entry for entry in entries if _is_of(entry, asked)]

    found = [
        {
            "spec": row.key[0],
            "recipe": row.key[1],
            "variant": row.key[2],
            "tried": len(row.trials),
            "counted": row.count(states, State.COUNTED),
            "short": row.count(states, State.UNCOUNTED),
            "failed": row.count(states, State.FAILED),
            "wanted": row.variant.counted,
            "figures": [entry.as_dict() for entry in ours if (entry.table, entry.recipe, entry.variant) == row.key],
        }
        for row in rows
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for line in found:
        echo(
            f"{line['spec']}/{line['recipe']}/{line['variant']}: {line['counted']} of {line['wanted']} counted, "
            f"{line['tried']} tried, {line['short']} short of their accuracy, {line['failed']} failed"
        )
    show_entries(ours, as_json=False)


def _is_of(entry: "Entry", asked: "set[RowKey]") -> bool:
    """Whether a figure is one of these rows, or compares rows of their sweep and recipes."""
    from golfast.report.words import is_effect

    if not is_effect(entry):
        return (entry.table, entry.recipe, entry.variant) in asked
    return set(entry.recipe.split(" - ")) <= {recipe for spec, recipe, _ in asked if spec == entry.table}


def _find_strips(plan: "Plan", store: "Store", folder: Path, device: str, board: "Board") -> None:
    specs = {(row.recipe, row.spec.name): row.spec for row in plan.rows}
    for (recipe, _), spec in specs.items():
        there = {label for kind, label, _ in store.strips(spec.name) if kind == recipe}
        for place, strip in enumerate(spec.strips):
            if strip.label in there:
                continue
            from golfast.ablate.find import find_strip

            row = next(row for row in plan.rows if row.key == (spec.name, recipe, strip.variant))
            if picture := find_strip(strip, row, plan.states, folder, device):
                store.save_strip(spec.name, recipe, strip.label, place, picture)
            else:
                board.say(f"no sequence found for {strip.label!r} of {spec.name} (recipe {recipe})")


def _together(asked: int | None, executor: str, device: str, kind: str) -> int:
    from golfast.ablate.together import TOGETHER
    from golfast.run.precision import foresee

    if kind != "networks":
        if asked is not None and asked > 1:
            raise ValueError(f"--together {asked} is for sweeps of networks; {kind} are trained one by one")
        return 1
    if executor != "local":
        if asked is not None and asked > 1:
            raise ValueError(f"--together {asked} is for executor 'local'; executor {executor!r} trains one by one")
        return 1
    return asked or (TOGETHER if foresee(device)[0] == "cuda" else 1)


def _executor(name: str, work: Any, workers: int | None, together: int, address: str | None) -> Any:
    from golfast.ablate.local import LocalExecutor
    from golfast.ablate.together import TogetherExecutor

    if name == "ray":
        from golfast.ablate.cluster import RayExecutor

        return RayExecutor(work, workers, address=address)
    return TogetherExecutor(work, together, workers) if together > 1 else LocalExecutor(work, workers)


@dataclass(frozen=True)
class _Known:
    """What earlier sweeps and runs left."""

    states: "dict[str, State]"
    configs: list[Any]
    past: "list[PastRun]"

    @classmethod
    def of(cls, results: Path, folder: Path, *, retry_failed: bool) -> "_Known":
        """From the results file, the one that came with golfast, and the run folders."""
        from golfast.ablate.past import past_runs
        from golfast.ablate.store import Store

        states: dict[str, State] = {}
        configs: list[Any] = []
        if results.exists():
            with Store.reading(results) as store:
                states, configs = store.states(failed=not retry_failed), store.configs()
        files = dict.fromkeys(path for path in (results, KEPT) if path.exists())
        return cls(states, configs, past_runs(files, folder))


def _show_plan(
    kind: "Kind",
    rows: "list[Row]",
    known: _Known,
    device: str,
    executor: str,
    workers: int | None,
    *,
    measure: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    import json

    from golfast.ablate.elsewhere import Elsewhere
    from golfast.ablate.estimate import guessed, measured
    from golfast.ablate.plan import Plan
    from golfast.ablate.spec import words
    from golfast.run.progress import Display
    from golfast.threads import thread_count

    plan = Plan(rows, known.states, Elsewhere(known.configs))
    trials = plan.dry()
    guesses = guessed(kind, trials, device, known.past)
    if measure:
        with Display(quiet=quiet) as display:
            guesses = measured(kind, rows, trials, device, guesses, display=display)
    at_once = workers or thread_count()
    most = sum(guess.at_most for guess in guesses.values()) / at_once
    expected = sum(guess.at_most if guess.expected is None else guess.expected for guess in guesses.values()) / at_once
    unknown = sum(guess.expected is None for guess in guesses.values())
    if measure:
        source = "a short measurement of each kind"
    elif all(guess.measured for guess in guesses.values()):
        source = "the speed of earlier runs on such a CPU"
    else:
        source = "counts and the speed that is usual elsewhere; --measure times a few steps of each kind here"
    if as_json:
        listed = [
            {
                "trial": trial.name,
                "seed": trial.config.seed,
                "at_most_seconds": _digits(guesses[trial.name].at_most),
                "expected_seconds": _digits(guesses[trial.name].expected),
                "rows": ["/".join(row.key) for row in rows if trial in row.trials],
            }
            for trial in trials
        ]
        told = {
            "trials": listed,
            "finished_before": len({trial.name for row in rows for trial in row.trials} & known.states.keys()),
            "workers": at_once,
            "at_most_seconds": round(most),
            "expected_seconds": None if unknown else round(expected),
            "estimated_from": source,
        }
        click.echo(json.dumps(told, indent=2))
        return
    for row in rows:
        ours = [guesses[trial.name] for trial in row.trials if trial.name not in known.states]
        first, last = row.variant.first_seed, row.variant.first_seed + len(row.trials) - 1
        echo(f"{'/'.join(row.key)}: {len(row.trials)} trials, seeds {first} to {last}")
        echo(words(row.variant.changes, row.draw), indent="    ")
        echo(f"{len(ours)} to run{_each(ours)}", indent="    ")
    if not trials:
        echo("nothing is left to run")
        return
    echo(f"{len(trials):,} distinct trials to run on {at_once} workers ({executor}), if every one counts")
    if unknown < len(trials):
        part = f"; {unknown} of them have no earlier run like them, and stand with the most" if unknown else ""
        echo(f"they take about {_time(expected)}, and at most {_time(most)}{part}")
    else:
        echo(f"they take at most {_time(most)}; no earlier run tells how early they end")
    echo(f"estimated from {source}")


def _each(guesses: "list[Any]") -> str:
    """What each of a row's trials takes, in words."""
    if not guesses:
        return ""
    most = sum(guess.at_most for guess in guesses) / len(guesses)
    known = [guess.expected for guess in guesses if guess.expected is not None]
    if len(known) < len(guesses):
        return f", each takes at most {_time(most)}"
    expected = sum(known) / len(known)
    like = max(guess.like for guess in guesses)
    as_before = f" (as {like:,} {'run' if like == 1 else 'runs'} before)" if like else ""
    return f", each takes about {_time(expected)}{as_before}" + (f", at most {_time(most)}" if most > expected else "")


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _digits(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{seconds:.3g}")
