"""Kernels of our own on a GPU, through CuPy."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

HOW_TO_INSTALL = "install CuPy for your CUDA, such as: pip install 'golfast[gpu]'"
_CPP = "-std=c++17"
_DLPACK_CUDA = 2  # kDLCUDA

Constants = tuple[tuple[str, str | int], ...]
Array = Any  # cupy.ndarray: its types are not checked


class Launch(NamedTuple):
    """How many blocks of how many threads, and the bytes of shared memory of each."""

    blocks: int
    threads: int
    shared: int = 0


class Device:
    """The current CUDA device: its arrays (`xp`, which is cupy) and kernels from source, compiled on first use."""

    def __init__(self) -> None:
        """Raises ValueError in one sentence if CuPy or a CUDA device is missing."""
        try:
            import cupy
        except ImportError as error:
            raise ValueError(f"CuPy cannot be imported ({error}): {HOW_TO_INSTALL}") from None
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise ValueError(f"CuPy finds no CUDA device ({error}): it needs an NVIDIA GPU and its driver") from None
        if not count:
            raise ValueError("CuPy finds no CUDA device: it needs an NVIDIA GPU and its driver")
        self.xp: Any = cupy

    def launch(
        self, source: Path, name: str, constants: Mapping[str, str | int], launch: Launch, *arguments: object
    ) -> None:
        """Run the kernel `name` of a .cu file, compiled with `constants` as -D options.

        arguments: arrays, None for a null pointer, and NumPy scalars of exactly the kernel's types.
        """
        if launch.blocks:
            function = _compiled(source, name, tuple(constants.items()))
            given = tuple(np.uintp(0) if argument is None else argument for argument in arguments)
            function((launch.blocks,), (launch.threads,), given, shared_mem=launch.shared)

    def array(self, given: object) -> Array:
        """`given` as uint8 of CuPy, in C order and on a 16-byte boundary; ValueError if it is not uint8.

        Arrays that lie on the device (CuPy's; through DLPack torch's) are not copied if they are so already.
        """
        if isinstance(given, self.xp.ndarray):
            array = given
        elif hasattr(given, "__dlpack_device__") and given.__dlpack_device__()[0] == _DLPACK_CUDA:
            array = self.xp.from_dlpack(given)
        else:
            array = self.xp.asarray(given if hasattr(given, "__cuda_array_interface__") else np.asarray(given))
        if array.dtype != np.uint8:
            raise ValueError(f"packed boards are uint8; got {array.dtype}")
        array = self.xp.ascontiguousarray(array)
        return array if array.data.ptr % 16 == 0 else array.copy()


@cache
def device() -> Device:
    """The device; ValueError in one sentence, saying what to install, if there is none that CuPy can use."""
    return Device()


def to_host(array: Array) -> NDArray[Any]:
    """A copy of the device's array in NumPy's memory; NumPy's own are returned as they are."""
    return np.asarray(array.get() if hasattr(array, "get") else array)


def defined(constants: Mapping[str, str | int]) -> list[str]:
    """The compiler's options for these constants."""
    return [f"-D{name}={value}" for name, value in constants.items()]


@cache
def _compiled(source: Path, name: str, constants: Constants) -> Any:
    module = device().xp.RawModule(code=source.read_text(), options=(_CPP, *defined(dict(constants))))
    return module.get_function(name)
