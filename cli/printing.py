"""How results are printed: as JSON, in columns, in lines that break between words."""

import json
import shutil
import sys
import textwrap
from typing import Any

import click

from .paths import STDOUT, is_taken

_NARROW = 24  # columns that a value has at the least


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
    """Print a result: as JSON, or as two columns, on a terminal as wide as that.

    On stdout, or on stderr if another result has that.
    """
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(len(name) for name, _ in rows)
    room = max(_NARROW, columns() - width - 2) if is_terminal(sys.stdout) else None
    for name, value in rows:
        lines = [value] if room is None else wrapped(value, room)
        for line in lines:
            click.echo(f"{name:<{width}}  {line}".rstrip(), err=is_taken(STDOUT))
            name = ""


def echo(text: str, *, indent: str = "", err: bool = False) -> None:
    """Print a text, on a terminal in lines that break between words; all but the first are indented further."""
    stream = sys.stderr if err else sys.stdout
    lines = [text]
    if is_terminal(stream):
        lines = wrapped(text, max(_NARROW, columns() - len(indent) - 2))
    for number, line in enumerate(lines):
        click.echo(f"{indent}{'  ' if number else ''}{line}", err=err)


def is_terminal(stream: Any) -> bool:
    """Whether there is a stream, and it is a terminal."""
    return stream is not None and stream.isatty()  # None: the caller closed it


def columns() -> int:
    """How wide the terminal is."""
    return shutil.get_terminal_size().columns


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of so many columns, broken between words; a longer word, as a path, has a line of its own."""
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
