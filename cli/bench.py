"""`golfast bench`."""

from pathlib import Path

import click

from .options import examples, json_option, quiet_option
from .paths import OUT


@click.command(
    epilog=examples(
        "golfast bench                              every suite, a few minutes",
        "golfast bench simulate metric              two of them",
        "golfast bench --json > machine.json",
    )
)
@click.argument("suites", nargs=-1)
@click.option("--save", type=OUT, help="Also write pytest-benchmark's own JSON here.")
@json_option
@quiet_option
def bench(suites: tuple[str, ...], save: Path | None, as_json: bool, quiet: bool) -> None:
    """Measure this machine: simulation, data, training and the metric, each beside what people use today.

    Each row is a rate, its ratio to the peer's measured in the same run, and the share of a measured limit of this
    machine. Every result is checked against the peer's before it counts.
    """
    try:
        import pytest  # noqa: F401
        import pytest_benchmark  # noqa: F401
    except ImportError as error:
        raise click.ClickException(f"{error.name} is missing: pip install 'golfast[bench]'") from None
    from golfast_bench.suite import run

    run(suites, save=save, as_json=as_json, quiet=quiet)
