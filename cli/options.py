"""What several commands share: options, and how results are printed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

_Function = TypeVar("_Function", bound=Callable[..., Any])

# What may not be read is told by who reads it, for that is no fault in the words.
FILE = click.Path(path_type=Path, dir_okay=False, readable=False)
FOLDER = click.Path(path_type=Path, file_okay=False, readable=False)
DATASET = click.Path(path_type=Path, readable=False)  # a file, a manifest, or the folder with one

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to compute."
)


def examples(*lines: str) -> str:
    """Examples for the end of a help text, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def refuse_beside(flag: str, context: click.Context, meant: set[str]) -> None:
    """ValueError for words given beside a flag such as --show, by which nothing is run, that mean nothing there."""
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and name not in meant and parameter.opts[0] != flag:
            word = parameter.human_readable_name if isinstance(parameter, click.Argument) else parameter.opts[0]
            raise ValueError(f"{flag} runs nothing, so {word} has no meaning with it; leave one of them out")


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
