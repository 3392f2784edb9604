"""Training: reproducible, resumable, and it learns."""

import json
import math

import numpy as np
import pytest
import torch

from golfast.data import Recipe, generate
from golfast.errors import Failure
from golfast.imagine.kernels import NONE
from golfast.imagine.metric import matched_states
from golfast.model import ModelConfig, Network
from golfast.run.checkpoint import save_checkpoint
from golfast.run.config import fingerprint, override, to_toml
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute
from golfast.train import OptimiserConfig, TrainConfig, train
from golfast.train.accuracy import Judge
from golfast.train.feed import Feed, unpack_bits
from golfast.train.optimise import Optimisers, rate_factor, seeded_network

SMALL = TrainConfig(
    batch=8,
    steps=30,
    stop=2.0,
    evaluate_every=5,
    evaluate_on=16,
    checkpoint_every=10,
    data=Recipe(count=100, height=9, width=11, generations=2),
    model=ModelConfig(timesteps=2, channels=6, core_layers=2),
)


@pytest.fixture
def compute():
    return choose_compute("cpu")


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def run(config, path, compute, **options):
    return train(config, RunFolder(path), generate(config.data), compute=compute, **options)


@pytest.mark.parametrize("optimiser", ["muon", "adam"])
def test_the_same_seed_gives_the_same_weights(tmp_path, compute, optimiser):
    config = override(SMALL, {"optimiser.name": optimiser})
    one, two = (run(config, tmp_path / name, compute) for name in ("a", "b"))
    assert torch.equal(weights(one.network), weights(two.network))
    other = run(override(config, {"seed": 1}), tmp_path / "c", compute)
    assert not torch.equal(weights(one.network), weights(other.network))


def test_training_leaves_torch_as_it_was(tmp_path, compute):
    torch.manual_seed(5)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    run(SMALL, tmp_path / "a", compute)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("engine", ["auto", "stacked"])
def test_what_is_imagined_is_shown_before_each_record(tmp_path, compute, engine):
    shown, records = [], []

    def draw(truth, drawn):
        assert truth.shape == (3, 9, 11)
        assert (drawn.shape, drawn.dtype) == ((2, 9, 11), np.uint8)
        shown.append(drawn.copy())

    def watch(record):
        records.append(record)
        assert len(shown) == len(records)

    config = override(SMALL, {"engine": engine, "precision": "fp32" if engine == "stacked" else "auto"})
    run(config, tmp_path / "a", compute if engine == "auto" else choose_compute("cpu", "fp32"), draw=draw, watch=watch)
    assert [record["step"] for record in records] == [0, 5, 10, 15, 20, 25, 30]
    kept = np.load(tmp_path / "a" / "snapshots" / "step-0000030.npy")
    assert (kept == shown[-1]).all()


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [5, 10, 17, 20, 29])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, compute, monkeypatch, at):
    whole = run(SMALL, tmp_path / "whole", compute)
    real = Feed.batch

    def killed(self, step):
        if step == at:
            raise Killed
        return real(self, step)

    monkeypatch.setattr(Feed, "batch", killed)
    with pytest.raises(Killed):
        run(SMALL, tmp_path / "a", compute)
    monkeypatch.undo()
    resumed = run(SMALL, tmp_path / "a", compute, resume=True)
    assert torch.equal(weights(whole.network), weights(resumed.network))
    assert whole.steps_to_learn == resumed.steps_to_learn

    def records(name):
        lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]

    assert records("whole") == records("a")
    assert [record["step"] for record in records("a")] == list(range(0, 31, 5))


def test_only_a_whole_interval_is_lost(tmp_path, compute, monkeypatch):
    seen = []
    real = Feed.batch

    def watch(self, step):
        seen.append(step)
        if step == 27 and len(seen) == 28:
            raise Killed
        return real(self, step)

    monkeypatch.setattr(Feed, "batch", watch)
    with pytest.raises(Killed):
        run(SMALL, tmp_path / "a", compute)
    run(SMALL, tmp_path / "a", compute, resume=True)
    assert seen == list(range(28)) + list(range(20, 30))


def test_a_checkpoint_of_another_config_is_refused(tmp_path, compute):
    run(SMALL, tmp_path / "a", compute)
    with pytest.raises(Failure, match="holds a run of another config"):
        run(override(SMALL, {"seed": 3}), tmp_path / "a", compute, resume=True)
    other = run(override(SMALL, {"seed": 3}), tmp_path / "b", compute)
    for name in ("checkpoint.pt", "checkpoint.before.pt"):
        (tmp_path / "a" / name).replace(tmp_path / "b" / name)
    with pytest.raises(Failure, match="is of another config"):
        run(override(SMALL, {"seed": 3}), tmp_path / "b", compute, resume=True)
    assert other.steps == 30


