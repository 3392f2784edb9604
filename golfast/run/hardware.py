"""What a run ran on, for its result."""

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from golfast import __version__


@cache
def processor() -> str:
    """The CPU's name, as well as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def hardware() -> dict[str, object]:
    """CPU, cores and, if torch is loaded and sees one, the GPU."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found: dict[str, object] = {"cpu": processor(), "cores": cores}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def versions() -> dict[str, str]:
    """golfast, Python and the libraries that a result depends on."""
    found = {"golfast": __version__, "python": platform.python_version()}
    for name in ("numpy", "numba", "torch", "h5py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
