"""Bits of a run's files that have changed: nothing is shown otherwise than it was without a word."""

import json
import random
import shutil

import pytest
from click.testing import CliRunner

from golfast.ablate import run_trial
from golfast.ablate.trial import load_config
from golfast.data import Recipe
from golfast.errors import Failure
from golfast.model import ModelConfig
from golfast.run.folder import RunFolder
from golfast.train import TrainConfig
from golfast_cli import main

SMALL = TrainConfig(
    batch=8,
    steps=20,
    stop=2.0,
    evaluate_every=10,
    evaluate_on=16,
    checkpoint_every=10,
    data=Recipe(count=100, height=9, width=11, generations=2),
    model=ModelConfig(timesteps=2, channels=6, core_layers=2),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "a")
    run_trial(SMALL, folder, device="cpu", sequences=50, draw=False)
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    folder = RunFolder(tmp_path / "a")
    shutil.copytree(finished.path, folder.path)
    return folder


def shown(folder):
    """What the library says of a run."""
    config = load_config(folder)
    return config, folder.read_result(), folder.read_log(), run_trial(config, folder, device="cpu", resume=True)


def flip(path, at, bit):
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def test_a_flipped_bit_in_config_log_or_result_is_told_or_changes_nothing(copy):
    before, rng = shown(copy), random.Random(1)
    counted = 0
    for _ in range(150):
        path = rng.choice([copy.config, copy.metrics, copy.result])
        at, bit = rng.randrange(path.stat().st_size), rng.randrange(8)
        flip(path, at, bit)
        try:
            assert shown(copy) == before
        except Failure as error:
            counted += 1
            words = str(error)
            assert "damaged" in words
            assert words.isprintable()
            assert len(words) < 600
        flip(path, at, bit)
    assert counted > 140
    assert shown(copy) == before


def test_the_command_line_tells_a_flipped_bit_in_a_sentence(copy):
    for path, at, words in (
        (copy.config, 7, ["evaluate", str(copy.path), "--sequences", "5"]),
        (copy.result, 30, ["train", "--folder", str(copy.path), "--resume"]),
        (copy.metrics, 9, ["train", "--from", str(copy.path), "--probes", "--dry-run"]),
    ):
        flip(path, at, 0)
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 1
        assert done.stdout == ""
        assert done.stderr.startswith(f"golfast: {path}")
        assert len(done.stderr.splitlines()) == 1
        flip(path, at, 0)


def test_runs_of_before_there_were_seals_stay_readable(copy):
    result = json.loads(copy.result.read_text())
    del result["seal"]
    copy.result.write_text(json.dumps(result))
    assert shown(copy)[1] == result
    text = copy.config.read_text()
    copy.config.write_text(text.replace("seed = 0", "seed = 1", 1))  # its result names it all the same
    with pytest.raises(Failure, match=r"config\.toml is damaged: it is the config of run \w{12}, and the result is of"):
        load_config(copy)
    copy.config.write_text(text)
    result["sdal"] = {"result.json": "0" * 64}
    copy.result.write_text(json.dumps(result))
    with pytest.raises(Failure, match=r"result\.json is damaged"):
        copy.read_result()


def test_a_log_that_changed_before_a_resume_is_told(tmp_path, monkeypatch):
    """A digit of it would be sealed at the end as if it had been so."""
    import golfast.ablate.trial as module

    def killed(*words, **options):
        raise KeyboardInterrupt

    folder = RunFolder(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(module, "train_stages", killed)
        with pytest.raises(KeyboardInterrupt):
            run_trial(SMALL, folder, device="cpu", sequences=50, draw=False)
    whole = folder.metrics.read_text()
    folder.metrics.write_text(whole.replace("0.", "1.", 1))
    with pytest.raises(Failure, match="it is not what the run had written; remove it to go on without its records"):
        run_trial(SMALL, folder, device="cpu", sequences=50, draw=False, resume=True)
    folder.metrics.write_text(whole + '{"step": 20')  # cut short by a kill, which is no damage
    run_trial(SMALL, folder, device="cpu", sequences=50, draw=False, resume=True)
    assert folder.metrics.read_text() == whole
