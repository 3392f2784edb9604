"""`golfast` itself: finds commands, and turns exceptions into one sentence and an exit code."""

import importlib
import os
from typing import Any

import click

from golfast import __version__

from . import interrupt
from .options import Group
from .paths import as_given

# Name of a command: the file it is in, and what `golfast --help` says of it. The file is read only when the command is
# used, so that help is instant.
_COMMANDS = {
    "demo": ("demo", "See what a network imagines: data, training, pictures, in about a minute."),
    "data": ("data", "Make, describe and check datasets of trajectories."),
    "train": ("train", "Train a network to predict a later state from the first."),
    "evaluate": ("evaluate", "Measure how many hidden states of a run are true intermediate states."),
    "imagine": ("imagine", "Draw what a run's network imagines."),
    "paper": ("paper", "Run the paper's experiments, and set ours beside theirs."),
    "ablate": ("ablate", "Run a sweep: variants and seeds, on all cores or a cluster."),
    "results": ("results", "Query the results of sweeps: table, CSV, Parquet, JSON."),
    "report": ("report", "One HTML file of what sweeps found, beside the paper."),
    "features": ("features", "Draw what the units of a run's network look for."),
    "rl": ("rl", "Train agents to play, judge them by whole games, and watch them."),
    "simulate": ("simulate", "Run a soup or a pattern, to a picture, a pattern file or numbers."),
    "census": ("census", "When do soups settle, and into what?"),
    "bench": ("bench", "Measure this machine, beside the peers."),
}


class Told(click.ClickException):
    """What went wrong, in one sentence."""

    def __init__(self, message: str, exit_code: int) -> None:
        from golfast.errors import printable

        super().__init__(printable(" ".join(message.split())))
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: object = None) -> None:
        """Print it on stderr."""
        click.echo(f"golfast: {self.message}", err=True)


def _lost_folder() -> str:
    """What to say, where an error names no file, of a working folder that was removed."""
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd is the same call
        return ""
    except OSError:
        return " (the folder that golfast was started in is no longer there; go to another)"


def _library(error: ImportError) -> str:
    """The name of the library that was being loaded: the first that is not ours on the way to the error."""
    place = error.__traceback__
    while place is not None:
        name = str(place.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if name not in ("golfast", "golfast_cli", "click", "importlib", "runpy", "__main__"):
            return name
        place = place.tb_next
    return str(error.name or "a library").partition(".")[0]


class Root(Group):
    """The group of all commands."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """As a program that takes its words from its own command line: a Ctrl-C is heeded to the last moment."""
        if not args and options.keys() <= {"prog_name"}:
            interrupt.heed()
        try:
            return super().__call__(*args, **options)
        except MemoryError:  # none is left even for the sentence that says so
            os.write(2, b"golfast: not enough memory\n")
            os._exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load one command."""
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f".{_COMMANDS[name][0]}", __package__)
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; words that make no sense end in exit code 2, failures in 1, a Ctrl-C in 130."""
        if os.environ.get("GOLFAST_DEBUG"):
            with interrupt.raised():
                return super().invoke(ctx)
        from golfast.errors import Failure

        try:
            with interrupt.raised():
                return super().invoke(ctx)
        except ValueError as error:
            raise Told(as_given(str(error), ctx), 2) from error
        except Failure as error:
            raise Told(as_given(str(error), ctx), 1) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f" ({error.filename})" if error.filename else _lost_folder()
            raise Told(as_given(f"{error.strerror or error}{where}", ctx), 1) from error
        except MemoryError as error:
            raise Told(f"not enough memory{f': {error}' if str(error) else ''}; ask for less at once", 1) from error
        except ImportError as error:  # a library that does not fit into memory, or is not whole
            words = " ".join(str(error).split())[:200]
            advice = "see that there is memory for it, or install it again"
            raise Told(f"{_library(error)} cannot be loaded: {words}; {advice}", 1) from error
        except RuntimeError as error:  # torch's own kinds of it; loading torch to name them would take a second
            if type(error).__name__ != "OutOfMemoryError" and "can't allocate memory" not in str(error):
                raise
            wanted = "a smaller batch or network, or fewer units or examples at a time"
            raise Told(f"not enough memory; ask for {wanted}", 1) from error
        except KeyboardInterrupt as error:
            raise Told(
                "interrupted; what was finished is kept, and --resume goes on where there is one", interrupt.CODE
            ) from error


@click.group(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Shell completion, for bash (zsh and fish alike): eval "$(_GOLFAST_COMPLETE=bash_source golfast)". '
    "GOLFAST_DEBUG=1 shows the traceback of an error; GOLFAST_THREADS=N limits the simulation's threads.",
)
@click.version_option(__version__, "-V", "--version", message="golfast %(version)s")
def golfast() -> None:
    """See what neural networks imagine.

    golfast simulates Conway's Game of Life, trains small recurrent networks to predict a later state from the first,
    decodes their hidden states into pictures, and measures how many of those are true states in between.

    \b
    golfast demo                       all of it, in about a minute
    golfast COMMAND --help             options and examples
    """
