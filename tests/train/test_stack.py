"""Networks trained as one are what each is alone; what befalls one does not touch the others."""

import json
import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from golfast.data import Recipe, generate
from golfast.errors import Failure
from golfast.model import ModelConfig
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import Compute, choose_compute
from golfast.train import TrainConfig, train
from golfast.train.feed import Feed
from golfast.train.stack import alike, train_together
from golfast.train.stack import loop as stack_loop
from golfast.train.stack.step import StackedStep

CPU = Compute(torch.device("cpu"), torch.float32)
SMALL = TrainConfig(
    batch=8,
    steps=40,
    stop=2.0,
    evaluate_every=5,
    evaluate_near=5,
    evaluate_on=16,
    checkpoint_every=10,
    engine="stacked",
    precision="fp32",
    data=Recipe(count=100, height=9, width=11, generations=2),
    model=ModelConfig(timesteps=2, channels=6, core_layers=2),
)
# Members that differ in all that may differ.
CHANGES = (
    {},
    {"seed": 3, "optimiser.clip": 0.001},
    {"seed": 4, "autoencoder": False, "optimiser.adam_lr": 1e-2, "optimiser.schedule": "cosine"},
    {"seed": 5, "optimiser.lr": 0.05, "optimiser.momentum": 0.8, "optimiser.beta2": 0.9, "optimiser.warmup": 3},
    {"seed": 6, "steps": 25, "optimiser.clip": 0.0, "optimiser.schedule": "exponential", "optimiser.decay_steps": 5},
)


def members(configs, path):
    return [(config, RunFolder(path / str(k)), lambda record: None) for k, config in enumerate(configs)]


def together(configs, path, **options):
    """Outcomes in the order of the configs."""
    found = dict(train_together(members(configs, path), generate(configs[0].data), compute=CPU, **options))
    assert sorted(found) == list(range(len(configs)))
    return [found[k] for k in range(len(configs))]


def weights(outcome):
    return torch.cat([p.detach().flatten() for p in outcome.network.parameters()])


def records(path):
    lines = (path / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in lines]


@pytest.mark.parametrize("optimiser", ["muon", "adam"])
def test_a_member_is_the_same_run_alone(tmp_path, optimiser):
    """In fp32, over 40 steps, to 1e-5 (a learning rate is 1e-3 to 5e-2): only sums are taken in another order."""
    configs = [override(SMALL, {"optimiser.name": optimiser, **change}) for change in CHANGES]
    outcomes = together(configs, tmp_path / "all")
    for k, (config, outcome) in enumerate(zip(configs, outcomes, strict=True)):
        alone = train(config, RunFolder(tmp_path / "alone" / str(k)), generate(config.data), compute=CPU)
        torch.testing.assert_close(weights(outcome), weights(alone), rtol=1e-4, atol=1e-5)
        assert (outcome.steps, outcome.outcome) == (alone.steps, alone.outcome)
        assert (tmp_path / "all" / str(k) / "config.toml").read_text() == (
            tmp_path / "alone" / str(k) / "config.toml"
        ).read_text()
        ours, theirs = (records(tmp_path / name / str(k)) for name in ("all", "alone"))
        assert [record["step"] for record in ours] == [record["step"] for record in theirs]
        assert ours[0] == theirs[0]
        for one, other in zip(ours[1:], theirs[1:], strict=True):
            assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
            assert one["accuracy"] == pytest.approx(other["accuracy"], abs=2e-3)
    assert len({float(weights(outcome).sum()) for outcome in outcomes}) == len(outcomes)


def test_a_member_is_what_torch_trains(tmp_path):
    """With Adam, to 1e-5: torch's own convolutions, autograd and optimisers. (torch's Muon rounds to bfloat16.)"""
    configs = [override(SMALL, {"optimiser.name": "adam", **change}) for change in CHANGES]
    for k, (config, outcome) in enumerate(zip(configs, together(configs, tmp_path / "all"), strict=True)):
        alone = override(config, {"engine": "torch"})
        torchs = train(alone, RunFolder(tmp_path / "torch" / str(k)), generate(config.data), compute=CPU)
        torch.testing.assert_close(weights(outcome), weights(torchs), rtol=1e-4, atol=1e-5)


