"""Where tensors live and in which precision they are multiplied."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

PRECISIONS = ("auto", "bf16", "fp16", "fp32")
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Compute:
    """A device and a precision. Weights stay in float32; only the convolutions run in the lower precision."""

    device: torch.device
    dtype: torch.dtype
    """What is multiplied: bfloat16, float16 or float32."""

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a network runs forward."""
        lower = self.dtype is not torch.float32
        return torch.autocast(self.device.type, self.dtype if lower else torch.bfloat16, enabled=lower)

    @property
    def bf16(self) -> bool:
        """Whether bfloat16 is multiplied."""
        return self.dtype is torch.bfloat16

    @property
    def unscaled(self) -> "Compute":
        """For training without loss scaling: gradients in float16 would vanish, so float32 takes its place."""
        return Compute(self.device, torch.float32) if self.dtype is torch.float16 else self

    @property
    def precision(self) -> str:
        """The precision in words."""
        return next(name for name, dtype in _DTYPES.items() if dtype is self.dtype)


def choose_compute(device: str = "auto", precision: str = "auto") -> Compute:
    """Pick a device and a precision.

    "auto" takes CUDA if there is one, and bf16 where the hardware multiplies it; fp16 on a GPU that multiplies only
    that (Volta, Turing); else fp32.

    Raises ValueError for unknown names, for "cuda" without a CUDA device, and for a precision that is not supported.
    """
    if device not in DEVICES:
        raise ValueError(f"device {device!r} is unknown; allowed are: {', '.join(DEVICES)}")
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is unknown; allowed are: {', '.join(PRECISIONS)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device 'cuda' was asked for, and torch sees no CUDA device here; use device 'cpu'")
    chosen = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    if precision == "bf16" and not _has_bf16(chosen):
        raise ValueError(f"precision 'bf16' was asked for, and this {chosen.type} does not multiply it; use 'fp32'")
    if precision == "fp16" and chosen.type != "cuda":
        raise ValueError("precision 'fp16' was asked for; it is for GPUs that do not multiply bf16; use 'auto'")
    if precision == "auto":
        precision = "bf16" if _has_bf16(chosen) else "fp16" if _has_fp16(chosen) else "fp32"
    return Compute(chosen, _DTYPES[precision])


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # What autocast itself asks; without the instructions bf16 would be emulated, and slower than fp32.
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())  # type: ignore[no-untyped-call]


def _has_fp16(device: torch.device) -> bool:
    """Whether there are matrix units for it, and not just instructions."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` CPU threads within the block.

    The networks here are small: one thread each is fastest, and sums in one order, so that a seed always gives the
    same weights.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
