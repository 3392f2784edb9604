"""Figures of sweeps beside the paper's, as text."""

import sys
from typing import TYPE_CHECKING

import click

from .printing import columns, echo, is_terminal

if TYPE_CHECKING:
    from golfast.ablate.tables import Entry

_NUMBERS = 51  # columns beside a name


def show_entries(found: "list[Entry]", *, as_json: bool) -> None:
    """Print figures beside the paper's."""
    import json

    from golfast.ablate.tables import NO_FIGURE
    from golfast.report import words

    if as_json:
        click.echo(json.dumps([entry.as_dict() for entry in found], indent=2))
        return
    compared = {(entry.table, entry.recipe) for entry in found if entry.paper is not None}
    table = None
    wide = max((len(words.name(entry)) for entry in found), default=0)
    narrow = is_terminal(sys.stdout) and columns() < wide + _NUMBERS
    if narrow:  # numbers stand below names
        wide = 4
    for entry in found:
        beside = (entry.table, entry.recipe) in compared
        if (entry.table, entry.recipe) != table:
            table = (entry.table, entry.recipe)
            click.echo(f"\n{entry.table}, recipe {entry.recipe}")
            heading = f"  {'':<{wide}} {'counted':>10} {'ours':>8}  {'95% interval':<18} {'paper' if beside else '':>7}"
            click.echo(heading.rstrip())
        name, mean, interval = words.name(entry), words.ours(entry), words.interval(entry)
        theirs = words.paper(entry) if beside else ""
        if narrow:
            echo(name, indent="  ")
            name = ""
        line = f"  {name:<{wide}} {entry.counted:>3} of {entry.tried:>3} {mean:>8}  {interval:<18} {theirs:>7}"
        click.echo(line.rstrip())
        verdict = entry.verdict if beside else entry.verdict.removeprefix(NO_FIGURE).strip()
        if verdict:
            echo(verdict, indent="      ")
