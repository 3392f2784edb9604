"""The architecture is in the imports: they run one way, ground floor first."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "golfast"

# What each room may import, besides itself and the files that belong to no room.
ALLOWED = {
    "run": set(),
    "life": set(),
    "model": {"run"},  # weights on disk
    "features": {"run"},  # its pictures and files; any torch module is its subject
    "data": {"life", "run"},
    "train": {"data", "model", "run"},
    "imagine": {"data", "model", "run"},
    "rl": {"run"},
    "ablate": {"train", "imagine", "rl", "data", "model", "run"},
    "report": {"ablate", "imagine", "run"},
}
SHARED = {"errors", "threads", "jit", "kernel_cache", "cuda", "vector"}


def imports(path: Path) -> set[str]:
    """The rooms of golfast that a file imports, at any depth of it."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [node.module or ""] + [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        rooms |= {name.split(".")[1] for name in names if name.startswith("golfast.")}
        assert not any(name.split(".")[0] in ("cli", "golfast_cli", "bench", "golfast_bench") for name in names), path
    return {room for room in rooms if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").exists()}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    if room == "__init__.py":
        return  # it is above all rooms, and enters each when it is asked to
    if room.endswith(".py"):
        assert imports(path) <= SHARED, f"{path} belongs to no room and must import none"
    else:
        assert imports(path) - {room} <= ALLOWED[room] | SHARED


@pytest.mark.parametrize("statement", ["import golfast; dir(golfast)", "import golfast_cli; golfast_cli.main.get_help"])
def test_light_imports_load_nothing_heavy(statement: str) -> None:
    heavy = {"torch", "numba", "numpy", "h5py", "cupy", "PIL"}
    code = f"{statement}; import sys; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "code",
    [
        "from golfast.imagine import agreement, evaluate, imagine, interpretability; "
        "interpretability(numpy.ones((1, 2, 3, 3)), numpy.ones((1, 4, 3, 3)))",
        "import golfast; golfast.interpretability; golfast.simulate(numpy.zeros((3, 3), numpy.uint8), 2)",
        "import golfast.imagine.config, golfast.imagine.strip",
        "main(['simulate', 'glider', '-g', '4', '--out', 'a.gif'], standalone_mode=False)",
        "main(['simulate', 'glider', '-g', '4', '--out', 'a.png'], standalone_mode=False)",
        "main(['data', 'make', 'a.h5', '--count', '50', '-q'], standalone_mode=False); "
        "main(['data', 'info', 'a.h5'], standalone_mode=False)",
    ],
)
def test_what_needs_no_torch_loads_none(code, tmp_path):
    code = f"import numpy, sys\nfrom golfast_cli import main\n{code}\nassert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_package_is_installed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("*.py")}
    assert sorted(listed) == sorted(there | {"golfast_bench", "golfast_cli"})


def test_what_most_begin_with_is_at_the_top():
    import golfast
    from golfast.ablate.load import load
    from golfast.imagine import interpretability
    from golfast.life import simulate

    assert golfast.simulate is simulate
    assert golfast.load is load
    assert golfast.interpretability is interpretability
    assert {"simulate", "load", "interpretability", "features", "__version__"} <= set(dir(golfast))
    code = "import golfast; print(golfast.features.picture.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "picture\n"
    with pytest.raises(AttributeError, match="module 'golfast' has no attribute 'symulate'"):
        golfast.symulate  # noqa: B018