@pytest.mark.parametrize("engine", ["torch", "stacked"])
@pytest.mark.parametrize(
    "state",
    [
        {"step": 3},
        {"step": "x", "seconds": 0.0, "learned": [], "ended": None},
        {"step": math.inf, "seconds": 0.0, "learned": [None, None], "ended": None},
        {"step": -5, "seconds": 0.0, "learned": [None, None], "ended": None},
        {"step": 5, "seconds": math.nan, "learned": [None, None], "ended": None},
        {"step": 5, "seconds": 0.0, "learned": ["a", "b"], "ended": None},
        {"step": 5, "seconds": 0.0, "learned": [None, None], "ended": 5},
        "shapes",
    ],
)
def test_a_checkpoint_that_holds_something_else_is_told(tmp_path, engine, state):
    """Its checksum is right and it executes nothing, and still it may be anybody's."""
    config, compute = override(SMALL, {"engine": engine, "precision": "fp32"}), choose_compute("cpu", "fp32")
    folder = RunFolder(tmp_path / "a")
    folder.start(to_toml(config))
    if state == "shapes":
        wrong = {"weights": torch.zeros(3)}
        state = {"step": 5, "seconds": 0.0, "learned": [None, None], "ended": None, "accuracy": [0.5, 0.5]}
        state |= {"network": wrong, "optimisers": [], "stack": wrong}
    save_checkpoint(folder.checkpoint, state, config=fingerprint(config))
    with pytest.raises(Failure, match="holds what this run cannot take up"):
        run(config, folder.path, compute, resume=True)


def test_nan_in_training_is_told(tmp_path, compute, monkeypatch):
    real = Feed.batch

    def poisoned(self, step):
        first, last = real(self, step)
        return first, last * math.nan if step == 12 else last

    monkeypatch.setattr(Feed, "batch", poisoned)
    outcome = run(SMALL, tmp_path / "a", compute)
    assert outcome.outcome == "diverged: the loss is nan at step 15; lower the learning rates, or train in fp32"
    assert outcome.diverged
    assert not outcome.reached
    records = RunFolder(tmp_path / "a").read_log()
    assert [(record["step"], record["loss"] is None) for record in records] == [
        (0, True),
        (5, False),
        (10, False),
        (15, True),
    ]
    # The same is told by a run that was killed before it could tell it.
    monkeypatch.undo()
    again = run(SMALL, tmp_path / "a", compute, resume=True)
    assert (again.outcome, again.steps) == (outcome.outcome, 15)


def test_an_exploding_loss_ends_the_run(tmp_path, compute, monkeypatch):
    real = Feed.batch

    def poisoned(self, step):
        first, last = real(self, step)
        return first, last + 1e3 if step >= 12 else last

    monkeypatch.setattr(Feed, "batch", poisoned)
    outcome = run(SMALL, tmp_path / "a", compute)
    assert outcome.outcome.startswith("diverged: the loss is ")
    assert outcome.steps == 15
    assert outcome.diverged


def test_a_world_in_which_all_dies_is_learned(tmp_path, compute):
    """No loss is large beside that of predicting empty boards, which is none; and they are empty."""
    config = override(SMALL, {"data.rule": "B/S", "stop": 1.0, "steps": 300})
    assert run(config, tmp_path / "a", compute).reached
    unended = run(override(config, {"stop": 2.0, "steps": 30}), tmp_path / "b", compute)
    assert unended.outcome == "not reached"


def test_a_run_that_predicts_empty_boards_is_stuck(tmp_path, compute):
    config = override(SMALL, {"optimiser.name": "adam", "optimiser.adam_lr": 1e-9, "data.density": 0.2})
    outcome = run(config, tmp_path / "a", compute)
    assert outcome.outcome == "stuck: it predicts empty boards after 30 steps"
    outcome = run(override(config, {"patience": 10}), tmp_path / "b", compute)
    assert outcome.outcome == "stuck: it predicts empty boards after 10 steps"
    assert not outcome.reached
    assert not outcome.diverged


def test_it_stops_when_the_last_state_is_right_enough(tmp_path, compute):
    easy = override(SMALL, {"stop": 0.5})
    outcome = run(easy, tmp_path / "a", compute)
    assert outcome.reached
    assert outcome.steps < 30


def test_one_timestep_is_learned(tmp_path, compute):
    """The rule of Life from examples alone, in a few hundred small steps."""
    config = override(
        SMALL,
        {"steps": 400, "stop": 0.97, "batch": 16, "model.timesteps": 1, "model.channels": 12, "model.core_layers": 3,
         "data.generations": 1, "data.count": 2000, "data.fresh": 1.0, "evaluate_every": 20, "checkpoint_every": 400,
         "optimiser.warmup": 20},
    )  # fmt: skip
    outcome = run(config, tmp_path / "a", compute)
    assert outcome.reached
    assert outcome.steps_to_learn == [None] or outcome.steps_to_learn[0] <= outcome.steps


