"""Paths on a command line: files, folders, standard input and output, and what must not be one file."""

import errno
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

STDIN, STDOUT = "golfast.stdin", "golfast.stdout"  # who has them, in a command's meta
_COPY = "golfast.copy"  # of standard input, in a command's meta
_READ, _WRITTEN = "golfast.read", "golfast.written"  # the files that are, in a command's meta
_STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


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
            take(ctx, STDOUT, _name(param))
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
    take(ctx, STDIN, who)
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


def take(ctx: click.Context, stream: str, who: str) -> None:
    """Give STDIN or STDOUT to an option. ValueError if another one has it."""
    other = ctx.meta.setdefault(stream, who)
    if other != who:
        way = "from standard input" if stream == STDIN else "to standard output"
        raise ValueError(f"{other} and {who} both go {way}; give one of them a file")


def _name(param: click.Parameter | None) -> str:
    if param is None:
        return "it"
    return param.human_readable_name if isinstance(param, click.Argument) else param.opts[0]
