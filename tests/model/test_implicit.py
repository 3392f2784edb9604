"""Convolutions in Triton: interpreted here, compiled for a GPU here, and run on one where there is one."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from golfast.model import ModelConfig, fastest, products
from golfast.model.fastest import fastest_convolution

triton = pytest.importorskip("triton")
SHARED_MEMORY = 100 * 1024  # bytes that a block of threads can have on the smallest of the cards that are made for it
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_the_interpreter_gives_what_torch_does():
    script = Path(__file__).with_name("interpreted.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    errors = json.loads(done.stdout)
    assert max(errors["float32"]) < 1e-6
    assert max(errors["places of 64 bits"]) < 1e-6
    assert max(errors["linear"]) < 1e-6
    assert max(errors["float16"]) < 1e-3
    assert max(errors["training"]) < 1e-3


@pytest.mark.parametrize(
    ("inputs", "outputs", "dtype"),
    [(1, 20, "bf16"), (20, 20, "bf16"), (20, 20, "fp16"), (20, 1, "bf16"), (21, 21, "bf16"), (42, 42, "bf16")],
)
def test_compiled_for_a_gpu_nothing_overflows(inputs, outputs, dtype, tmp_path, monkeypatch):
    """Registers that do not suffice would be spilled, and shared memory that does not would fail on the device."""
    from golfast.model import implicit

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # Triton 3.9 warns that it will be another in 3.10
    half = f"*{dtype}"
    wide, columns, block = implicit.tiles(inputs, outputs)
    sizes = {
        "height": 20, "width": 20, "inputs": inputs, "outputs": outputs, "circular": False, "many": False,
        "wide": wide, "columns": columns, "block": block, "precision": "tf32",
    }  # fmt: skip
    for kernel, types, constants in (
        (
            implicit.convolve_kernel,
            {"x": half, "weight": half, "bias": half, "y": half},
            {"slope": 0.01, "biased": True},
        ),
        (implicit.sum_kernel, {"x": half, "at_y": half, "sums": "*fp32"}, {"share": 9}),
    ):
        found = compiled(kernel, types, sizes | constants, implicit.OPTIONS)
        assert found.metadata.shared <= SHARED_MEMORY
        cubin = tmp_path / "kernel.cubin"
        cubin.write_bytes(found.asm["cubin"])
        assert used_stack(cubin) == 0


def compiled(kernel, types, constants, options):
    """A kernel for compute capability 9.0."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    signature, attributes = {}, {}
    for place, name in enumerate(kernel.arg_names):
        signature[name] = "constexpr" if name in constants else types.get(name, "i32")
        if name not in constants:
            attributes[(place,)] = [["tt.divisibility", 16]]
    constants = {name: constants[name] for name in kernel.arg_names if name in constants}
    source = ASTSource(kernel, signature, constants, attributes)
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)


def used_stack(cubin):
    """Bytes a thread, as Triton's own copy of cuobjdump says."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    done = subprocess.run([tool, "-res-usage", cubin], capture_output=True, text=True, check=True)
    return max(int(found) for found in re.findall(r"STACK:(\d+)", done.stdout + done.stderr))


def test_where_kernels_cannot_run_torch_computes(monkeypatch, caplog):
    from golfast.model import implicit

    config = ModelConfig()
    assert fastest_convolution(config, CPU, torch.bfloat16) is products.convolve
    assert fastest_convolution(config, CUDA, torch.float32) is products.convolve
    monkeypatch.setattr(fastest, "_implicit_works", lambda device, dtype: True)
    assert fastest_convolution(config, CUDA, torch.bfloat16) is implicit.convolve
    assert fastest_convolution(ModelConfig(channels=43), CUDA, torch.bfloat16) is products.convolve
    monkeypatch.undo()
    fastest._implicit_works.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    assert fastest_convolution(config, CUDA, torch.float16) is products.convolve
    assert caplog.messages == []
    fastest._implicit_works.cache_clear()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setitem(sys.modules, "golfast.model.implicit", None)
    assert fastest_convolution(config, CUDA, torch.float16) is products.convolve
    fastest._implicit_works.cache_clear()
    (told,) = caplog.messages
    assert "Triton's kernels cannot be used" in told


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize(
    "size", [(3, 24, 20, 20, 20, 20), (2, 5, 6, 7, 1, 20), (2, 3, 9, 4, 42, 1), (64, 24, 20, 20, 7, 5)]
)
def test_a_gpu_gives_what_torch_does(size, padding, dtype):
    from golfast.model import implicit

    networks, batch, height, width, inputs, outputs = size
    torch.manual_seed(2)
    x, after = (torch.randn(networks, batch, height, width, channels, device=CUDA) for channels in (inputs, outputs))
    weight = torch.randn(networks, outputs, 9 * inputs, device=CUDA) * (9 * inputs) ** -0.5
    bias = torch.randn(networks, outputs, device=CUDA)
    found = []
    for convolve, kind in ((implicit.convolve, dtype), (products.convolve, torch.float64)):
        *leaves, change = (tensor.to(dtype).to(kind).requires_grad_() for tensor in (x, weight, bias, after))
        y = convolve(*leaves, slope=0.3, padding=padding)
        found.append([tensor.double() for tensor in (y, *torch.autograd.grad(y, leaves, change))])
    for ours, theirs in zip(*found, strict=True):
        assert (ours - theirs).norm() < 0.01 * theirs.norm()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_with_matrix_units_uses_the_kernels():
    from golfast.model import implicit

    if torch.cuda.get_device_capability() >= (8, 0):
        assert fastest_convolution(ModelConfig(), CUDA, torch.bfloat16) is implicit.convolve