def test_muon_is_torchs_up_to_what_it_rounds(tmp_path):
    config = override(SMALL, {"steps": 10, "checkpoint_every": 5})
    ours = train(config, RunFolder(tmp_path / "a"), generate(config.data), compute=CPU)
    alone = override(config, {"engine": "torch"})
    torchs = train(alone, RunFolder(tmp_path / "b"), generate(config.data), compute=CPU)
    moved = train(override(config, {"steps": 1}), RunFolder(tmp_path / "c"), generate(config.data), compute=CPU)
    distance = (weights(ours) - weights(torchs)).norm() / (weights(torchs) - weights(moved)).norm()
    assert distance < 0.02


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [10, 17, 20, 29])
def test_a_killed_stack_goes_on_to_the_same_bits(tmp_path, monkeypatch, at):
    configs = [override(SMALL, {"seed": seed, "steps": steps}) for seed, steps in ((1, 40), (2, 40), (3, 15), (4, 40))]
    whole = together(configs, tmp_path / "whole")
    real = Feed.numbers

    def killed(self, step, steps):
        if step <= at < step + steps and self._seed == 2:
            raise Killed
        return real(self, step, steps)

    monkeypatch.setattr(Feed, "numbers", killed)
    with pytest.raises(Killed):
        together(configs, tmp_path / "killed")
    monkeypatch.undo()
    resumed = together(configs, tmp_path / "killed", resume=True)
    for k, (one, other) in enumerate(zip(whole, resumed, strict=True)):
        assert torch.equal(weights(one), weights(other))
        assert (one.steps, one.outcome, one.accuracy) == (other.steps, other.outcome, other.accuracy)
        assert one.steps_to_learn == other.steps_to_learn
        assert records(tmp_path / "whole" / str(k)) == records(tmp_path / "killed" / str(k))


def test_members_end_as_they_would_alone(tmp_path, monkeypatch):
    """Reached, stuck, diverged, not reached, unusable: and those that go on have the weights they would have had."""
    healthy = [override(SMALL, {"seed": seed}) for seed in (1, 2)]
    expected = together(healthy, tmp_path / "expected")
    others = [
        override(SMALL, {"seed": 7, "optimiser.lr": 9.9, "optimiser.adam_lr": 9.9}),
        override(SMALL, {"seed": 8, "stop": 0.3}),
        override(SMALL, {"seed": 9, "optimiser.adam_lr": 1e-9, "optimiser.lr": 1e-9, "patience": 10}),
        override(SMALL, {"seed": 10}),
    ]
    configs = [others[0], healthy[0], others[1], others[2], healthy[1], others[3]]
    RunFolder(tmp_path / "all" / "5").start("batch = 3")
    sizes = []
    real = StackedStep.__init__

    def counted(self, configs, *words, **options):
        sizes.append(len(configs))
        real(self, configs, *words, **options)

    monkeypatch.setattr(StackedStep, "__init__", counted)
    outcomes = together(configs, tmp_path / "all")
    assert outcomes[0].diverged
    assert outcomes[2].reached
    assert outcomes[3].outcome == "stuck: it predicts empty boards after 10 steps"
    assert isinstance(outcomes[5], Failure)
    assert "holds a run of another config" in str(outcomes[5])
    for ours, alone in zip((outcomes[1], outcomes[4]), expected, strict=True):
        assert ours.outcome == alone.outcome
        torch.testing.assert_close(weights(ours), weights(alone), rtol=1e-4, atol=1e-5)
    assert sizes[0] == 5
    assert sizes[-1] == 2  # the others have left
    for k in (0, 2, 3):
        assert RunFolder(tmp_path / "all" / str(k)).weights.exists()


def test_a_run_that_has_ended_is_read_and_not_trained(tmp_path, monkeypatch):
    configs = [override(SMALL, {"seed": seed}) for seed in (1, 2)]
    before = together(configs, tmp_path)
    monkeypatch.setattr(StackedStep, "run", None)
    after = together(configs, tmp_path, resume=True)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(weights(one), weights(other))
        assert (one.steps, one.accuracy, one.outcome) == (other.steps, other.accuracy, other.outcome)


def test_a_set_that_does_not_fit_is_sent_in_parts(tmp_path, monkeypatch):
    configs = [override(SMALL, {"seed": seed}) for seed in (1, 2)]
    resident = together(configs, tmp_path / "a")
    monkeypatch.setattr(Feed, "fits", lambda self, device: False)
    sent = together(configs, tmp_path / "b")
    for one, other in zip(resident, sent, strict=True):
        assert torch.equal(weights(one), weights(other))


