"""The metric on a GPU. CuPy is imported by the function, not by the package."""

from golfast.imagine.cuda.backend import interpretability_packed_cuda

__all__ = ["interpretability_packed_cuda"]
