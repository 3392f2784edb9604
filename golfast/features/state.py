"""What a module keeps in attributes, so that it can be told whether a forward has changed it."""

from collections import deque
from collections.abc import Mapping, Set
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np
from torch import Tensor, nn

_MOST = 200_000  # things looked at: a module may refer to anything
_ARRAY = 1 << 20  # bytes of an array that are compared
_LEAVES = (str, bytes, int, float, complex, type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)

State = list[tuple[object, object]]
"""Every thing that a module refers to, each with what tells that it was changed in place. They are held, so that no
other thing can take the place of one of them in memory."""


def state_of(module: nn.Module) -> State | None:
    """The state of a module and of all within, but for the mode it is in; None if it refers to too much to look at.

    Looked into are modules, containers and objects with attributes. What functions enclose, and what an extension in C
    keeps for itself, is not seen.
    """
    found: State = []
    seen: set[int] = set()
    waiting: list[object] = [module]
    while waiting:
        thing = waiting.pop()
        if len(found) > _MOST:
            return None
        inner: list[object] = []
        stamp: object = None
        if isinstance(thing, Tensor):
            stamp = None if thing.is_inference() else thing._version
        elif isinstance(thing, np.ndarray):
            stamp = thing.tobytes() if thing.nbytes <= _ARRAY and not thing.dtype.hasobject else None
        elif thing is None or isinstance(thing, _LEAVES) or id(thing) in seen:
            pass
        else:
            seen.add(id(thing))
            if isinstance(thing, Mapping):
                inner = [part for pair in thing.items() for part in pair]
            elif isinstance(thing, list | tuple | deque | Set):
                inner = list(thing)
            attributes = getattr(thing, "__dict__", {})
            inner += [value for name, value in attributes.items() if name != "training"]
            stamp = len(inner)
        found.append((thing, stamp))
        waiting += inner
    return found


def unchanged(before: State | None, after: State | None) -> bool:
    """Whether two states of a module, each as `state_of` gave it, are the same."""
    if before is None or after is None or len(before) != len(after):
        return False
    return all(
        one is other and stamp == stamp_now for (one, stamp), (other, stamp_now) in zip(before, after, strict=True)
    )
