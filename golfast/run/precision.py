"""Where tensors live and in which precision they are multiplied."""

import platform
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "bf16", "fp16", "fp32")
_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}  # in torch
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Compute:
    """A device and a precision. Weights stay in float32; only the convolutions run in the lower precision."""

    device: "torch.device"
    dtype: "torch.dtype"
    """What is multiplied: bfloat16, float16 or float32."""

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a network runs forward."""
        import torch

        lower = self.dtype is not torch.float32
        return torch.autocast(self.device.type, self.dtype if lower else torch.bfloat16, enabled=lower)

    @property
    def bf16(self) -> bool:
        """Whether bfloat16 is multiplied."""
        return self.precision == "bf16"

    @property
    def unscaled(self) -> "Compute":
        """For training without loss scaling: gradients in float16 would vanish, so float32 takes its place."""
        import torch

        return Compute(self.device, torch.float32) if self.dtype is torch.float16 else self

    @property
    def precision(self) -> str:
        """The precision in words."""
        return next(name for name, dtype in _DTYPES.items() if str(self.dtype) == f"torch.{dtype}")


def choose_compute(device: str = "auto", precision: str = "auto") -> Compute:
    """Pick a device and a precision.

    "auto" takes CUDA if there is one, and bf16 where the hardware multiplies it; fp16 on a GPU that multiplies only
    that (Volta, Turing); else fp32.

    Raises ValueError for unknown names, for "cuda" without a CUDA device, and for a precision that is not supported.
    """
    _check_names(device, precision)
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' was asked for, and torch sees no CUDA device here; use device 'cpu'")
    chosen = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    if precision == "bf16" and not _has_bf16(chosen):
        raise ValueError(f"precision 'bf16' was asked for, and this {chosen.type} does not multiply it; use 'fp32'")
    if precision == "fp16" and chosen.type != "cuda":
        raise ValueError("precision 'fp16' was asked for; it is for GPUs that do not multiply bf16; use 'auto'")
    if precision == "auto":
        precision = "bf16" if _has_bf16(chosen) else "fp16" if _has_fp16(chosen) else "fp32"
    return Compute(chosen, getattr(torch, _DTYPES[precision]))


def foresee(device: str = "auto", precision: str = "auto") -> tuple[str, str]:
    """Device ("cpu" or "cuda") and precision that `choose_compute` would choose; raises as it does.

    Loading torch takes seconds, so it is asked only where the machine leaves a doubt: where there may be a GPU, or a
    CPU of a kind that is not known here.
    """
    _check_names(device, precision)
    known = None if "torch" in sys.modules or device == "cuda" or precision == "fp16" else _bf16_by_flags()
    if known is None or (device != "cpu" and _may_have_gpu()) or (precision == "bf16" and not known):
        compute = choose_compute(device, precision)
        return compute.device.type, compute.precision
    return "cpu", precision if precision != "auto" else "bf16" if known else "fp32"


def _check_names(device: str, precision: str) -> None:
    if device not in DEVICES:
        raise ValueError(f"device {device!r} is unknown; allowed are: {', '.join(DEVICES)}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is unknown; allowed are: {', '.join(PRECISIONS)}")


def _may_have_gpu() -> bool:
    """Whether a driver of a GPU is there; torch has to say whether it can use it."""
    nodes = "nvidiactl", "kfd", "dxg", "nvhost-gpu", "nvmap"
    return sys.platform not in ("linux", "darwin") or any((Path("/dev") / node).exists() for node in nodes)


def _bf16_by_flags() -> bool | None:
    """What torch says of bfloat16 on this CPU, by the CPU's flags; None where they do not decide."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return None
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    if "avx512bw" in flags:
        return True if {"avx512vl", "avx512dq"} <= set(flags) else None
    return None if not flags or any(flag.startswith("avx") and "ne_convert" in flag for flag in flags) else False


def _has_bf16(device: "torch.device") -> bool:
    import torch

    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # What autocast itself asks; without the instructions bf16 would be emulated, and slower than fp32.
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())  # type: ignore[no-untyped-call]


def _has_fp16(device: "torch.device") -> bool:
    """Whether there are matrix units for it, and not just instructions."""
    import torch

    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` CPU threads within the block.

    The networks here are small: one thread each is fastest, and sums in one order, so that a seed always gives the
    same weights.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
