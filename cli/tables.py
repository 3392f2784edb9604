"""Figures of sweeps beside the paper's, as text."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from golfast.ablate.tables import Entry


def show_entries(found: "list[Entry]", *, as_json: bool) -> None:
    """Print figures beside the paper's."""
    import json

    from golfast.report import words

    if as_json:
        click.echo(json.dumps([entry.as_dict() for entry in found], indent=2))
        return
    table = None
    wide = max((len(words.name(entry)) for entry in found), default=0)
    for entry in found:
        if (entry.table, entry.recipe) != table:
            table = (entry.table, entry.recipe)
            click.echo(f"\n{entry.table}, recipe {entry.recipe}")
            click.echo(f"  {'':<{wide}} {'counted':>10} {'ours':>8}  {'95% interval':<18} {'paper':>7}")
        name, mean, interval = words.name(entry), words.ours(entry), words.interval(entry)
        theirs = words.paper(entry)
        click.echo(f"  {name:<{wide}} {entry.counted:>3} of {entry.tried:>3} {mean:>8}  {interval:<18} {theirs:>7}")
        click.echo(f"  {'':<4}{entry.verdict}")
