"""What is found is what there is to find: planted filters, exhaustive search, dead units, real percentiles."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from golfast.features import (
    BoardLook,
    Boards,
    Box,
    Jolt,
    NumbersLook,
    OptimiseConfig,
    Planes,
    PlanesLook,
    Probe,
    Space,
    World,
    activation_maps,
    compare,
    correlations,
    draw_sheet,
    field_of_view,
    maximise,
    neuron,
    refine,
    simplify,
    study,
    survey,
    tuning,
)
from golfast.features.change import change_figures, draw_change
from golfast.features.optimise import _BETAS, _Adam
from golfast.features.transform import MODERATE
from golfast.features.window import Window, WithinWindow, find_window
from golfast.life import Rule, soups
from golfast.life.concepts import concepts
from golfast.life.reference import step

ZERO, ONE = torch.tensor(0.0), torch.tensor(1.0)
BOARD = Space((1, 9, 9), ZERO, ONE)
PLUS = torch.tensor([[-1.0, 1.0, -1.0], [1.0, 1.0, 1.0], [-1.0, 1.0, -1.0]])
REAL = torch.from_numpy(soups(600, 9, 9, seed=5, density=0.3)).unsqueeze(1)


def planted():
    """Channel 0 looks for a plus, 1 for its opposite, 2 is dead behind its ReLU, 3 is random; two layers."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1)
    with torch.no_grad():
        first.weight[0, 0], first.weight[1, 0], first.weight[2] = PLUS, -PLUS, 0
        first.bias[:3] = torch.tensor([-1.0, 0.5, -2.0])
    return nn.Sequential(first, nn.ReLU(), second)


@pytest.fixture(scope="module")
def probe():
    return Probe(planted())


@pytest.fixture(scope="module")
def world():
    return World(BOARD, Boards(), REAL)


@pytest.mark.parametrize("method", ["pixels", "cells", "softmax", "fourier", "maco"])
def test_a_planted_filter_is_recovered(probe, world, method):
    activity = survey(probe, [probe.find("0", REAL[:2].float())], REAL)["0"]
    found = study(probe, activity, world, units=[0, 1], config=OptimiseConfig(method=method))
    view = found.matters[0]
    assert view.sum() == 9
    assert view[3:6, 3:6].all()
    assert torch.equal(found.best[0, 0, 3:6, 3:6], (PLUS > 0).float())
    assert torch.equal(found.best[1, 0, 3:6, 3:6], (PLUS < 0).float())
    assert found.best[:, 0, ~view].sum() == 0
    assert found.score.tolist() == pytest.approx([4.0, 4.5])


def test_refinement_finds_what_exhaustive_search_finds_and_never_falls(probe):
    boards = torch.zeros(512, 1, 9, 9)
    boards[:, 0, 3:6, 3:6] = torch.tensor(list(itertools.product((0.0, 1.0), repeat=9))).view(-1, 3, 3)
    values = survey(probe, [probe.find("0", boards[:2])], boards)["0"].values
    every, units = torch.arange(0, 512, 7), torch.zeros(74, dtype=torch.long)
    for unit in (0, 1, 3):
        objective = neuron("0", units + unit)
        best, score = refine(
            lambda x, objective=objective: objective.score(probe.read(x, ["0"])),
            boards[every],
            Boards(),
            BOARD,
            rounds=9,
        )
        torch.testing.assert_close(score, values[:, unit].max().expand(74))
        assert (Boards().project(best) == best).all()


