"""What is trained on top of a finished network: the adversarial decoder and the probes."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss, softplus

from golfast.ablate import load_stages
from golfast.data import Recipe, generate
from golfast.imagine import evaluate, imagine
from golfast.model import ModelConfig, Network, Probes
from golfast.model.compiled.choose import fastest
from golfast.model.compiled.discriminator import CompiledDiscriminator
from golfast.run.config import override
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute
from golfast.train import AdversarialConfig, ProbesConfig, TrainConfig, train_adversarial, train_probes
from golfast.train.adversarial import game as game_module
from golfast.train.adversarial.by_torch import TorchGame
from golfast.train.adversarial.compiled import CompiledGame
from golfast.train.adversarial.game import BETAS
from golfast.train.hidden import HiddenPool
from golfast.train.probes import choose_targets
from golfast.train.stage import draw_seed

SMALL = TrainConfig(
    batch=8,
    evaluate_every=10,
    checkpoint_every=10,
    data=Recipe(count=60, height=9, width=11, generations=3),
    model=ModelConfig(timesteps=3, channels=6, core_layers=1),
    adversarial=AdversarialConfig(on=True, steps=25, alone=12, batch=4, pool=40),
    probes=ProbesConfig(on=True, steps=25, batch=8, pool=60),
)


@pytest.fixture
def compute():
    return choose_compute("cpu")


@pytest.fixture(scope="module")
def packed():
    return generate(SMALL.data)


def network_of(config):
    torch.manual_seed(3)
    return Network(config.model)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


class Killed(BaseException):
    pass


def killing(at):
    """A watch under which a run is killed once it has taken so many steps."""

    def watch(record):
        if record["step"] >= at:
            raise Killed

    return watch


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_the_pool_holds_what_the_network_computes(packed, precision):
    compute = choose_compute("cpu", "fp32" if choose_compute("cpu").precision == "fp32" else precision)
    network = network_of(SMALL)
    pool = HiddenPool(network, packed, 11, 50, compute)
    chosen = torch.tensor([3, 49, 3])
    cells = torch.from_numpy(np.unpackbits(packed[:50], axis=-1, count=11))
    with torch.no_grad(), compute.autocast():
        expected = torch.cat([state[chosen] for state in network.hidden_states(cells[:, :1].float())])
    assert torch.equal(pool.hidden(slice(0, 4), chosen), expected)
    assert torch.equal(pool.hidden(slice(0, 4, 3), chosen), torch.cat([expected[:3], expected[-3:]]))
    assert torch.equal(pool.states(-1, chosen).squeeze(1), cells[chosen, -1].float())
    assert len(HiddenPool(network, packed, 11, 1000, compute)) == 60
    planes = HiddenPool(network, packed, 11, 50, compute, channels_last=False)
    assert torch.equal(planes.hidden(slice(0, 4), chosen), expected)
    assert torch.equal(planes.planes(), pool.planes())
    assert planes.planes().data_ptr() == planes.kept(0).data_ptr()


@pytest.mark.parametrize(
    "change",
    [{}, {"autoencoder": False, "adversarial.clip": 0.0}, {"model.timesteps": 2, "model.shared_core": False}],
)
def test_only_the_new_decoder_learns_and_it_learns_the_losses(tmp_path, compute, packed, change):
    config = override(SMALL, change)
    network = network_of(config)
    before = copy.deepcopy(network.state_dict())
    state = torch.random.get_rng_state()
    decoder, outcome = train_adversarial(config, RunFolder(tmp_path), network, packed, compute=compute)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert (outcome.outcome, outcome.steps) == ("trained", 25)
    again, _ = train_adversarial(config, RunFolder(tmp_path / "again"), network, packed, compute=compute)
    assert torch.equal(weights(decoder), weights(again))
    config = override(config, {"seed": 1})
    other, _ = train_adversarial(config, RunFolder(tmp_path / "other"), network, packed, compute=compute)
    assert not torch.equal(weights(decoder), weights(other))


def test_without_the_discriminator_it_is_the_plain_losses(tmp_path, compute, packed):
    """It comes as near the last and the first state as a decoder trained by hand on the same hidden states can."""
    config = override(
        SMALL, {"adversarial.weight": 0.0, "adversarial.steps": 250, "adversarial.alone": 250, "adversarial.layers": 1}
    )
    network = network_of(config)
    decoder, _ = train_adversarial(config, RunFolder(tmp_path), network, packed, compute=compute)
    cells = torch.from_numpy(np.unpackbits(packed[:40], axis=-1, count=11)).float()
    with torch.no_grad():
        hidden = network.hidden_states(cells[:, :1])
        drawn = decoder(torch.cat([hidden[0], hidden[-1]]))
        columns = torch.nn.functional.unfold(torch.cat([hidden[0], hidden[-1]]), 3, padding=1)
    targets = torch.cat([cells[:, :1], cells[:, -1:]])
    features = torch.cat([columns.transpose(1, 2).flatten(0, 1), torch.ones(targets.numel(), 1)], dim=1)
    best = features @ torch.linalg.lstsq(features, targets.reshape(-1, 1)).solution
    least = ((best - targets.reshape(-1, 1)) ** 2).mean().item()
    ours = ((drawn - targets) ** 2).mean().item()
    assert least * 0.99 <= ours <= least * 1.15


def test_the_discriminator_is_given_what_no_loss_trains(tmp_path, compute, packed, monkeypatch):
    seen = []
    real = game_module.Discriminator.forward

    def watch(self, pictures):
        seen.append(len(pictures))
        return real(self, pictures)

    monkeypatch.setattr(game_module.Discriminator, "forward", watch)
    for change, fakes in (({}, 2), ({"autoencoder": False}, 3), ({"adversarial.losses": "prediction"}, 3)):
        seen.clear()
        config = override(SMALL, {**change, "adversarial.steps": 10, "adversarial.alone": 4})
        train_adversarial(config, RunFolder(tmp_path / str(change)), network_of(config), packed, compute=compute)
        assert seen == [4 + 4 * fakes] * 6


def test_steps_are_those_of_a_plain_loop(packed, monkeypatch):
    """One pass of the discriminator and one optimiser do what two of each do, written out."""
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda self, x: x)  # the passes would draw it differently
    config = override(SMALL, {"adversarial.alone": 0, "adversarial.steps": 6})
    network, compute = network_of(config).requires_grad_(False), choose_compute("cpu", "fp32")
    stage = TorchGame(config, network, packed, compute)
    decoder, discriminator = copy.deepcopy(stage.decoder), copy.deepcopy(stage.discriminator)
    ours = torch.optim.Adam(decoder.parameters(), lr=config.adversarial.lr, betas=BETAS)
    theirs = torch.optim.Adam(discriminator.parameters(), lr=config.adversarial.discriminator_lr, betas=BETAS)
    cells = torch.from_numpy(np.unpackbits(packed[:40], axis=-1, count=11)).float()
    for step in range(6):
        stage.step(step)
        torch.manual_seed(draw_seed(0, "adversarial", step))
        chosen, others = torch.randint(40, (2, 4))
        first, *between, last = [decoder(state) for state in network.hidden_states(cells[chosen, :1])]
        loss = (mse_loss(first, cells[chosen, :1]) + mse_loss(last, cells[chosen, -1:])) / 2
        judged = discriminator(torch.cat(between))
        loss = loss + config.adversarial.weight * (step + 1) / 6 * softplus(-judged).mean()
        ours.zero_grad()
        loss.backward()
        on_real, on_fakes = discriminator(cells[others, :1]), discriminator(torch.cat(between).detach())
        theirs.zero_grad()
        (softplus(-on_real).mean() + softplus(on_fakes).mean()).backward()
        torch.nn.utils.clip_grad_value_(decoder.parameters(), config.adversarial.clip)
        ours.step()
        theirs.step()
    torch.testing.assert_close(weights(stage.decoder), weights(decoder), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(weights(stage.discriminator), weights(discriminator), rtol=1e-3, atol=1e-5)
    assert not torch.allclose(weights(stage.mean), weights(decoder))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"autoencoder": False, "adversarial.layers": 3},
        {"adversarial.layers": 1, "adversarial.clip": 0.0, "adversarial.alone": 0},
    ],
)
def test_the_compiled_game_is_torchs(packed, monkeypatch, change):
    """Step by step, but for the rounding to bfloat16, where nothing is dropped."""
    if not (engine := fastest(SMALL.model)):
        pytest.skip("no engine here")
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda self, x: x)
    draw = CompiledDiscriminator.draw_masks
    monkeypatch.setattr(CompiledDiscriminator, "draw_masks", lambda *given: [np.ones_like(m) for m in draw(*given)])
    config = override(SMALL, {"engine": engine, **change})
    network, compute = network_of(config), choose_compute("cpu")
    games = TorchGame(config, network, packed, compute), CompiledGame(config, network, packed, compute)
    before = {name: weights(getattr(games[0], name)).clone() for name in ("decoder", "mean", "discriminator")}
    with torch.random.fork_rng(devices=[]):
        for step in range(20):
            expected, loss = (float(game.step(step)) for game in games)
            assert loss == pytest.approx(expected, rel=0.01, abs=1e-4)
    for name, start in before.items():
        expected, ours = (weights(getattr(game, name)) for game in games)
        assert (ours - expected).norm() <= 0.1 * (expected - start).norm()


@pytest.mark.parametrize("stage", ["adversarial", "compiled adversarial", "probes"])
@pytest.mark.parametrize("at", [10, 20, 25])
def test_a_killed_stage_goes_on_to_the_same_weights(tmp_path, compute, packed, stage, at):
    if stage == "compiled adversarial" and not fastest(SMALL.model):
        pytest.skip("no engine here")

    def run(path, **options):
        if stage != "probes":
            engine = fastest(SMALL.model) if stage == "compiled adversarial" else "torch"
            config = override(SMALL, {"engine": engine})
            return train_adversarial(config, RunFolder(path), network, packed, compute=compute, **options)
        config = override(SMALL, {"probes.layers": 2})  # those of one layer are computed, not trained
        return train_probes(config, RunFolder(path), network, packed, packed[:20], compute=compute, **options)

    network = network_of(SMALL)
    whole, *_ = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "a", watch=killing(at))
    steps = []
    resumed, outcome, *_ = run(tmp_path / "a", resume=True, watch=lambda record: steps.append(record["step"]))
    assert torch.equal(weights(whole), weights(resumed))
    assert outcome.steps == 25
    assert steps == [step for step in (10, 20, 25) if step >= at]


def test_a_stage_that_diverges_says_so(tmp_path, compute, packed):
    config = override(SMALL, {"adversarial.clip": 0.0})
    network = network_of(config)
    with torch.no_grad():
        network.encoder.layers[0].bias.fill_(math.nan)
    _, outcome = train_adversarial(config, RunFolder(tmp_path), network, packed, compute=compute)
    assert outcome.outcome == "diverged: the loss is nan at step 10"
    assert outcome.loss is None
    _, again = train_adversarial(config, RunFolder(tmp_path), network, packed, compute=compute, resume=True)
    assert again.outcome == outcome.outcome


def test_a_stage_that_explodes_says_so(tmp_path, compute, packed):
    config = override(SMALL, {"adversarial.clip": 0.0, "adversarial.lr": 9.0})
    _, outcome = train_adversarial(config, RunFolder(tmp_path), network_of(config), packed, compute=compute)
    assert outcome.outcome.startswith("diverged: the loss is ")
    assert math.isfinite(outcome.loss)


def test_probes_find_what_is_there(tmp_path, compute):
    """Hidden states that hold the states in between, in another order: probes read them, the network does not."""
    config = override(SMALL, {"data.count": 300, "probes.pool": 300, "model.channels": 2})
    packed = generate(config.data)
    cells = torch.from_numpy(np.unpackbits(packed, axis=-1, count=11)).float()
    order = {1: 2, 2: 1, 3: 3}

    class Knowing(Network):
        """Looks up what it is asked for: its hidden states are the true states, negated, beside a constant."""

        def hidden_states(self, first):
            index = {board.numpy().tobytes(): k for k, board in enumerate(cells[:, 0])}
            found = cells[[index[board.numpy().tobytes()] for board in first[:, 0].float()]]
            states = [torch.zeros_like(found[:, 0])] + [1 - found[:, order[timestep]] for timestep in (1, 2, 3)]
            return [torch.stack([state, torch.ones_like(state)], dim=1) for state in states]

    network = Knowing(config.model)
    probes, outcome, right = train_probes(config, RunFolder(tmp_path), network, packed, packed, compute=compute)
    assert outcome.outcome == "trained"
    assert probes.chosen.tolist() == [1, 0]
    assert right[1, 1] > 0.99
    assert right[2, 0] > 0.99
    empty = 1 - cells[:, 1:3].mean(dim=(0, 2, 3)).numpy()
    np.testing.assert_allclose(right[0], empty, atol=0.02)  # the control: nothing is there
    found = evaluate(network, packed, 11, compute, probes=probes)
    distinct = generate_metric(packed)
    assert found["probes"]["metric"]["matched"] == pytest.approx(distinct)
    assert "accuracy" not in found["probes"]
    assert found["metric"]["matched"] < distinct


def generate_metric(packed):
    from golfast.imagine import interpretability_packed

    return float(interpretability_packed(packed[:, [2, 1]], packed, 11).mean())


def test_each_timestep_gets_a_state_and_no_two_the_same_without_need():
    right = np.zeros((2, 2))
    # Both draw both: each gets its own. One draws nothing well: it takes what it draws best.
    assert sorted(choose_targets(np.array([[1.0, 1.0], [1.0, 1.0]]), right).tolist()) == [0, 1]
    assert choose_targets(np.array([[0.0, 1.0], [0.0, 0.9]]), right).tolist() == [1, 1]
    assert choose_targets(np.array([[1.0, 0.9], [0.9, 0.2]]), right).tolist() == [1, 0]
    assert choose_targets(np.zeros((2, 2)), np.array([[0.7, 0.8], [0.9, 0.6]])).tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (2, 2), (3, 2), (3, 3), (4, 3)])
def test_the_choice_is_the_best_of_all(shape):
    random = np.random.default_rng(0)
    for _ in range(20):
        matches = random.choice([0.0, 0.2, 0.5, 0.9, 1.0], shape) + random.random(shape) / 1000
        values = {
            choice: sum(
                max(group) / 2 + sum(group) / 2
                for target in set(choice)
                if (group := [matches[t, target] for t, chosen in enumerate(choice) if chosen == target])
            )
            for choice in itertools.product(range(shape[1]), repeat=shape[0])
        }
        chosen = tuple(choose_targets(matches, np.zeros(shape)).tolist())
        assert values[chosen] >= max(values.values()) - 1e-9


def test_probes_of_more_than_one_layer_and_other_numbers_of_timesteps(tmp_path, compute):
    config = override(SMALL, {"data.generations": 2, "model.timesteps": 4, "probes.layers": 2, "probes.steps": 10})
    packed = generate(config.data)
    network = network_of(config)
    probes, _, right = train_probes(config, RunFolder(tmp_path), network, packed, packed, compute=compute)
    assert right.shape == (4, 1)
    assert probes.chosen.tolist() == [0, 0, 0]
    hidden = network.hidden_states(torch.zeros(5, 1, 9, 11))
    assert probes(hidden[:-1]).shape == (5, 4, 1, 9, 11)
    drawn = torch.cat([decoder(hidden[timestep]) for timestep, decoder in probes.drawn()], dim=1)
    assert torch.equal(drawn, probes(hidden[:-1])[:, 1:, 0])


def test_stages_of_a_folder_come_back(tmp_path, compute):
    config = SMALL
    assert load_stages(tmp_path, config, compute).adversarial is None
    probes = Probes(config.model, 3, layers=1)
    probes.chosen[:] = torch.tensor([1, 0])
    from golfast.model import save_weights

    save_weights(probes, RunFolder(tmp_path).probes)
    loaded = load_stages(tmp_path, config, compute).probes
    assert torch.equal(weights(loaded), weights(probes))
    assert loaded.chosen.tolist() == [1, 0]


def test_drawing_with_another_decoder_is_drawing_its_pictures(compute, packed):
    network = network_of(SMALL)
    other = copy.deepcopy(network.decoder)
    found = evaluate(network, packed, 11, compute, adversarial=other)
    assert found["adversarial"]["metric"] == found["metric"]
    assert found["adversarial"]["agreement"] == found["agreement"]
    with torch.no_grad():
        other.last.bias += 100
    full = evaluate(network, packed, 11, compute, adversarial=other)["adversarial"]
    cells = np.unpackbits(packed, axis=-1, count=11)
    assert full["accuracy"] == pytest.approx(cells[:, -1].mean(), abs=1e-6)
    assert imagine(network, cells[:, 0], compute).shape == (60, 3, 9, 11)
