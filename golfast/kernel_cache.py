"""Compiled kernels on disk: one file for each, which says whose code it holds.

A file's name is a hash of its key, and the key is everything that decides the code: the function and all that it closes
over, the text of every module that it can reach, its constants and argument types, the CPU, the versions of Numba,
llvmlite and Python. A file is written under a temporary name and renamed, so it is whole or not there. It holds its key
and a digest; one that is not what was asked for, or is damaged, is compiled anew and replaced. So any number of
processes, versions and machines may share a folder, without a lock.
"""

import hashlib
import os
import pickle
import platform
import re
import stat
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config, serialize
from numba.core.compiler import CompileResult

from golfast.errors import Failure

Kernel = Callable[..., None]
Proof = Callable[[Kernel], bool]
"""A trial run of a kernel: whether it computes what is known to be right."""

SUFFIX = ".kernel"
UNUSED_DAYS = 60  # a file that no process has loaded for so long is removed
_MAGIC = b"golfast kernel 1\n"
_DAY = 24 * 60 * 60.0
_PACKAGE = "golfast"
_FOREIGN = {"numba", "llvmlite", "numpy"}  # their versions are in the key
_IMPORT = re.compile(
    r"^\s*(?:from\s+(golfast[\w.]*)\s+import\s+(\([^)]*\)|[^\n#]*)|import\s+(golfast[\w.]*))", re.MULTILINE
)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# Settings of Numba's that change the code it makes.
_OPTIONS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "ENABLE_AVX")
_serialise: Any = serialize.dumps


class KernelCache:
    """What Numba's dispatcher asks before it compiles (`load_overload`) and after (`save_overload`).

    function: the Python function that is compiled. constants: what its factory was called with. proof: a trial run that
    a loaded kernel must pass; one that fails is not used but compiled anew, and a warning says so.
    """

    def __init__(self, function: FunctionType, constants: tuple[object, ...] = (), proof: Proof | None = None) -> None:
        self.function = function
        self.constants = constants
        self.proof = proof

    @property
    def cache_path(self) -> str | None:
        """The first folder, or None where there is none."""
        return next(map(str, cache_folders()), None)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The compiled function for these argument types, or None if it must be compiled."""
        target.refresh()
        key = self.key(signature, target.codegen())
        for folder in cache_folders():
            path = folder / _file_name(self.function, key)
            payload = read_kernel(path, key)
            if payload is not None and (compiled := self._rebuilt(path, payload, target)) is not None:
                return compiled
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep a compiled function in the first folder that takes it; where none does, it is not kept."""
        if compiled.lifted or compiled.library.has_dynamic_globals:
            return
        key = self.key(signature, compiled.codegen)
        for folder in cache_folders():
            with suppress(OSError):  # no right to write there, a full disk, a folder that has gone
                write_kernel(folder / _file_name(self.function, key), key, _serialise(compiled._reduce()))
                _prune_once(folder)
                return

    def _rebuilt(self, path: Path, payload: bytes, target: Any) -> Any:
        """The compiled function in a file, or None if it cannot be used."""
        rebuild: Any = CompileResult._rebuild
        try:
            compiled = rebuild(target, *pickle.loads(payload))
        except Exception:  # whatever a file of this digest may hold that Numba cannot read, it can be made anew
            return None
        if self._is_right(compiled):
            return compiled
        warnings.warn(
            f"the compiled kernel in {path} computed wrong cells on a test board; it is not used, and compiled anew",
            RuntimeWarning,
            stacklevel=2,
        )
        return None

    def check_new(self, compiled: Any) -> None:
        """Failure if a kernel that was compiled just now computes anything but what is known to be right."""
        if not self._is_right(compiled):
            name = f"{self.function.__name__}{self.constants or ''}"
            raise Failure(
                f"the kernel {name} computes wrong cells on this CPU, compiled with Numba {numba.__version__}; "
                f"use another version of Numba, or backend='reference', and please report it"
            )

    def _is_right(self, compiled: Any) -> bool:
        return self.proof is None or self.proof(compiled.entry_point)

    def key(self, signature: Any, codegen: Any) -> bytes:
        """Everything that decides the code, as text."""
        facts = {
            "function": _identity(self.function),
            "constants": repr(self.constants),
            "sources": _sources_digest(frozenset(_modules(self.function))),
            "signature": str(signature),
            "target": repr(codegen.magic_tuple()),
            "options": repr([(name, getattr(config, name, None)) for name in _OPTIONS]),
            "versions": f"numba {numba.__version__} llvmlite {llvmlite.__version__} numpy {np.__version__} "
            f"{sys.implementation.cache_tag} {platform.machine()} {sys.platform}",
        }
        return "\n".join(f"{name}: {value}" for name, value in facts.items()).encode()

    def enable(self) -> None:
        """Part of Numba's interface; the cache is on wherever a folder can be written to."""

    def disable(self) -> None:
        """Part of Numba's interface."""

    def flush(self) -> None:
        """Part of Numba's interface; files of other keys are never read, so there is nothing to forget."""


