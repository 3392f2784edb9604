"""`golfast paper`: the paper's experiments, ours beside theirs."""

from pathlib import Path
from typing import Any

import click

from .ablate import KEPT, RESULTS, run_sweep, sweep_options, tell_failed
from .options import examples, refuse_beside
from .printing import next_steps
from .tables import show_entries

QUICK = ("table1", "table2", "table3", "order")
QUICK_COUNTED = 2


@click.command(
    epilog=examples(
        "golfast paper --quick                    every table with two runs a row: minutes on two cores",
        "golfast paper                            the paper's numbers of runs; give it again to go on after a kill",
        "golfast paper --counted 100              at least so many that count in every row",
        "golfast paper --recipe fast --recipe adam",
        "golfast paper --show                     what the results file has, beside the paper",
        "golfast paper --show --json",
    )
)
@click.option("--quick", is_flag=True, help="Tables 1 to 3 and the learning order with two runs that count a row.")
@click.option(
    "--show",
    is_flag=True,
    help=f"Run nothing; print what the results file has, or {KEPT} if nothing has been run here.",
)
@sweep_options
@click.pass_context
def paper(context: click.Context, /, quick: bool, show: bool, as_json: bool, results: Path, **options: Any) -> None:
    """Run the experiments of arXiv 2405.06409 and print ours beside the paper's.

    Tables 1 to 3, learning order, the effects of channels and depth, and strips as in figures 2 to 5. Tables share
    their runs where they overlap; runs that the results file has are not run again.
    """
    from golfast.ablate.kinds import kind_of
    from golfast.ablate.spec import load_spec
    from golfast.ablate.store import Store
    from golfast.ablate.tables import PAPER_ORDER, all_entries

    rows: list[Any] = []
    recipes = options["recipes"]
    if show:
        refuse_beside("--show", context, {"recipes", "results", "as_json", "quiet"})
        for recipe in recipes:
            kind_of("networks").config(recipe, 0)
    else:
        if quick:
            options["counted"] = options["counted"] or QUICK_COUNTED
        specs = [load_spec(name) for name in (QUICK if quick else PAPER_ORDER)]
        rows = run_sweep(specs, results=results, as_json=as_json, show=False, **options)
        if options["dry_run"]:
            return
    if show and results == RESULTS and not results.exists() and KEPT.exists():
        click.echo(f"nothing has been run here yet: these are the runs of {KEPT}", err=True)
        results = KEPT
    with Store.reading(results) as store:
        found = [entry for entry in all_entries(store, PAPER_ORDER) if entry.table != "figures"]
    if show and recipes:
        found = [entry for entry in found if set(entry.recipe.split(" - ")) <= set(recipes)]
    if not found:
        of = f" by recipe {', '.join(recipes)}" if recipes else ""
        click.echo(f"{results} has no runs of the paper's experiments{of}; golfast paper runs them", err=True)
    show_entries(found, as_json=as_json)
    tell_failed(rows, results)
    if not show:
        next_steps(f"golfast report {results}", quiet=options["quiet"] or as_json)
