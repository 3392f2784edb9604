"""What several commands share: options, and how results are printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
DATASET = click.Path(path_type=Path)  # a file, a manifest, or the folder with one

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to compute."
)


def examples(*lines: str) -> str:
    """Examples for the end of a help text, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def show_plan(result: dict[str, Any], heading: str, toml: str, *, as_json: bool) -> None:
    """Print what a dry run would do: as JSON, or as a TOML file under a heading."""
    click.echo(json.dumps(result, indent=2) if as_json else f"# {heading}\n{toml}", nl=as_json)


def show(result: dict[str, Any], rows: list[tuple[str, str]], *, as_json: bool) -> None:
    """Print a result on stdout: as JSON, or as two columns."""
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")