def test_refinement_never_falls_in_any_legal_space():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 25, 16), nn.Tanh(), nn.Linear(16, 8))
    probe = Probe(net)
    planes, grid = Planes(("one", "at most one", "any")), Space((3, 5, 5), ZERO, ONE)
    start = planes.project(torch.rand(8, 3, 5, 5))
    units = torch.arange(8)

    def score(inputs):
        return neuron("3", units).score(probe.read(inputs, ["3"]))

    best, reached = refine(score, start, planes, grid, rounds=20)
    with torch.no_grad():
        assert (reached >= score(start)).all()
        assert (reached > score(start)).float().mean() > 0.8
        torch.testing.assert_close(score(best), reached)
    assert torch.equal(planes.project(best), best)

    low, high = torch.tensor([-4.8, -3.0, -0.4, -3.0]), torch.tensor([4.8, 3.0, 0.4, 3.0])
    probe = Probe(nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 8)))

    def other(inputs):
        return neuron("2", units).score(probe.read(inputs, ["2"]))

    start = torch.zeros(8, 4)
    best, reached = refine(other, start, Box(low, high), Space((4,), low, high), rounds=20)
    with torch.no_grad():
        assert (reached > other(start)).all()
    assert ((best >= low) & (best <= high)).all()


def test_simplify_takes_away_what_is_not_needed_and_no_more(probe):
    board = torch.ones(1, 1, 9, 9)
    board[0, 0, 3:6, 3:6] = (PLUS > 0).float()

    def score(inputs):
        return neuron("0", 0).score(probe.read(inputs, ["0"]))

    plain = simplify(score, board, torch.tensor([3.9]), Boards(), BOARD, rounds=60)
    assert torch.equal(plain[0, 0, 3:6, 3:6], (PLUS > 0).float())
    assert plain.sum() == 5
    assert simplify(score, board, torch.tensor([1.9]), Boards(), BOARD, rounds=60).sum() == 3
    assert torch.equal(simplify(score, board, torch.tensor([9.0]), Boards(), BOARD, rounds=60), board)


def test_numbers_that_are_not_needed_are_in_the_middle_of_their_range():
    """An end of the range would be as telling as the other."""
    low, high = torch.tensor([-2.4, -3.0, 0.0, -3.0]), torch.tensor([2.4, 3.0, 0.4, 3.0])
    space, box = Space((4,), low, high), Box(low, high)
    linear = nn.Linear(4, 2)
    with torch.no_grad():
        linear.weight[:] = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.01]])
        linear.bias.zero_()
    probe = Probe(linear)

    def score(inputs):
        return neuron("output", [0, 1]).score(probe.read(inputs, ["output"]))

    start = torch.tensor([[2.4, -3.0, 0.4, 3.0], [2.4, 3.0, 0.0, 3.0]])
    plain = simplify(score, start, torch.tensor([2.0, -0.01]), box, space, rounds=40)
    torch.testing.assert_close(plain, torch.tensor([[2.4, 0.0, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0]]))

    states = low + (high - low) * torch.rand(500, 4, generator=torch.Generator().manual_seed(3))
    world = World(space, box, states)
    studied = study(probe, survey(probe, [probe.find("output", states[:2])], states)["output"], world, units=[0])
    assert studied.plain[0, 1:].tolist() == pytest.approx([0.0, 0.2, 0.0])
    assert change_figures(studied, studied, space)["needed_cells"] == [1.0, 1.0]


def test_simplify_does_not_move_what_must_be_somewhere():
    ball = torch.zeros(1, 1, 9, 9)
    ball[0, 0, 2, 1] = 1
    floor = torch.tensor([-1.0])
    plain = simplify(lambda inputs: 0 * inputs.sum((1, 2, 3)), ball, floor, Planes(("one",)), BOARD, rounds=9)
    assert torch.equal(plain, ball)


