"""Which convolutions of stacked networks are fastest on a device."""

import functools
import logging

import torch

from golfast.model import products
from golfast.model.config import ModelConfig
from golfast.model.products import Convolution

_OLDEST = (8, 0)  # compute capability of what Triton's kernels are made for
_CLOSE = 0.02  # of what half precision gives


def fastest_convolution(config: ModelConfig, device: torch.device, dtype: torch.dtype) -> Convolution:
    """`implicit.convolve` on a GPU, in half precision and for networks that are not too wide; else `products`'.

    Whether the former works and is right is tried once on each device: it is compiled there, which needs Triton and a
    C compiler. If it is not, that is logged.
    """
    if device.type == "cuda" and dtype.itemsize == 2 and _implicit_works(device, dtype):
        from golfast.model import implicit

        if config.channels <= implicit.WIDEST:
            return implicit.convolve
    return products.convolve


@functools.cache
def _implicit_works(device: torch.device, dtype: torch.dtype) -> bool:
    if torch.cuda.get_device_capability(device) < _OLDEST:
        return False
    why = "their results are wrong"
    try:
        from golfast.model import implicit

        if _agree(implicit.convolve, products.convolve, device, dtype):
            return True
    except Exception as error:  # whatever goes wrong in a compiler or a driver
        why = str(error).strip().partition("\n")[0] or type(error).__name__
    logging.getLogger(__name__).warning(
        "Triton's kernels cannot be used, and training takes longer without: %s; they need a C compiler", why
    )
    return False


def _agree(one: Convolution, other: Convolution, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether two convolutions and their gradients are the same, up to rounding."""
    found = []
    for convolve in (one, other):
        random = torch.Generator().manual_seed(0)
        x, weight, bias, after = (
            torch.randn(shape, generator=random).to(device, dtype).requires_grad_()
            for shape in ((2, 3, 5, 7, 20), (2, 20, 180), (2, 20), (2, 3, 5, 7, 20))
        )
        y = convolve(x, weight, bias, slope=0.3)
        found.append([y, *torch.autograd.grad(y, [x, weight, bias], after)])
    errors = [(ours - theirs).float().norm() / theirs.float().norm() for ours, theirs in zip(*found, strict=True)]
    return bool(torch.stack(errors).max() < _CLOSE)