def test_only_what_is_alike_is_trained_as_one(tmp_path):
    assert len({alike(override(SMALL, change)) for change in CHANGES}) == 1
    bound = ({"batch": 4}, {"model.channels": 5}, {"data.seed": 1}, {"optimiser.name": "adam"}, {"evaluate_on": 8})
    assert len({alike(override(SMALL, change)) for change in bound}) == len(bound)
    with pytest.raises(ValueError, match="must be alike"):
        together([SMALL, override(SMALL, {"batch": 4})], tmp_path)


def test_half_precision_learns_with_scaled_losses(tmp_path):
    """fp16 as on a GPU without bf16: the first scale is too large for nobody, and losses follow those of fp32."""
    config = override(SMALL, {"precision": "fp16", "model.channels": 4, "steps": 20})
    half = Compute(torch.device("cpu"), torch.float16)
    outcome = train(config, RunFolder(tmp_path / "a"), generate(config.data), compute=half)
    other = override(config, {"precision": "fp32"})
    train(other, RunFolder(tmp_path / "b"), generate(config.data), compute=CPU)
    ours, theirs = (records(tmp_path / name)[-1] for name in ("a", "b"))
    assert outcome.steps == 20
    assert math.isfinite(ours["loss"])
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.02)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_replayed_step_is_the_step(tmp_path, precision):
    compute = choose_compute("cuda", precision)
    configs = [override(SMALL, {"precision": precision, **change}) for change in CHANGES]
    found = []
    for name, graph in (("graph", True), ("eager", False)):
        runs = members(configs, tmp_path / name)
        found.append(dict(train_together(runs, generate(SMALL.data), compute=compute, graph=graph)))
    for k in range(len(configs)):
        torch.testing.assert_close(weights(found[0][k]), weights(found[1][k]), rtol=1e-3, atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_trains_what_a_cpu_does(tmp_path):
    compute = choose_compute("cuda", "fp32")
    configs = [override(SMALL, {"optimiser.name": "adam", **change}) for change in CHANGES]
    ours = dict(train_together(members(configs, tmp_path / "cuda"), generate(SMALL.data), compute=compute))
    for k, theirs in enumerate(together(configs, tmp_path / "cpu")):
        torch.testing.assert_close(weights(ours[k]).cpu(), weights(theirs), rtol=1e-2, atol=1e-3)


class Elsewhere(TorchDispatchMode):
    """Notes operations that read or make a tensor on another device than they should."""

    def __init__(self, device):
        super().__init__()
        self.device, self.operations, self.found = device, 0, set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.operations += 1
        for tensor in tree_leaves((args, kwargs, result)):
            if isinstance(tensor, torch.Tensor) and tensor.device != self.device:
                self.found.add(str(operation))
        return result


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize("optimiser", ["muon", "adam"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_nothing_in_a_step_leaves_the_device(dtype, optimiser, padding):
    """What a GPU captures may neither read the CPU's memory nor ask for a value. The device here is one of shapes."""
    meta = torch.device("meta")
    configs = [override(SMALL, {"optimiser.name": optimiser, "model.padding": padding, **one}) for one in CHANGES]
    shape = configs[0].data.shape
    pairs = torch.empty(shape[0], 2, *shape[2:], dtype=torch.uint8, device=meta)
    step = StackedStep(configs, pairs, Compute(meta, dtype))
    with Elsewhere(meta) as noted:
        step._step()
    assert noted.operations > 100
    assert noted.found == set()


def test_the_loop_waits_for_nothing_between_looks(tmp_path, monkeypatch):
    """Nothing a step does may ask a tensor for its value: on a GPU that would wait for all that was sent before."""
    asked = []

    def forbidden(self, *words):
        asked.append(self.shape)
        raise AssertionError("a step waits for the device")

    real = StackedStep.run

    def run(self, order, factors):
        with pytest.MonkeyPatch.context() as patch:
            for name in ("item", "tolist", "numpy", "__bool__", "__float__", "__int__", "cpu"):
                patch.setattr(torch.Tensor, name, forbidden)
            real(self, order, factors)

    monkeypatch.setattr(stack_loop.StackedStep, "run", run)
    for k, precision in enumerate(("fp32", "fp16")):
        compute = Compute(torch.device("cpu"), torch.float16 if precision == "fp16" else torch.float32)
        config = override(SMALL, {"precision": precision, "steps": 5, "model.channels": 3})
        train(config, RunFolder(tmp_path / str(k)), generate(SMALL.data), compute=compute)
    assert asked == []
