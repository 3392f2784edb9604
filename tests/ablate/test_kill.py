"""A run that is killed for real, again and again, ends as one that was left alone."""

import os
import signal
import subprocess
import sys
import time

import pytest

from golfast.ablate import run_trial
from golfast.data import Recipe
from golfast.model import ModelConfig
from golfast.run.config import to_toml
from golfast.run.folder import RunFolder
from golfast.train import AdversarialConfig, ProbesConfig, TrainConfig

CONFIG = TrainConfig(
    batch=4,
    steps=240,
    stop=2.0,
    evaluate_every=20,
    evaluate_on=8,
    checkpoint_every=40,
    data=Recipe(count=100, height=8, width=8, generations=2),
    model=ModelConfig(timesteps=2, channels=4, core_layers=1),
    adversarial=AdversarialConfig(on=True, batch=4, steps=120, alone=20, pool=20),
    probes=ProbesConfig(on=True, batch=4, steps=60, pool=20),
)
FILES = "weights.safetensors", "adversarial.safetensors", "probes.safetensors"


def run(folder):
    return run_trial(CONFIG, folder, device="cpu", resume=True, sequences=20, draw=False)


def killed_once(folder, config_file, there):
    """Start the run in a process of its own and kill it as soon as `there()` is."""
    code = "import sys; from golfast_cli import main; main(sys.argv[1:])"
    words = ["train", "--config", config_file, "--folder", folder.path, "--quiet", "--device", "cpu"]
    words += ["--resume"] * folder.begun
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    end = time.monotonic() + 120
    while not there() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    assert process.poll() is None, "the run ended before it was killed"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_kill_9_at_any_moment_then_resume(tmp_path):
    whole = RunFolder(tmp_path / "whole")
    expected = run(whole)
    folder = RunFolder(tmp_path / "killed")
    (tmp_path / "config.toml").write_text(to_toml(CONFIG))

    def trained_to(step):
        return lambda: len(folder.read_log()) > step // CONFIG.evaluate_every

    killed_once(folder, tmp_path / "config.toml", trained_to(110))
    assert not folder.weights.exists()
    # As a disk might leave it; the one before is there. It alone is, if the kill fell between the names of a new one.
    latest, before = folder.checkpoint.latest, folder.checkpoint.before
    latest.write_bytes((latest if latest.exists() else before).read_bytes()[:-7])
    assert before.exists()
    killed_once(folder, tmp_path / "config.toml", folder.stage_checkpoint("adversarial").before.exists)
    assert not folder.finished
    result = run(folder)
    for name in FILES:
        assert (folder.path / name).read_bytes() == (whole.path / name).read_bytes()
    timed = {"seconds", "seconds_training"}

    def untimed(value):
        if isinstance(value, dict):
            return {key: untimed(inner) for key, inner in value.items() if key not in timed}
        return value

    assert untimed(result) == untimed(expected)
    assert [untimed(record) for record in folder.read_log()] == [untimed(record) for record in whole.read_log()]
    assert not folder.checkpoint.exist()
    assert not folder.stage_checkpoint("probes").exist()


@pytest.mark.parametrize("name", FILES)
def test_what_is_left_holds_no_code(tmp_path, name):
    """Weights are numbers: a pickle under their name is refused, and not run."""
    import pickle

    from golfast.ablate import load_stages, load_trial
    from golfast.errors import Failure

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    folder = RunFolder(tmp_path / "run")
    folder.start(to_toml(CONFIG))
    (folder.path / name).write_bytes(pickle.dumps(Evil()))
    with pytest.raises(Failure, match="is not a whole safetensors file"):
        if name == FILES[0]:
            load_trial(folder.path, "cpu")
        load_stages(folder.path, CONFIG, None)
    assert not (tmp_path / "evil").exists()