def test_every_live_unit_passes_what_real_inputs_reach_and_dead_ones_are_named(probe, world):
    activities = survey(probe, list(probe.layers(REAL[:2].float()).values()), REAL)
    assert list(activities) == ["0", "1", "2", "output"]
    behind = study(probe, activities["1"], world)
    figures = behind.figures()
    assert figures["dead"] == [2]
    assert figures["live"] == figures["reached"] == 3
    assert [row["dead"] for row in figures["per_unit"]] == [False, False, True, False]
    deep = study(probe, activities["2"], world)
    assert deep.figures()["reached"] == deep.figures()["live"] == 6
    assert (Boards().project(deep.best) == deep.best).all()
    values = probe.read(deep.best, ["2"])["2"][range(6), range(6), 4, 4]
    torch.testing.assert_close(values.detach(), deep.score)
    bar = np.percentile(activities["2"].values.numpy(), 99.9, axis=0)
    assert (values.detach().numpy() >= bar - 1e-4).all()
    plain = probe.read(deep.plain, ["2"])["2"][range(6), range(6), 4, 4].detach().numpy()
    assert (plain >= bar - 1e-4).all()
    assert (deep.plain <= deep.best).all()


def test_units_that_noise_leaves_behind_climb_from_a_real_input(probe, world):
    activity = survey(probe, [probe.find("2", REAL[:2].float())], REAL)["2"]
    config = OptimiseConfig(steps=1, trials=0, rounds=0)
    found = study(probe, activity, world, config=config)
    figures = found.figures()
    assert figures["reached_from_noise"] < figures["reached"] == 6
    torch.testing.assert_close(found.score[found.from_real], activity.values.amax(0)[found.from_real])


def test_a_unit_that_hardly_any_real_input_excites_is_held_to_the_strongest_of_them():
    """Its percentile is what it puts out at rest, which any input reaches."""
    wanted = torch.from_numpy(soups(1, 9, 9, seed=8)).float()
    linear = nn.Linear(81, 2)
    with torch.no_grad():
        linear.weight[:] = 2 * wanted.flatten() - 1
        linear.bias[:] = torch.tensor([2 - wanted.sum(), 0.0])  # 2 for the board that is wanted, 1 if one cell is off
    probe = Probe(nn.Sequential(nn.Flatten(), linear, nn.ReLU()))
    near = wanted.clone()
    near[0, 0, 0] = 1 - near[0, 0, 0]
    boards = torch.from_numpy(soups(3000, 9, 9, seed=5, density=0.3)).float()
    boards[70] = near[0]
    world = World(BOARD, Boards(), boards.unsqueeze(1))
    activity = survey(probe, [probe.find("2", world.examples[:2])], world.examples)["2"]
    assert activity.percentile[0] == 0
    assert activity.bar.tolist() == [1.0, float(activity.percentile[1])]
    found = study(probe, activity, world)
    assert found.figures()["rare"] == [0]
    assert found.figures()["reached_from_noise"] == 1
    assert found.from_real.tolist() == [True, False]
    assert torch.equal(found.best[0, 0], wanted[0])
    assert found.score[0] == 2
    assert probe.read(found.plain, ["2"])["2"][0, 0] >= 1  # as much as the strongest real input


def test_no_legal_input_found_is_below_the_strongest_real_one():
    """Even where noise comes as far as the percentile."""
    torch.manual_seed(4)
    linear = nn.Linear(81, 1)
    boards = torch.from_numpy(soups(600, 9, 9, seed=5, density=0.3)).float()
    boards[3] = (linear.weight[0] > 0).float().view(9, 9)
    world = World(BOARD, Boards(), boards.unsqueeze(1))
    probe = Probe(nn.Sequential(nn.Flatten(), linear))
    activity = survey(probe, [probe.find("1", world.examples[:2])], world.examples)["1"]
    found = study(probe, activity, world, config=OptimiseConfig(steps=1, trials=0, rounds=0))
    assert found.figures()["reached_from_noise"] == 1
    assert found.optimised.score < found.largest - 0.1
    torch.testing.assert_close(found.score, found.largest)
    assert found.from_real.all()