@cache
def cache_folders() -> tuple[Path, ...]:
    """Where kernels are kept: below NUMBA_CACHE_DIR, or in the user's cache and beside the package, where they exist.

    Kernels are read from each, and written to the first that takes them. What is read runs, so a folder that others can
    write to is a folder whose owners are trusted.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    candidates = [Path(named).absolute()] if named else [*_user_caches(), Path(__file__).parent / "__pycache__"]
    return tuple(folder for candidate in candidates if _is_there(folder := candidate / "golfast-kernels"))


def _is_there(folder: Path) -> bool:
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder.is_dir()


def read_kernel(path: Path, key: bytes) -> bytes | None:
    """The code in a file, or None if it is not there, is damaged, or is not of this key."""
    try:
        # Not waiting for whoever writes to it, should it be a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            content = file.read() if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        return None
    head = len(_MAGIC) + 32
    digest, body = content[len(_MAGIC) : head], memoryview(content)[head:]
    if not content.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        return None
    size = int.from_bytes(body[:8], "big")
    if body[8 : 8 + size] != key:
        return None
    with suppress(OSError):  # that it is used is what keeps it; once a day is enough
        if time.time() - path.stat().st_mtime > _DAY:
            os.utime(path)
    return bytes(body[8 + size :])


def write_kernel(path: Path, key: bytes, payload: bytes) -> None:
    """Write a file whole or not at all. OSError where that is not possible."""
    body = len(key).to_bytes(8, "big") + key + payload
    temporary = path.with_name(f"{path.stem}-{uuid.uuid4().hex}.tmp")
    try:
        temporary.write_bytes(_MAGIC + hashlib.sha256(body).digest() + body)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def prune(folder: Path, *, days: float = UNUSED_DAYS) -> int:
    """Remove kernels that nobody has loaded for `days`, and what killed processes left; how many files were removed."""
    removed, now = 0, time.time()
    for path in folder.iterdir():
        oldest = {SUFFIX: days * _DAY, ".tmp": _DAY}.get(path.suffix)
        with suppress(OSError):  # another process may be removing it
            if oldest is not None and now - path.stat().st_mtime > oldest:
                path.unlink()
                removed += 1
    return removed


@cache
def _prune_once(folder: Path) -> None:
    prune(folder)


def _user_caches() -> list[Path]:
    """The user's folder for caches, where there is one."""
    if sys.platform == "win32":
        places = [os.environ.get("LOCALAPPDATA")]
    else:
        home = os.environ.get("HOME")
        default = "Library/Caches" if sys.platform == "darwin" else ".cache"
        places = [os.environ.get("XDG_CACHE_HOME"), home and f"{home}/{default}"]
    return [Path(place) for place in places if place and Path(place).is_absolute()]


def _file_name(function: FunctionType, key: bytes) -> str:
    return f"{function.__name__}-{hashlib.sha256(key).hexdigest()[:40]}{SUFFIX}"