def test_the_loss_is_the_mean_of_prediction_and_autoencoder(compute, tmp_path, monkeypatch):
    losses = {}
    monkeypatch.setattr(Optimisers, "step", lambda self, loss, step: losses.setdefault(len(losses), loss.item()))
    for name, autoencoder in (("a", True), ("b", False)):
        run(
            override(SMALL, {"autoencoder": autoencoder, "steps": 1, "precision": "fp32"}),
            tmp_path / name,
            choose_compute("cpu", "fp32"),
        )
    network = seeded_network(Network, SMALL.model, seed=SMALL.seed)
    first, last = Feed(generate(SMALL.data), 11, batch=8, seed=0, device=torch.device("cpu")).batch(0)
    predicted, recreated = network(first)
    prediction = ((predicted - last) ** 2).mean().item()
    recreation = ((recreated - first) ** 2).mean().item()
    assert losses[0] == pytest.approx((prediction + recreation) / 2, rel=1e-5)
    assert losses[1] == pytest.approx(prediction, rel=1e-5)


def test_each_epoch_shows_every_trajectory_once():
    packed = generate(Recipe(count=50, fresh=1.0, height=5, width=13))
    feed = Feed(packed, 13, batch=10, seed=3, device=torch.device("cpu"))
    epochs = []
    for epoch in range(2):
        batches = [feed.batch(epoch * 5 + k) for k in range(5)]
        firsts = torch.cat([first for first, _ in batches]).squeeze(1).numpy()
        lasts = torch.cat([last for _, last in batches]).squeeze(1).numpy()
        epochs.append(firsts.reshape(50, -1))
        truth = np.unpackbits(packed, axis=-1, count=13)
        index = {board.tobytes(): k for k, board in enumerate(truth[:, 0])}
        order = [index[first.astype(np.uint8).tobytes()] for first in firsts]
        assert sorted(order) == list(range(50))
        np.testing.assert_array_equal(lasts, truth[order, -1])
    assert not np.array_equal(epochs[0], epochs[1])


def test_unpacking_on_the_device_is_numpys():
    packed = np.random.default_rng(0).integers(0, 256, (3, 2, 5, 3), np.uint8)
    for width in range(17, 25):
        expected = np.unpackbits(packed, axis=-1, count=width)
        np.testing.assert_array_equal(unpack_bits(torch.from_numpy(packed), width).numpy(), expected)


def test_accuracy_is_of_the_state_that_a_timestep_stands_for(compute):
    truth = generate(Recipe(count=20, generations=2))
    cells = torch.from_numpy(np.unpackbits(truth, axis=-1, count=20)).float()

    class Fake:
        def __init__(self, order):
            self.order = order

        def imagine(self, first):
            return cells[:, self.order]

    def look(order):
        return judge.look(Fake(order))

    judge = Judge(truth, 20, compute)
    share = (cells[:, 1] == cells[:, 2]).float().mean().item()
    assert look([1, 2]) == ([1.0, 1.0], 1.0, 1.0)
    assert look([2, 1])[0] == pytest.approx([share, share])
    # Another number of timesteps: the last stands for the last state; a state between, for who draws it best before it.
    assert look([2, 1, 2])[0] == [1.0, 1.0]
    assert look([2, 2, 1])[0] == pytest.approx([share, share])
    assert look([1])[0] == pytest.approx([1.0, share])
    assert look([1, 1])[1] == pytest.approx((cells[:, 1].sum() / cells[:, 2].sum()).item())
    assert judge.living == pytest.approx(cells[:, 2].mean().item())
    # What is imagined is what the metric counts before it asks whether a state is taken already.
    for order in ([1, 2], [2, 1], [0, 2], [2, 0, 1], [1, 0, 2], [1, 1, 1]):
        drawn = cells[:, order[:-1]].bool().numpy()
        matched = matched_states(drawn, cells.bool().numpy()) != NONE
        assert look(order).imagined == pytest.approx(matched.mean())
    assert look([2]).imagined is None


def test_gradients_are_clipped_and_the_rate_falls():
    network = Network(ModelConfig(channels=4, core_layers=1, timesteps=1))
    config = OptimiserConfig(name="adam", clip=0.01, warmup=10, final=0.1)
    optimisers = Optimisers(network, config, 100)
    rates = []
    for step in (0, 4, 9, 50, 100):
        optimisers.step(1e6 * sum((p**2).sum() for p in network.parameters()), step)
        rates.append(optimisers._all[0][0].param_groups[0]["lr"] / config.adam_lr)
    assert max(p.grad.abs().max().item() for p in network.parameters()) <= 0.01
    assert rates == pytest.approx([0.1, 0.5 * (1 - 0.9 * 0.04), 1 - 0.9 * 0.09, 0.55, 0.1])