def test_activity_and_field_are_those_of_the_layer(probe):
    layer = probe.find("2", REAL[:2].float())
    activity = survey(probe, [layer], REAL, at=(0, 3))["2"]
    with torch.no_grad():
        expected = probe.module(REAL.float())[:, :, 0, 3]
    torch.testing.assert_close(activity.values, expected)
    for unit in range(6):
        strongest = activity.values[activity.strongest(5)[unit], unit]
        torch.testing.assert_close(strongest, activity.values[:, unit].sort(descending=True).values[:5])
    field = field_of_view(probe, layer, BOARD, REAL, at=(0, 3))
    assert field[0, :3, 1:6].all()
    assert field.sum() == 15
    with pytest.raises(ValueError, match="there are no real inputs"):
        survey(probe, [layer], REAL[:0])
    broken = planted()
    broken[0].weight.data[:] = torch.nan
    with pytest.raises(ValueError, match="layer 0 puts out values that are not finite"):
        survey(Probe(broken), [probe.find("0", REAL[:2].float())], REAL)
    with pytest.raises(ValueError, match="not a finite number"):
        maximise(Probe(broken), neuron("0", 0), BOARD, batch=1)


def test_penalties_and_seeds_do_what_they_say(probe):
    def run(**fields):
        return maximise(probe, neuron("0", [3] * 4), BOARD, batch=4, config=OptimiseConfig(**fields))

    assert torch.equal(run().raw, run().raw)
    assert not torch.equal(run().raw, run(seed=1).raw)
    assert run(l2=50.0).raw.square().mean() < 0.5 * run().raw.square().mean()
    rough = (run().raw[:, 0, 1:] - run().raw[:, 0, :-1]).abs().mean()
    smooth = run(tv=50.0).raw
    assert (smooth[:, 0, 1:] - smooth[:, 0, :-1]).abs().mean() < 0.5 * rough
    seen = []
    maximise(probe, neuron("0", 0), BOARD, batch=1, legal=Boards(), watch=lambda step, scores: seen.append(step))
    assert seen == list(range(1, 81))


def test_large_images_are_jolted_and_boards_are_not(monkeypatch):
    used = []
    real = Jolt.__call__
    monkeypatch.setattr(Jolt, "__call__", lambda self, *inputs: used.append(self) or real(self, *inputs))
    torch.manual_seed(0)
    image = Space((2, 40, 36), ZERO, ONE)
    probe = Probe(nn.Sequential(nn.Conv2d(2, 3, 5, stride=4), nn.Flatten(), nn.Linear(216, 4)))
    grey, matters = Box(0.0, 1.0, step=1 / 255), torch.zeros(image.shape, dtype=torch.bool)
    matters[:, 3:20, :] = True

    def jolts(space=image, probe=probe, layer="2", config=None, **options):
        used.clear()
        maximise(probe, neuron(layer, 1), space, batch=1, config=config or OptimiseConfig(steps=2, trials=0), **options)
        assert len(set(used)) == 1
        return used[0]

    assert jolts(legal=grey) == jolts() == MODERATE
    assert jolts(legal=grey, matters=matters).still  # of which a unit sees less
    assert jolts(legal=Boards()).still  # one cell is the matter itself
    assert jolts(legal=grey, config=OptimiseConfig(steps=2, trials=0, jolt=Jolt())).still
    assert jolts(BOARD, Probe(planted()), "0", legal=Boards()).still

    frames = (torch.rand(60, *image.shape) * 255).round() / 255
    used.clear()
    world = World(image, grey, frames)
    found = study(probe, survey(probe, [probe.find("2", frames[:2])], frames)["2"], world)
    assert set(used) == {MODERATE}
    assert (found.score >= found.largest - 1e-4).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "dream"}, "method 'dream' is unknown"),
        ({"steps": -1}, "steps is -1"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"tv": -1.0}, "tv is -1.0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_configs_are_checked(fields, message):
    with pytest.raises(ValueError, match=message):
        OptimiseConfig(**fields)


