"""Options that several commands share, and groups of commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from .paths import STDOUT, take

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


def _json_asked(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value:
        take(ctx, STDOUT, "--json")
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_json_asked, help="Print the result as JSON on stdout."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")


def _promise(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    from golfast.run.locks import unlocked

    ctx.find_root().with_resource(unlocked(value))


no_lock_option = click.option(
    "--no-lock",
    is_flag=True,
    expose_value=False,
    callback=_promise,
    help="Where a file system has no locks go on without, for no other job writes there.",
)
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to compute."
)


def examples(*lines: str) -> str:
    """Examples for the end of a help text, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def check_resumed(resume: bool, begun: bool, path: Path) -> None:
    """ValueError if --resume was given and nothing was begun at `path`: a name is wrong, or it is too early."""
    if resume and not begun:
        raise ValueError(f"there is nothing to go on with at {path}; leave --resume out to begin there")


def refuse_beside(flag: str, context: click.Context, meant: set[str]) -> None:
    """ValueError for words given beside a flag such as --show, by which nothing is run, that mean nothing there."""
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and name not in meant and parameter.opts[0] != flag:
            word = parameter.human_readable_name if isinstance(parameter, click.Argument) else parameter.opts[0]
            raise ValueError(f"{flag} runs nothing, so {word} has no meaning with it; leave one of them out")
