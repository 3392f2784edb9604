"""What several commands share: options, and how results are printed."""

import errno
import json
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

_NARROW = 24  # columns that a value has at the least
_Function = TypeVar("_Function", bound=Callable[..., Any])

STDIN, STDOUT = "golfast.stdin", "golfast.stdout"  # who has them, in a command's meta
_COPY = "golfast.copy"  # of standard input, in a command's meta
_READ, _WRITTEN = "golfast.read", "golfast.written"  # the files that are, in a command's meta
_STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


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


class Named(click.Path):
    """A path that cannot be `-`: of a folder, or of a file that is read and written in place."""

    def __init__(self, what: str, **options: Any) -> None:
        super().__init__(path_type=Path, readable=False, **options)  # what may not be read is told by who reads it
        self._what = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """As click's. ValueError for `-`."""
        if os.fspath(value) == "-":
            raise ValueError(f"{_name(param)} is {self._what}, which - (a stream) cannot be; ./- is one of that name")
        path: Path = super().convert(value, param, ctx)  # type: ignore[assignment]
        return path


class Input(click.Path):
    """A file to read; `-` is standard input, of which a copy is read, with an ending if one is needed."""

    def __init__(self, ending: str = "", **options: Any) -> None:
        super().__init__(path_type=Path, readable=False, **options)  # the same
        self._ending = ending

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """As click's, and the name of a copy for `-`. ValueError if standard input is asked for twice."""
        if ctx and os.fspath(value) in _STANDARD_INPUT:
            return standard_input(_name(param), ctx, self._ending)
        path: Path = super().convert(value, param, ctx)  # type: ignore[assignment]
        keep_whole(path, ctx)
        return path


class Output(click.Path):
    """A file to write a result to with `result_file`; `-` is standard output.

    in_place: whether it may be a file that the command reads, too.
    """

    def __init__(self, *, in_place: bool = False, **options: Any) -> None:
        self._in_place = in_place
        super().__init__(path_type=Path, allow_dash=True, readable=False, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """As click's. ValueError if several results are for standard output, or for what is no place for one."""
        from golfast.run.files import followed, is_stream

        if not os.fspath(value):
            raise ValueError(f"{_name(param)} is an empty word; give a file, or - for standard output")
        value = "-" if os.fspath(value) in _STANDARD_OUTPUT else value
        path: Path = super().convert(value, param, ctx)  # type: ignore[assignment]
        is_stream(followed(path))
        if ctx and str(path) == "-":
            _take(ctx, STDOUT, _name(param))
        elif ctx and not self._in_place:
            _write_once(path, ctx, _name(param))
        return path


FILE = Input(dir_okay=False)
SPEC = Input(".toml", dir_okay=False)
DATASET = Input()  # a file, a manifest, or the folder with one
OUT = Output(dir_okay=False)
NEW_DATASET = Output(in_place=True)  # a file, or a folder for shards
FOLDER = Named("a folder", file_okay=False)
IN_PLACE = Named("a file that is read and written in place", dir_okay=False)


def standard_input(who: str, ctx: click.Context, ending: str = "") -> Path:
    """A copy of standard input, as long as the command runs. ValueError if it is asked for twice."""
    _take(ctx, STDIN, who)
    path = (
        Path(ctx.find_root().with_resource(tempfile.TemporaryDirectory(prefix="golfast-"))) / f"standard-input{ending}"
    )
    ctx.meta[_COPY] = path
    if not ctx.resilient_parsing:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "standard input is closed")
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
    return path


def as_given(message: str, ctx: click.Context) -> str:
    """A message in which standard input is called so, and not by the name of its copy."""
    copy = ctx.meta.get(_COPY)
    return message if copy is None else message.replace(str(copy), "standard input")


def pattern_source(pattern: str) -> str:
    """A pattern's name or file as the command line has it, or for `-` the name of a copy of standard input."""
    context = click.get_current_context()
    if pattern == "-":
        return str(standard_input("PATTERN", context))
    keep_whole(Path(pattern), context)
    return pattern


def keep_whole(path: Path, ctx: click.Context | None) -> None:
    """Note that a file is read. ValueError if a result is to be written there."""
    if ctx and path.is_file():
        ctx.meta.setdefault(_READ, []).append(path)
        _refuse_both(ctx)


def _write_once(path: Path, ctx: click.Context, who: str) -> None:
    from golfast.run.files import followed, is_stream

    if is_stream(followed(path)):
        return
    written = ctx.meta.setdefault(_WRITTEN, {})
    for other, there in written.items():
        if other != who and _is_same(path, there):
            raise ValueError(f"{other} and {who} are one file, {path}; give them two")
    written[who] = path
    _refuse_both(ctx)


def _refuse_both(ctx: click.Context) -> None:
    for who, path in ctx.meta.get(_WRITTEN, {}).items():
        if any(_is_same(path, read) for read in ctx.meta.get(_READ, [])):
            raise ValueError(f"{who} {path} is a file that is read here, and would be lost; give another")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def is_taken(stream: str) -> bool:
    """Whether an option of this command has STDIN or STDOUT for itself."""
    return stream in click.get_current_context().meta


def check_ending(out: Path | None, ending: str) -> None:
    """ValueError for a file of another ending; a stream needs none."""
    from golfast.run.files import followed, is_stream

    if out is not None and out.suffix.lower() != ending and not is_stream(followed(out)):
        raise ValueError(f"--out {out} has an unknown ending; allowed is: {ending}")


def tell_written(path: Path) -> None:
    """Print where a result was written, unless stdout is the result."""
    if not is_taken(STDOUT):
        click.echo(path)


def _take(ctx: click.Context, stream: str, who: str) -> None:
    other = ctx.meta.setdefault(stream, who)
    if other != who:
        way = "from standard input" if stream == STDIN else "to standard output"
        raise ValueError(f"{other} and {who} both go {way}; give one of them a file")


def _name(param: click.Parameter | None) -> str:
    if param is None:
        return "it"
    return param.human_readable_name if isinstance(param, click.Argument) else param.opts[0]


def _json_asked(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value:
        _take(ctx, STDOUT, "--json")
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