def test_methods_are_compared_on_live_units(probe, world):
    activity = survey(probe, [probe.find("1", REAL[:2].float())], REAL)["1"]
    methods = ["pixels", "cells", "fourier", "maco", "examples"]
    rows = {row["method"]: row for row in compare(probe, activity, world, methods, seeds=2)}
    assert list(rows) == methods
    for row in rows.values():
        assert row["units"] == 3
        assert 0 <= row["reached_raw"] <= 1
        assert row["above"] >= row["above_projected"] - 1e-6
    assert rows["examples"]["illegal"] == 0
    assert rows["cells"]["reached"] == 1
    assert rows["cells"]["agreement"] > 0.99
    assert rows["cells"]["other"] < 0.7


def test_correlation_and_tuning_are_those_of_numpy():
    cells = soups(40, 8, 8, seed=1)
    seen = concepts(cells, Rule.parse("B3/S23"), "dead")
    rng = np.random.default_rng(0)
    activations = rng.normal(size=(40, 3, 8, 8))
    activations[:, 1] += 2.0 * seen["birth"]
    activations[:, 2] = 5.0
    found = correlations(activations, seen)
    birth = list(seen).index("birth")
    expected = np.corrcoef(activations[:, 1].ravel(), seen["birth"].ravel())[0, 1]
    assert found[1, birth] == pytest.approx(expected)
    assert found[2].tolist() == [0.0] * len(seen)
    curve = tuning(activations, seen["live neighbours"])
    threes = activations[:, 1][seen["live neighbours"] == 3]
    assert curve.mean[1, curve.values.index(3)] == pytest.approx(threes.mean())
    assert curve.deviation[1, curve.values.index(3)] == pytest.approx(threes.std())
    assert curve.count[curve.values.index(3)] == threes.size
    with pytest.raises(ValueError, match="concept 'birth' has shape"):
        correlations(activations[:, :, :7], {"birth": seen["birth"]})


def test_concepts_are_those_of_the_rule():
    cells = soups(20, 7, 9, seed=2)
    for boundary in ("dead", "torus"):
        seen = concepts(cells, Rule.parse("B36/S23"), boundary)
        after = step(cells, Rule.parse("B36/S23"), boundary)
        assert np.array_equal(seen["alive next"], after == 1)
        assert np.array_equal(seen["birth"] | seen["survival"], after == 1)
        assert np.array_equal(seen["alive"], cells == 1)
        three = cells[0, 1:4, 2:5].sum() - cells[0, 2, 3] == 3
        assert seen["3 live neighbours"][0, 2, 3] == three
    layer = Probe(planted()).find("0", REAL[:2].float())
    maps = activation_maps(Probe(planted()), layer, REAL)
    assert maps.shape == (600, 4, 9, 9)


def test_sheets_show_every_live_unit_and_name_the_dead(probe, world):
    layers = probe.layers(REAL[:2].float())
    activities = survey(probe, list(layers.values()), REAL)
    fast = OptimiseConfig(steps=5, trials=5, rounds=5)
    studied = study(probe, activities["1"], world, config=fast)
    page = np.asarray(draw_sheet(studied, world, BoardLook(), title="a layer"))
    red = (page == (213, 48, 48)).all(2)
    assert red.sum() > 4 * 50
    fewer = np.asarray(
        draw_sheet(study(probe, activities["1"], world, units=[0], config=fast), world, BoardLook(), title="a")
    )
    assert (fewer == (213, 48, 48)).all(2).sum() < 0.7 * red.sum()
    same = change_figures(studied, studied, world.space)
    assert same["inputs_correlate"] == pytest.approx(1.0)
    assert same["dead"] == [[2], [2]]
    assert draw_change(studied, studied, world, BoardLook(), title="before and after").width > 400
    with pytest.raises(ValueError, match="the same units of the same layer"):
        draw_change(studied, study(probe, activities["2"], world, units=[0], config=fast), world, BoardLook(), title="")
    with pytest.raises(ValueError, match="there is no unit 9"):
        study(probe, activities["1"], world, units=[9])


