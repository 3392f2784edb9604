"""Compiled code is kept on disk, and forgotten when any source has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import golfast

CODE = """
import sys
from golfast.life import soups
from golfast.life.kernels.narrow import narrow
from golfast.life.rule import Rule
soups(8, 70, 7, seed=1)
soups(8, 70, 7, seed=1, boundary="torus", rule="highlife")
kernels = [narrow(Rule.parse("B3/S23"), False).grow, narrow(Rule.parse("B36/S23"), True).grow]
print(*[(sum(k.stats.cache_hits.values()), sum(k.stats.cache_misses.values())) for k in kernels])
"""


def test_a_change_in_any_source_compiles_anew(tmp_path):
    shutil.copytree(Path(golfast.__file__).parent, tmp_path / "golfast", ignore=shutil.ignore_patterns("__pycache__"))

    def run():
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
        )
        return done.stdout

    assert run() == "(0, 1) (0, 1)\n"
    assert run() == "(1, 0) (1, 0)\n"
    with (tmp_path / "golfast" / "life" / "kernels" / "philox.py").open("a") as file:
        file.write("# changed\n")
    assert run() == "(0, 1) (0, 1)\n"


def test_where_nothing_can_be_kept_kernels_are_compiled_all_the_same(tmp_path):
    """As in a container of which no folder can be written to."""
    shutil.copytree(Path(golfast.__file__).parent, tmp_path / "golfast", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in {file.parent for file in (tmp_path / "golfast").rglob("*.py")}:
        (folder / "__pycache__").write_text("not a folder")
    nowhere = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "PYTHONPATH": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | nowhere
    code = "from golfast.life import pack; import numpy as np; print(pack(np.eye(3, dtype=np.uint8)).tolist())"
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    assert done.stdout == "[[128], [64], [32]]\n"


_UNCOMPILED = """
import numpy as np
from numba import njit
from golfast.imagine.metric import interpretability_packed
from golfast.life import simulate, soup_trajectories_packed
states = soup_trajectories_packed(5, 9, 9, 2, seed=1)
np.testing.assert_array_equal(states, soup_trajectories_packed(5, 9, 9, 2, seed=1, backend="reference"))
print(interpretability_packed(states[:, 1:2], states, 9).tolist(), type(njit(lambda x: x)).__name__)
"""


def test_kernels_are_compiled_also_where_a_coverage_tool_turns_numba_off():
    """Vectors exist in compiled code only. The caller's own functions stay Python."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", _UNCOMPILED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[1.0, 1.0, 1.0, 1.0, 1.0] function\n"