def _identity(value: object) -> str:
    """What a function is, as it is in this process: a digest of its code and of all functions and values that it uses.

    Of the process and not of the files, which an upgrade may have changed since they were imported.
    """
    found: dict[int, str] = {}
    _describe(value, found)
    return hashlib.sha256("\n".join(found.values()).encode()).hexdigest()


def _describe(value: object, found: dict[int, str]) -> str:
    """A value as text; of functions and classes of ours a name, what they consist of going into `found`."""
    function = _python_function(value)
    if function is not None:
        if id(function) not in found:
            found[id(function)] = ""  # it may call itself
            uses = [_describe(used, found) for used in (*_cells(function), *_globals(function))]
            defaults = [_describe(default, found) for default in function.__defaults__ or ()]
            found[id(function)] = f"{function.__qualname__} {_code(function.__code__)} {uses} {defaults}"
        return f"{function.__module__}.{function.__qualname__}#{list(found).index(id(function))}"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(_describe(item, found) for item in value)})"
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, type):
        return f"class {value.__module__}.{value.__qualname__}"
    return _ADDRESS.sub("", f"{type(value).__qualname__} {value!r}")


def _python_function(value: object) -> FunctionType | None:
    """The function behind a dispatcher of Numba's, an intrinsic or a cache of functools', or the function itself."""
    for name in ("py_func", "_defn", "__wrapped__"):
        inner = getattr(value, name, None)
        if isinstance(inner, FunctionType):
            return inner
    return value if isinstance(value, FunctionType) and _is_ours(value.__module__) else None


def _cells(function: FunctionType) -> list[object]:
    cells: tuple[CellType, ...] = function.__closure__ or ()
    return [cell.cell_contents for cell in cells]


def _globals(function: FunctionType) -> Iterator[object]:
    """What a function reads by name from its module, and from modules of ours by `module.name`."""
    names = sorted(_names(function.__code__))
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            if _is_ours(value.__name__):
                yield from (vars(value)[inner] for inner in names if inner in vars(value))
        elif name in function.__globals__:
            yield value


def _names(code: CodeType) -> set[str]:
    """The names in a function's code, those of the functions inside it too."""
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return set(code.co_names).union(*[_names(part) for part in inner])


@cache
def _code(code: CodeType) -> str:
    """A digest of what a function does, without where it stands."""
    constants = [_code(part) if isinstance(part, CodeType) else repr(part) for part in code.co_consts]
    does = (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)
    return hashlib.sha256(repr(does).encode()).hexdigest()


def _is_ours(module: str | None) -> bool:
    return module is not None and module.split(".")[0] not in sys.stdlib_module_names | _FOREIGN


def _modules(function: FunctionType) -> Iterator[str]:
    """The modules of a function and of all that it closes over."""
    yield function.__module__
    for content in _cells(function):
        for item in content if isinstance(content, tuple | list) else (content,):
            inner = _python_function(item)
            if inner is not None:
                yield from _modules(inner)


@cache
def _sources_digest(modules: frozenset[str]) -> str:
    """A digest of the text of these modules and of all modules of golfast that they import, directly or not."""
    texts: dict[str, str] = {}
    waiting = sorted(modules)
    while waiting:
        name = waiting.pop()
        if name not in texts:
            digest, imports = _source(name)
            texts[name] = digest
            waiting.extend(imports)
    return hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()


@cache
def _source(module: str) -> tuple[str, tuple[str, ...]]:
    """The digest of a module's text, and the modules of golfast that it imports, at whatever place in it."""
    if module.split(".")[0] == _PACKAGE:
        place = Path(__file__).parent.joinpath(*module.split(".")[1:])
        place = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    else:
        place = Path(getattr(sys.modules.get(module), "__file__", None) or os.devnull)
    try:
        text = place.read_bytes()
    except OSError:  # a name in a module, or a module of an archive
        return "", ()
    found = set()
    for from_, names, plain in _IMPORT.findall(text.decode(errors="replace")):
        found.update([plain] if plain else [from_, *[f"{from_}.{name}" for name in re.findall(r"\w+", names)]])
    return hashlib.sha256(text).hexdigest(), tuple(sorted(found))