@pytest.fixture
def written(monkeypatch):
    """What is written on the pictures."""
    from golfast.features import change, sheet

    texts, real = [], sheet.write

    def write(image, place, text, **how):
        texts.append(text)
        real(image, place, text, **how)

    for module in (sheet, change):
        monkeypatch.setattr(module, "write", write)
    return texts


def test_sheets_say_what_they_mean(probe, world, written):
    activity = survey(probe, [probe.find("1", REAL[:2].float())], REAL)["1"]
    fast = OptimiseConfig(steps=5, trials=5, rounds=5)
    names = ["stay", "left", "right", "fire"]
    studied = study(probe, activity, world, config=fast)
    draw_sheet(studied, world, BoardLook(), title="a layer", names=names)
    text = " ".join(written)
    assert "4 units, dead: 2 (a dead unit puts out the same whatever real input it sees and is left out)" in text
    assert "of them more than any real input does" in text
    assert "dead cell" in written
    assert "unit 0, stay" in written
    assert "unit 2, right" not in written
    written.clear()
    draw_change(studied, studied, world, BoardLook(), title="before and after", names=names)
    assert {"unit 1, left before", "unit 1, left after", "unit 2, right after, dead"} <= set(written)
    assert "put out the same whatever real input they see" in " ".join(written)
    written.clear()
    draw_sheet(study(probe, activity, world, units=[0], config=fast), world, BoardLook(), title="a unit")
    assert "1 unit, none dead" in " ".join(written)


def test_a_sheet_whose_units_say_nothing_says_so(world, written):
    """All dead; and driven where no real input comes near, so that the picture is of the attack and not of the unit."""
    fast = OptimiseConfig(steps=5, trials=5, rounds=5)
    linear = nn.Linear(81, 2)
    net = Probe(nn.Sequential(nn.Flatten(), linear, nn.ReLU()))
    with torch.no_grad():
        linear.bias[:] = -1000.0
    activity = survey(net, [net.find("2", REAL[:2].float())], REAL)["2"]
    page = draw_sheet(study(net, activity, world, config=fast), world, BoardLook(), title="dead")
    assert "Layer 2: all 2 units are dead. The same comes out whatever of 600 real inputs" in " ".join(written)
    assert page.height < 120
    assert not (np.asarray(page) == (213, 48, 48)).all(2).any()

    written.clear()
    with torch.no_grad():
        linear.weight[:], linear.bias[:] = 0.0, 0.0
        linear.weight[:, 40] = 1.0  # one cell, of which real boards hold both cases
    activity = survey(net, [net.find("1", REAL[:2].float())], REAL)["1"]
    draw_sheet(study(net, activity, world, config=fast), world, BoardLook(), title="all seen")
    text = " ".join(written)
    assert "none of them more than any real input does (where real inputs already hold every case of" in text
    assert "0 of them" not in text

    written.clear()
    few = torch.zeros_like(REAL)
    few[::2, 0, 4, 4] = 1  # real boards have one cell at most
    sparse = World(BOARD, Boards(), few)
    with torch.no_grad():
        linear.weight[:], linear.bias[:] = torch.tensor([[1.0], [0.0]]), 0.0
        linear.weight[1, 40] = 1.0
    activity = survey(net, [net.find("1", REAL[:2].float())], few)["1"]
    found = study(net, activity, sparse, config=fast)
    assert found.beyond.tolist() == [True, False]
    assert found.figures()["far_beyond_real_inputs"] == 1
    draw_sheet(found, sparse, BoardLook(), title="far")
    text = " ".join(written)
    assert "1 of them is driven more than 5 times as far from usual as by any real input." in text
    assert text.count(", far beyond real inputs;") == 1


