"""Where tensors live and in which precision they are multiplied."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

PRECISIONS = ("auto", "bf16", "fp32")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, slots=True)
class Compute:
    """A device and a precision. Weights stay in float32; only the convolutions run in the lower precision."""

    device: torch.device
    bf16: bool

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which a network runs forward."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    @property
    def precision(self) -> str:
        """The precision in words."""
        return "bf16" if self.bf16 else "fp32"


def choose_compute(device: str = "auto", precision: str = "auto") -> Compute:
    """Pick a device and a precision; "auto" takes CUDA if there is one, and bf16 where the hardware multiplies it.

    Raises ValueError for unknown names, for "cuda" without a CUDA device, and for "bf16" where it is not supported.
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
    return Compute(chosen, bf16=_has_bf16(chosen) if precision == "auto" else precision == "bf16")


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # What autocast itself asks; without the instructions bf16 would be emulated, and slower than fp32.
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())  # type: ignore[no-untyped-call]


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
