"""What a Ctrl-C does, from the first moment to the last.

Python raises KeyboardInterrupt wherever it happens to be. While a library is loaded or LLVM calls back that is no good:
it gets lost, becomes an ImportError or a RecursionError, aborts the process, or leaves a lock held for ever.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

CODE = 130  # what shells say of a program that a Ctrl-C ended
_AGAIN = 0.02  # seconds until it is seen whether a Ctrl-C need wait any longer
_waits = False  # whether one does


def heed() -> None:
    """From now on a Ctrl-C ends this process, with a sentence: nothing has begun yet, or all is done.

    Who started it may have chosen something else, as shells do for jobs in the background; that stays.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # only the main thread may say what signals do
            signal.signal(signal.SIGINT, _end)


@contextmanager
def heeded() -> Iterator[None]:
    """`heed` meanwhile; and for good in the program golfast, which is about to begin."""
    before = signal.getsignal(signal.SIGINT)
    heed()
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _end and not sys.argv[0].endswith("golfast"):
            signal.signal(signal.SIGINT, before)


@contextmanager
def raised() -> Iterator[None]:
    """Meanwhile a Ctrl-C is a KeyboardInterrupt, raised as soon as that is safe; another one ends those that wait.

    Of a process that does not `heed` nothing is changed: it is not ours.
    """
    if signal.getsignal(signal.SIGINT) is not _end:
        yield
        return
    tell = sys.unraisablehook

    def lost(what: "sys.UnraisableHookArgs") -> None:
        """Python cannot raise anything where it clears away an object; so a Ctrl-C waits there, too."""
        if issubclass(what.exc_type, KeyboardInterrupt):
            _wait()
        else:
            tell(what)

    sys.unraisablehook = lost
    signal.signal(signal.SIGALRM, _raise)
    signal.signal(signal.SIGINT, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _end)
        sys.unraisablehook = tell
        if _wait_no_longer():
            raise KeyboardInterrupt


def _end(number: int, frame: FrameType | None) -> None:
    show_cursor = b"\x1b[?25h" if os.isatty(2) else b""  # progress hides it
    os.write(2, show_cursor + b"golfast: interrupted\n")
    os._exit(CODE)


def _raise(number: int, frame: FrameType | None) -> None:
    waited = _wait_no_longer()
    if number == signal.SIGALRM and not waited:
        return  # an alarm from before the last Ctrl-C was raised
    if not _must_wait(frame):
        raise KeyboardInterrupt
    if waited and number == signal.SIGINT:
        _end(number, frame)
    _wait()


def _wait() -> None:
    global _waits
    _waits = True
    # Again and again, since a signal that comes just before a call that blocks is seen after it.
    signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)


def _wait_no_longer() -> bool:
    """Whether a Ctrl-C has waited until now."""
    global _waits
    waited, _waits = _waits, False
    signal.setitimer(signal.ITIMER_REAL, 0)
    return waited


def _must_wait(frame: FrameType | None) -> bool:
    """Whether a library is loaded in this frame or for one that called it, or what would never be undone is done."""
    place = frame
    while place is not None:
        name, module = place.f_code.co_name, str(place.f_globals.get("__name__"))
        if place.f_code.co_filename.startswith("<frozen importlib") or module.startswith("llvmlite.binding"):
            return True
        if module == "numba.core.compiler_lock" and (place is frame or name != "_acquire_compile_lock"):
            return True  # it may have the lock already, and not yet what gives it back
        if module == "concurrent.futures.thread" and name == "submit":
            return True  # a new thread may run already that nobody would tell to end
        place = place.f_back
    return False
