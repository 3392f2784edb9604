"""A run folder: all in it, self-contained, and safe from the next run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from golfast.ablate import default_folder, evaluate_trial, load_trial, run_trial
from golfast.ablate import trial as trial_module
from golfast.data import Recipe, Trajectories, make
from golfast.errors import Failure
from golfast.life import soups
from golfast.model import ModelConfig
from golfast.run.config import override, to_toml
from golfast.run.folder import RunFolder
from golfast.train import TrainConfig

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
    return folder, run_trial(SMALL, folder, device="cpu", sequences=300)


def test_a_run_leaves_what_the_design_says(finished):
    folder, result = finished
    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        "config.toml", "metrics.jsonl", "weights.safetensors", "result.json", "strips.png", "learning.gif", "snapshots",
    }  # fmt: skip
    assert folder.read_result() == result
    assert {name for name in json.loads(folder.result.read_text()) if name not in result} == {"seal"}
    assert result["seed"] == 0
    assert result["sequences"] == 300
    assert set(result["metric_variants"]) == {"matched", "equation", "dataset"}
    assert result["metric"] == result["metric_variants"]["matched"]
    assert len(result["steps_to_98"]) == 2
    assert {"golfast", "torch", "python"} <= set(result["versions"])
    with Image.open(folder.path / "learning.gif") as picture:
        assert picture.n_frames == 3


def test_a_run_is_loaded_in_one_call(finished, tmp_path):
    import golfast

    folder, result = finished
    run = golfast.load(str(folder.path), device="cpu")
    assert (run.path, run.config, run.result) == (folder.path, load_trial(folder.path, "cpu")[0], result)
    states = golfast.simulate(soups(260, 9, 11, seed=3), 2)
    drawn = run.imagine(states[:, 0])
    assert drawn.shape == (260, 2, 9, 11)
    assert drawn.dtype == np.float32
    assert golfast.interpretability(drawn[:, :-1], states).shape == (260,)
    np.testing.assert_allclose(run.imagine(states[7, 0].astype(bool)), drawn[7], atol=0.02)
    np.testing.assert_array_equal(run.imagine(torch.from_numpy(states[:3, 0])), run.imagine(states[:3, 0].tolist()))
    assert run.imagine(states[:0, 0]).shape == (0, 2, 9, 11)
    assert run.imagine(np.zeros((2, 30, 40))).shape == (2, 2, 30, 40)
    for wrong, message in (
        (np.zeros(4), r"boards have shape \(N, H, W\)"),
        (np.zeros((2, 0, 4)), r"boards have shape \(N, H, W\)"),
        (np.full((3, 3), 0.5), "boards hold values other than 0 and 1"),
        ([[1], [1, 0]], "boards cannot be read as an array"),
    ):
        with pytest.raises(ValueError, match=message):
            run.imagine(wrong)
    with pytest.raises(Failure, match="is not a run folder"):
        golfast.load(tmp_path)


def test_a_folder_alone_is_enough_to_evaluate(finished):
    folder, result = finished
    config, network, compute = load_trial(folder.path, "cpu")
    figures = evaluate_trial(config, network, compute, sequences=300)
    assert figures["metric"] == result["metric_variants"]
    assert figures["accuracy"] == result["accuracy"]


def test_what_is_damaged_in_a_run_is_told(finished, tmp_path):
    folder = RunFolder(tmp_path / "a")
    shutil.copytree(finished[0].path, folder.path)
    for text, message in (("[]", r"it is \[\] where a table should be"), ('{"metric": 1}', "it has no 'outcome'")):
        folder.result.write_text(text)
        with pytest.raises(Failure, match=f"result.json is damaged .*{message}|result.json is damaged: {message}"):
            run_trial(SMALL, folder, device="cpu", resume=True)
    (folder.snapshots / "truth.npy").write_bytes(b"not numpy")
    with pytest.raises(Failure, match=r"truth\.npy is damaged"):
        folder.read_snapshots(20)
    folder.result.unlink()
    for content, message in ((b"\xff\x00", "config.toml is damaged"), (b"x = 1", "has no config of a run")):
        folder.config.write_bytes(content)
        with pytest.raises(Failure, match=message):
            load_trial(folder.path, "cpu")


def test_more_sequences_than_fit_are_refused(finished, monkeypatch):
    config, network, compute = load_trial(finished[0].path, "cpu")
    monkeypatch.setattr(trial_module, "memory_bytes", lambda: 1_000_000)
    with pytest.raises(Failure, match=r"this machine has 0\.0 GB; evaluate on fewer"):
        evaluate_trial(config, network, compute, sequences=1_000_000)


def test_larger_boards_are_the_same_recipes_twice_as_high_and_wide(finished, tmp_path):
    folder, result = finished
    recipe = override(SMALL.data, {"height": 18, "width": 22, "split": "test", "count": 15})
    config, network, compute = load_trial(folder.path, "cpu")
    figures = evaluate_trial(config, network, compute, dataset=Trajectories(make(tmp_path / "large.h5", recipe)))
    larger = result["larger"]
    assert (larger["height"], larger["width"], larger["sequences"]) == (18, 22, 15)
    assert larger["metric_variants"] == figures["metric"]
    assert larger["accuracy"] == figures["accuracy"] != result["accuracy"]


def test_a_file_and_memory_train_alike(finished, tmp_path):
    folder, _ = finished
    dataset = Trajectories(make(tmp_path / "a.h5", SMALL.data))
    run_trial(SMALL, RunFolder(tmp_path / "b"), dataset, device="cpu", sequences=10)
    assert (tmp_path / "b" / "weights.safetensors").read_bytes() == folder.weights.read_bytes()


def test_a_finished_run_is_not_run_again(finished):
    folder, result = finished
    before = folder.weights.stat().st_mtime_ns
    assert run_trial(SMALL, folder, device="cpu", resume=True) == result
    assert folder.weights.stat().st_mtime_ns == before


def test_a_folder_in_use_is_left_alone(finished, tmp_path):
    folder, _ = finished
    before = folder.result.read_bytes()
    with pytest.raises(ValueError, match="is not empty; give --resume"):
        run_trial(SMALL, folder, device="cpu")
    with pytest.raises(Failure, match=r"holds a run of another config: seed \(0 against 9\)"):
        run_trial(override(SMALL, {"seed": 9}), folder, device="cpu", resume=True)
    assert folder.result.read_bytes() == before


def test_a_dataset_of_another_recipe_is_refused(tmp_path):
    dataset = Trajectories(make(tmp_path / "a.h5", Recipe(count=100)))
    with pytest.raises(ValueError, match="another recipe"):
        run_trial(SMALL, RunFolder(tmp_path / "b"), dataset, device="cpu")


def test_a_folder_of_another_config_is_told_before_data_is_made(finished, monkeypatch):
    monkeypatch.setattr(trial_module, "generate", None)
    with pytest.raises(Failure, match="holds a run of another config"):
        run_trial(override(SMALL, {"seed": 9}), finished[0], device="cpu", resume=True)


def test_what_cannot_fit_leaves_no_folder(tmp_path):
    with pytest.raises(Failure, match="lower evaluate_on"):
        run_trial(override(SMALL, {"evaluate_on": 10**10}), RunFolder(tmp_path / "a"), device="cpu")
    assert not (tmp_path / "a").exists()


def test_weights_are_looked_at_before_a_network_is_made(finished, tmp_path):
    """A config that asks for terabytes is not believed; weights that are no numbers are not evaluated."""
    folder, _ = finished
    huge = RunFolder(tmp_path / "huge")
    model = {"model.channels": 1024, "model.core_layers": 64, "model.timesteps": 64, "model.shared_core": False}
    huge.start(to_toml(override(SMALL, model)))
    huge.weights.write_bytes(folder.weights.read_bytes())
    with pytest.raises(Failure, match="holds the weights of another network"):
        load_trial(huge.path, "cpu")
    lost = RunFolder(tmp_path / "lost")
    lost.start(folder.config.read_text())
    save_file({name: tensor * torch.nan for name, tensor in load_file(folder.weights).items()}, lost.weights)
    with pytest.raises(Failure, match="holds weights that are no numbers"):
        load_trial(lost.path, "cpu")
    save_file({name: tensor.double() for name, tensor in load_file(folder.weights).items()}, lost.weights)
    _, network, _ = load_trial(lost.path, "cpu")
    assert all(torch.equal(p, load_file(folder.weights)[name]) for name, p in network.named_parameters())
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_a_threshold_that_is_none_is_told_first(finished, monkeypatch):
    config, network, compute = load_trial(finished[0].path, "cpu")
    monkeypatch.setattr(trial_module, "generate", None)
    with pytest.raises(ValueError, match="threshold is 2"):
        evaluate_trial(config, network, compute, threshold=2)


def test_not_a_run_folder(tmp_path):
    with pytest.raises(Failure, match="is not a run folder"):
        load_trial(tmp_path)
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(Failure, match="has no weights yet"):
        load_trial(tmp_path)


def test_a_run_is_named_by_its_config():
    assert default_folder(SMALL, "cpu") == default_folder(SMALL, "cpu")
    assert default_folder(SMALL, "cpu") != default_folder(override(SMALL, {"seed": 1}), "cpu")


@pytest.mark.parametrize(("timesteps", "generations"), [(1, 2), (2, 1)])
def test_where_the_metric_is_undefined_the_result_says_so(tmp_path, timesteps, generations):
    config = override(SMALL, {"model.timesteps": timesteps, "data.generations": generations, "steps": 10})
    result = run_trial(config, RunFolder(tmp_path / "a"), device="cpu", sequences=50)
    assert result["metric"] is None
    assert result["matthews"] is None
    assert np.isfinite(result["accuracy"])


STAGED = {
    "probes.on": True, "probes.pool": 50, "adversarial.on": True, "adversarial.steps": 20, "adversarial.alone": 5,
    "adversarial.pool": 50, "adversarial.batch": 8,
}  # fmt: skip


def test_what_is_trained_on_a_finished_run_is_what_would_have_been(finished, tmp_path):
    source, _ = finished
    config = override(trial_module.load_config(source), STAGED)
    whole, later = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "later")
    expected = run_trial(config, whole, device="cpu", sequences=100)
    records = []
    found = run_trial(
        config, later, source=source, device="cpu", sequences=100, watch=lambda stage, record: records.append(stage)
    )
    assert records[:3] == ["train"] * 3
    assert found.pop("network_from") == json.loads(source.result.read_text())["run"]
    timed = {"seconds_training", "seconds"}
    for result in (expected, found):
        for table in (result, result["adversarial"], result["probes"]):
            for key in timed & table.keys():
                del table[key]
    assert found == expected
    for one, other in ((getattr(run, name) for run in (whole, later)) for name in ("weights", "adversarial", "probes")):
        assert one.read_bytes() == other.read_bytes()
    assert [r["accuracy"] for r in later.read_log()] == [r["accuracy"] for r in whole.read_log()]
    assert {path.name for path in later.path.iterdir()} == {path.name for path in whole.path.iterdir()}


def test_a_run_that_another_cannot_build_on_is_refused(finished, tmp_path):
    source, _ = finished
    theirs = trial_module.load_config(source)
    folder = RunFolder(tmp_path / "a")
    with pytest.raises(ValueError, match=r"network of another config: batch \(8 against 9\)"):
        run_trial(override(theirs, {"batch": 9}), folder, source=source, device="cpu")
    copy = RunFolder(tmp_path / "copy")
    result = source.read_result()

    def refused(message):
        with pytest.raises(Failure, match=message):
            run_trial(override(theirs, STAGED), folder, source=copy, device="cpu")
        assert not folder.path.exists()

    for damage, message in (
        ({"agreement": None, "outcome": "diverged: at once"}, "no network to build on: diverged: at once"),
        ({"outcome": 3}, "'outcome' is 3 where a text should be"),
        ({"steps_to_98": 7}, "'steps_to_98' is 7 where a list should be"),
    ):
        shutil.copytree(source.path, copy.path, dirs_exist_ok=True)
        copy.result.write_text(json.dumps(result | damage))
        refused(message)
    for file, content, message in (
        (copy.metrics, '{"step": 1}\n', "metrics.jsonl is damaged: it is not what the run left"),
        (copy.metrics, None, "it has no records of the training"),
        (copy.snapshots / "truth.npy", None, "it has no pictures of the training"),
        (copy.snapshots / "truth.npy", "x", "truth.npy is damaged"),
        (copy.result, None, "has no finished run; go on with"),
    ):
        shutil.copytree(source.path, copy.path, dirs_exist_ok=True)
        file.unlink() if content is None else file.write_text(content)
        refused(message)


def test_a_network_that_was_taken_over_is_not_trained_after_a_kill(finished, tmp_path, monkeypatch):
    source, _ = finished
    config = override(trial_module.load_config(source), STAGED)
    copy, folder = RunFolder(tmp_path / "copy"), RunFolder(tmp_path / "a")
    shutil.copytree(source.path, copy.path)

    def killed(*words, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trial_module, "train_stages", killed)
        with pytest.raises(KeyboardInterrupt):
            run_trial(config, folder, source=copy, device="cpu", sequences=100)
    shutil.rmtree(copy.path)  # it is needed no more
    monkeypatch.setattr(trial_module, "train", None)
    found = run_trial(config, folder, device="cpu", resume=True, sequences=100)
    assert found["probes"]["outcome"] == "trained"
    assert folder.weights.read_bytes() == source.weights.read_bytes()
    assert not (folder.path / "network.pt").exists()


def test_a_trial_on_another_device_than_the_cpu_comes_to_the_same():
    """Training, adversarial decoder, probes, evaluation, pictures: nothing is left behind on the wrong device."""
    emulation = pytest.importorskip("torch.utils.backend_registration")
    if not hasattr(emulation, "_setup_privateuseone_for_python_backend"):
        pytest.skip("this torch emulates no devices")
    script = Path(__file__).with_name("on_a_device.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    for there, here in json.loads(done.stdout):
        assert there == here
