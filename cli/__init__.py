"""The command line. Each group of commands is a file of its own, loaded when it is used."""

from . import interrupt

with interrupt.heeded():
    from .root import golfast as main

__all__ = ["main"]
