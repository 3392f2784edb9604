"""What a machine computes with is foreseen without torch, and as torch has it."""

import subprocess
import sys

import pytest

from golfast.run import precision
from golfast.run.precision import choose_compute, foresee

ASKED = [(device, asked) for device in ("auto", "cpu") for asked in ("auto", "fp32", "bf16")]


def chosen(device, asked):
    try:
        compute = choose_compute(device, asked)
    except ValueError as error:
        return str(error)
    return compute.device.type, compute.precision


@pytest.mark.parametrize(("device", "asked"), ASKED)
def test_what_is_foreseen_is_what_is_chosen(device, asked):
    code = f"""
from golfast.run.precision import foresee
try:
    print(foresee({device!r}, {asked!r}))
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(chosen(device, asked))


@pytest.mark.parametrize("flags", ["avx2 fma", "avx512f avx512bw avx512vl avx512dq", "avx512bw", ""])
def test_a_doubt_is_left_to_torch(flags, monkeypatch, tmp_path):
    """Whatever the flags are, a foreseen answer needs no torch, and no answer asks it."""
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(precision, "Path", lambda path: tmp_path / "cpuinfo" if path == "/proc/cpuinfo" else tmp_path)
    monkeypatch.setattr(precision.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(precision.sys, "platform", "linux")
    assert precision._bf16_by_flags() == {"avx2 fma": False, "avx512bw": None, "": None}.get(flags, True)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="device 'tpu' is unknown"):
        foresee("tpu")