def test_agents_inputs_are_studied_and_drawn_too():
    torch.manual_seed(2)
    low, high = torch.tensor([-4.8, -3.0, -0.4, -3.0]), torch.tensor([4.8, 3.0, 0.4, 3.0])
    states = torch.rand(400, 4) * (high - low) / 2 + low / 2
    world = World(Space((4,), low, high), Box(low, high), states)
    probe = Probe(nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 2)))
    activities = survey(probe, list(probe.layers(states[:2]).values()), states)
    studied = study(probe, activities["1"], world)
    assert studied.figures()["reached"] == studied.figures()["live"]
    look = NumbersLook(["position", "speed", "angle", "turning"], low.tolist(), high.tolist())
    assert draw_sheet(studied, world, look, title="a cart").height > 100

    legal = Planes(("one", "any"))
    boards = legal.project(torch.rand(300, 2, 6, 6))
    world = World(Space((2, 6, 6), ZERO, ONE), legal, boards)
    probe = Probe(nn.Sequential(nn.Flatten(), nn.Linear(72, 10)))
    studied = study(probe, survey(probe, [probe.find("1", boards[:2])], boards)["1"], world)
    # Of a linear unit the best legal input is known: its largest weight in the plane of one, its positive ones else.
    weight = probe.module[1].weight.detach().view(10, 2, 36)
    best = weight[:, 0].amax(1) + weight[:, 1].clamp(min=0).sum(1) + probe.module[1].bias.detach()
    torch.testing.assert_close(studied.score, best)
    look = PlanesLook(["ball", "brick"])
    sheet = draw_sheet(studied, world, look, title="a game")
    assert sheet.height > 100
    named = draw_sheet(studied, world, look, title="a game", names=[f"action {k}" for k in range(10)])
    assert named.size == sheet.size
    assert named.tobytes() != sheet.tobytes()
    with pytest.raises(ValueError, match="real inputs have shape"):
        World(Space((3, 6, 6), ZERO, ONE), legal, boards)


def test_a_window_gives_the_same_as_the_whole_and_only_where_it_does(probe, world):
    layer = probe.find("2", REAL[:2].float())
    matters = field_of_view(probe, layer, BOARD, REAL)
    window = find_window(probe, layer, layer.centre, matters, BOARD, REAL)
    assert window == Window((2, 7), (2, 7))
    parts = REAL[:50, :, 2:7, 2:7].float()
    with torch.no_grad():
        part = probe.module(window.cut(REAL[:50].float()))[:, :, 2, 2]
        torch.testing.assert_close(part, probe.module(REAL[:50].float())[:, :, 4, 4])
    whole = window.put(parts, BOARD)
    assert torch.equal(window.cut(whole), parts)
    assert whole.sum() == parts.sum()
    assert window.place((4, 4)) == (2, 2)

    one = Planes(("one",), torch.ones(1, 9, 9, dtype=torch.bool))
    parts = WithinWindow(one, window, BOARD).project(torch.rand(6, 1, 5, 5))
    assert (parts.sum((1, 2, 3)) == 1).all()

    blind = torch.zeros_like(matters)
    blind[0, 4, 4] = True  # it sees more than this
    assert find_window(probe, layer, layer.centre, blind, BOARD, REAL) is None
    fixed = Probe(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.LayerNorm([9, 9])))
    layer = fixed.find("1", REAL[:2].float())
    assert find_window(fixed, layer, layer.centre, matters, BOARD, REAL) is None


def test_our_adam_is_torchs():
    ours = torch.randn(7, generator=torch.Generator().manual_seed(0))
    theirs = ours.clone().requires_grad_()
    adam, reference = _Adam(ours, 0.1), torch.optim.Adam([theirs], lr=0.1, betas=_BETAS)
    for seed in range(20):
        gradient = torch.randn(7, generator=torch.Generator().manual_seed(seed))
        adam.ascend(gradient)
        theirs.grad = -gradient
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), atol=1e-5, rtol=1e-5)
