"""A device that is none: CUDA sources compiled as host code (cuda.h), their launches run by the CPU, bit for bit."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from golfast.cuda import Device, defined

HERE = Path(__file__).parent
COMPILER = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
FLAGS = ["-std=c++17", "-O1", "-shared", "-fPIC", "-fno-strict-aliasing", "-Wno-unknown-pragmas"]


def compiled(source: Path, folder: Path) -> ctypes.CDLL:
    """The library of one of the .cpp files beside this; skips the test where there is no compiler for it."""
    if COMPILER is None:
        pytest.skip("there is no C++ compiler")
    library = folder / f"{source.stem}.so"
    done = subprocess.run([COMPILER, *FLAGS, "-o", library, source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


class HostDevice(Device):
    """What `golfast.cuda.device()` returns, with NumPy's arrays."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.xp = np
        self.library = library
        self.launches: list[tuple[str, dict[str, str | int]]] = []

    def launch(self, source, name, constants, launch, *arguments):
        self.launches.append((name, dict(constants)))
        for constant, value in constants.items():
            if constant not in ("SMALL", "WIDE", "SOUPS", "ROWS"):
                number = int(str(value).removesuffix("u"))
                ctypes.c_uint.in_dll(self.library, constant).value = number
        values = [_value(argument) for argument in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(value.ctypes.data for value in values))
        getattr(self.library, f"run_{name}")(launch.blocks, launch.threads, launch.shared, pointers)

    def array(self, given):
        array = np.asarray(given)
        if array.dtype != np.uint8:
            raise ValueError(f"packed boards are uint8; got {array.dtype}")
        return np.ascontiguousarray(array)


def _value(argument):
    """The bytes of a kernel's argument: an array's address, or a number."""
    if argument is None:
        return np.zeros(1, np.uintp)
    if isinstance(argument, np.ndarray):
        return np.array([argument.ctypes.data], np.uintp)
    assert isinstance(argument, np.generic), f"{argument!r} has no size of its own"
    return np.array([argument])


def registers(source: Path, constants: dict[str, str | int], folder: Path) -> dict[str, int]:
    """Registers a thread of each kernel, as nvcc compiles it for sm_90; fails if any are spilled to memory."""
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("there is no nvcc")
    command = [nvcc, "-std=c++17", "-cubin", "-arch=sm_90", "-Xptxas", "-v", *defined(constants)]
    done = subprocess.run([*command, "-o", folder / "out.cubin", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, kernel = {}, ""
    for line in done.stderr.splitlines():
        if "Compiling entry function" in line:
            kernel = line.split("'")[1]
        elif "bytes spill" in line:
            none = "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"
            assert none in line, f"{kernel} {constants}: {line}"
        elif "Used " in line:
            found[kernel] = int(line.split("Used ")[1].split()[0])
    assert found, done.stderr
    return found