@pytest.mark.parametrize(
    ("schedule", "steps", "expected"),
    [
        ("linear", (0, 50, 100), (1, 0.55, 0.1)),
        ("cosine", (0, 25, 50, 100), (1, 0.1 + 0.9 * (1 + 2**-0.5) / 2, 0.55, 0.1)),
        ("exponential", (0, 20, 40, 1000), (1, 0.9, 0.81, 0.9**50)),
    ],
)
def test_schedules(schedule, steps, expected):
    config = OptimiserConfig(warmup=0, schedule=schedule, decay_steps=20)
    assert [rate_factor(config, step, 100) for step in steps] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 0}, "batch is 0; it must be 1 or more"),
        ({"batch": 101}, "batch is 101 and data.count only 100"),
        ({"seed": -1}, "seed is -1"),
        ({"stop": 0.0}, "stop is 0.0"),
        ({"precision": "fp8"}, "precision is 'fp8'; allowed are: auto, bf16, fp16, fp32"),
        ({"checkpoint_every": 7}, "checkpoint_every is 7; it must be a multiple of evaluate_every, 5"),
        ({"data.generations": 0}, "nothing to predict"),
        ({"data.split": "test"}, "train on 'train'"),
        ({"optimiser.name": "sgd"}, "optimiser.name is 'sgd'; allowed are: muon, adam"),
        ({"optimiser.lr": 0.0}, "optimiser.lr is 0.0"),
        ({"optimiser.momentum": 1.0}, "optimiser.momentum is 1.0"),
        ({"optimiser.clip": -1.0}, "optimiser.clip is -1.0"),
        ({"optimiser.final": 2.0}, "optimiser.final is 2.0"),
        ({"optimiser.warmup": -1}, "optimiser.warmup is -1"),
        ({"optimiser.schedule": "step"}, "optimiser.schedule is 'step'; allowed are: linear, cosine, exponential"),
        ({"optimiser.decay": 0.0}, "optimiser.decay is 0.0"),
        ({"optimiser.decay_steps": 0}, "optimiser.decay_steps is 0"),
        ({"optimiser.beta2": 1.0}, "optimiser.beta2 is 1.0"),
        ({"evaluate_near": 3}, "evaluate_near is 3; it must divide evaluate_every, 5"),
        ({"patience": -1}, "patience is -1"),
        ({"stop_every": 0}, "stop_every is 0"),
        ({"adversarial.layers": 0}, "adversarial.layers is 0; it must be from 1 to 64"),
        ({"adversarial.alone": 9999}, "adversarial.alone is 9999; it must be from 0 to adversarial.steps"),
        ({"adversarial.losses": "all"}, "adversarial.losses is 'all'; allowed are: as trained, prediction, predic"),
        ({"adversarial.weight": -1.0}, "adversarial.weight is -1.0"),
        ({"adversarial.lr": 0.0}, "adversarial.lr is 0.0"),
        ({"adversarial.clip": -1.0}, "adversarial.clip is -1.0"),
        ({"adversarial.on": True, "model.timesteps": 1}, "no timestep is left that no loss trains"),
        ({"probes.pool": 0}, "probes.pool is 0; it must be 1 or more"),
        ({"probes.lr": 10.0}, "probes.lr is 10.0"),
        ({"probes.on": True, "data.generations": 1}, "probes draw states in between, and there are none"),
    ],
)
def test_impossible_configs(change, message):
    with pytest.raises(ValueError, match=message):
        override(SMALL, change)


def test_devices_and_precisions_that_are_not_there():
    with pytest.raises(ValueError, match="device 'tpu' is unknown"):
        choose_compute("tpu")
    with pytest.raises(ValueError, match="precision 'fp8' is unknown"):
        choose_compute("cpu", "fp8")
    with pytest.raises(ValueError, match="precision 'fp16' was asked for; it is for GPUs"):
        choose_compute("cpu", "fp16")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="torch sees no CUDA device"):
            choose_compute("cuda")


def test_bf16_where_it_is_not_multiplied_is_refused(monkeypatch):
    monkeypatch.setattr("golfast.run.precision._has_bf16", lambda device: False)
    assert choose_compute("cpu").precision == "fp32"
    with pytest.raises(ValueError, match="precision 'bf16' was asked for, and this cpu does not multiply it"):
        choose_compute("cpu", "bf16")
