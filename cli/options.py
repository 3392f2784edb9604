"""What several commands share: options, and how results are printed."""

import json
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

_NARROW = 24  # columns that a value has at the least
_Function = TypeVar("_Function", bound=Callable[..., Any])


class Group(click.Group):
    """A group that names the nearest command for one that it does not have."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first word. UsageError, with the nearest name, if there is none."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            from golfast.errors import meant

            ctx.fail(f"there is no command {name!r}; {meant(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


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


def refuse_beside(flag: str, context: click.Context, meant: set[str]) -> None:
    """ValueError for words given beside a flag such as --show, by which nothing is run, that mean nothing there."""
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and name not in meant and parameter.opts[0] != flag:
            word = parameter.human_readable_name if isinstance(parameter, click.Argument) else parameter.opts[0]
            raise ValueError(f"{flag} runs nothing, so {word} has no meaning with it; leave one of them out")


def next_steps(*lines: str, quiet: bool) -> None:
    """Say on stderr what to do next; nothing if `quiet`, or if nobody is there to read it."""
    if not quiet:
        click.echo("\nNext:", err=True)
        for line in lines:
            click.echo(f"  {line}", err=True)


def show_plan(result: dict[str, Any], heading: str, toml: str, *, as_json: bool) -> None:
    """Print what a dry run would do: as JSON, or as a TOML file under a heading."""
    click.echo(json.dumps(result, indent=2) if as_json else f"# {heading}\n{toml}", nl=as_json)


def show(result: dict[str, Any], rows: list[tuple[str, str]], *, as_json: bool) -> None:
    """Print a result on stdout: as JSON, or as two columns, on a terminal as wide as that."""
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(len(name) for name, _ in rows)
    room = max(_NARROW, columns() - width - 2) if sys.stdout.isatty() else None
    for name, value in rows:
        lines = [value] if room is None else wrapped(value, room)
        for line in lines:
            click.echo(f"{name:<{width}}  {line}".rstrip())
            name = ""


def echo(text: str, *, indent: str = "", err: bool = False) -> None:
    """Print a text, on a terminal in lines that break between words; all but the first are indented further."""
    stream = sys.stderr if err else sys.stdout
    lines = [text]
    if stream.isatty():
        lines = wrapped(text, max(_NARROW, columns() - len(indent) - 2))
    for number, line in enumerate(lines):
        click.echo(f"{indent}{'  ' if number else ''}{line}", err=err)


def columns() -> int:
    """How wide the terminal is."""
    return shutil.get_terminal_size().columns


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of so many columns, broken between words; a longer word, as a path, has a line of its own."""
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
