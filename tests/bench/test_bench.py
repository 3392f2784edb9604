"""The benchmarks' peers are right, their records are whole, and a wrong result does not pass."""

import json
import time

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from golfast.data import Recipe, generate
from golfast.imagine import metric, score
from golfast.life import reference, settle, soups, tally, unpack
from golfast.life.rule import Rule
from golfast.life.soup import soup_ages
from golfast.model import Network
from golfast.model.compiled.choose import fastest
from golfast.model.config import ModelConfig
from golfast.run.folder import RunFolder
from golfast.run.precision import choose_compute
from golfast.train import TrainConfig
from golfast.train.loop import _Training
from golfast_bench import (
    bench_census,
    bench_train,
    limits,
    peers_big,
    peers_census,
    peers_life,
    peers_metric,
    suite,
    tiles,
)
from golfast_bench.beside import Side, compare
from golfast_bench.peers_train import Plain
from golfast_bench.suite import run
from golfast_cli import main


def cli(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("boundary", ["dead", "torus"])
@pytest.mark.parametrize("name", list(peers_life.SIMULATORS))
def test_peers_simulate_life(name, boundary):
    boards = soups(5, 7, 9, seed=1)
    expected = reference.trajectories(boards, 4, Rule.parse("B3/S23"), boundary)
    given = peers_life.SIMULATORS[name](boards, 4, boundary=boundary)
    np.testing.assert_array_equal(given, expected)
    assert given.dtype == np.uint8


@pytest.mark.parametrize("torus", [False, True])
def test_peers_run_one_board_on(torus):
    boundary = "torus" if torus else "dead"
    board = soups(1, 33, 128, seed=1)[0]
    expected = reference.trajectories(board[None], 5, Rule.parse("B3/S23"), boundary)[0, -1]
    np.testing.assert_array_equal(peers_big.last_torch(board, 5, torus=torus), expected)
    if torus:
        np.testing.assert_array_equal(peers_big.last_roll(board, 5), expected)
    if peers_big.COMPILER:
        with peers_big.compiled() as library:
            plain = peers_big.Compiled(library, board, torus=torus)
        plain.run(5)
        np.testing.assert_array_equal(plain.cells(), expected)


def test_the_peer_takes_a_census():
    boards = soups(60, 9, 11, seed=1)
    for limit in (40, 1000):
        settled, period = peers_census.settle_numpy(boards, limit)
        found = settle(boards, limit=limit)
        np.testing.assert_array_equal(settled, found.settled)
        np.testing.assert_array_equal(period, found.period)
    found = tally(boards, 5)
    assert peers_census.tally_numpy(boards, 5) == (found.population.tolist(), found.activity.tolist())


def test_the_census_is_measured(monkeypatch):
    for name, few in {"BOARDS": 60, "SETTLED": 5, "COUNTED": 10, "NAMED": 5, "GENERATIONS": 3}.items():
        monkeypatch.setattr(bench_census, name, few)
    for bench in (bench_census.bench_settle, bench_census.bench_population, bench_census.bench_objects):
        benchmark = Benchmark()
        bench(benchmark)
        assert benchmark.extra_info["rate"] > 0


def test_boards_go_into_tiles_and_back():
    boards = soups(48, 7, 20, seed=1)
    np.testing.assert_array_equal(tiles.from_tiles(tiles.to_tiles(boards), 20), boards)


def test_targets_are_kept_with_what_became_of_them():
    benchmark = Benchmark()

    def sleeping(name, milliseconds):
        return Side(name, lambda: time.sleep(milliseconds / 1000), 1)

    compare(
        benchmark,
        "sleep",
        sleeping("us", 2),
        [sleeping("slow", 30), sleeping("fast", 8)],
        unit="naps/s",
        limits=[limits.Limit("clock", lambda: time.sleep(0.002), 100, 1.0)],
        targets={"best peer": 1000, "slow": 2, "gone": 3, "limit": 0.9},
        rounds=3,
    )
    kept = [(target["beside"], target["met"]) for target in benchmark.extra_info["targets"]]
    assert kept == [("fast", False), ("slow", True), ("clock", False)]


def test_a_missing_peer_is_a_note(monkeypatch):
    monkeypatch.setitem(peers_life.PACKAGES, "jax", ("jax", "no_such_module"))
    assert peers_life.missing("jax")
    notes = suite._missing_peers()
    assert any(note.startswith("jax is not installed") and "golfast[peers]" in note for note in notes)


def test_the_peer_writes_the_dataset_of_the_recipe(tmp_path):
    recipe = Recipe(count=50, seed=9)
    peers_life.write_dataset(
        tmp_path / "a.h5", soups(50, 20, 20, seed=9), soup_ages(50, seed=9, fresh=recipe.fresh), recipe.generations
    )
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["states"][:], unpack(generate(recipe), recipe.width))
    first, last = peers_life.Items(tmp_path / "a.h5")[3]
    np.testing.assert_array_equal(torch.cat([first, last]).numpy(), unpack(generate(recipe, 3, 4)[0, [0, -1]], 20))


@pytest.mark.parametrize(("pictures", "states"), [(1, 3), (2, 4), (3, 4), (2, 5)])
def test_peers_compute_the_metric(pictures, states):
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(0, 2, (60, 1, 5, 8), np.uint8), states, axis=1)
    truth ^= rng.random(truth.shape) < 0.03  # alike, so that who belongs to whom is a question
    shown = truth[:, rng.integers(0, states, pictures)] ^ (rng.random((60, pictures, 5, 8)) < 0.02)
    imagined = shown.astype(np.float32)
    expected = metric.interpretability(imagined, truth)
    assert len(set(expected)) > 1
    packed = [np.packbits(boards > 0.5, axis=-1) for boards in (imagined, truth)]
    np.testing.assert_array_equal(peers_metric.metric_loops(imagined, truth), expected)
    np.testing.assert_array_equal(peers_metric.metric_numpy(imagined, truth), expected)
    np.testing.assert_array_equal(peers_metric.metric_numpy_packed(*packed, 40), expected)


def test_the_peer_is_the_same_network():
    config = TrainConfig()
    network, plain = Network(config.model), Plain(config)
    bench_train._copy_weights(network, plain)
    first, last = torch.rand(2, 3, 1, 20, 20).round()
    bench_train._check_gradients(network, plain, first, last)
    torch.testing.assert_close(network(first), plain(first))


class Benchmark:
    """As much of pytest-benchmark's fixture as `compare` needs."""

    def __init__(self):
        self.extra_info = {}

    def pedantic(self, target, *, setup, rounds, warmup_rounds):
        for _ in range(warmup_rounds + rounds):
            setup()
            target()


def test_a_record_is_set_beside_the_fastest_peer_and_the_tightest_limit():
    benchmark = Benchmark()

    def sleeping(name, milliseconds, work):
        return Side(name, lambda: time.sleep(milliseconds / 1000), work)

    compare(
        benchmark,
        "sleep",
        sleeping("us", 2, 10),
        [sleeping("slow", 4, 1), sleeping("fast", 4, 5)],
        unit="naps/s",
        limits=[
            limits.Limit("loose", lambda: time.sleep(0.002), 1000, 1.0),
            limits.Limit("tight", lambda: time.sleep(0.002), 20, 1.0),
        ],
        rounds=3,
    )
    record = benchmark.extra_info
    assert (record["peer"], record["limit"]) == ("fast", "tight")
    assert record["ratio_to_peer"] == record["peers"]["fast"] < record["peers"]["slow"]
    assert record["fraction_of_limit"] == record["limits"]["tight"] > record["limits"]["loose"]
    assert record["work"] == 10
    assert record["peer_work"] == {"slow": 1, "fast": 5}


def test_limits_can_be_measured(tmp_path, monkeypatch):
    for threads in ("1", "2"):
        monkeypatch.setenv("GOLFAST_THREADS", threads)
        for limit in [
            limits.logic(1),
            limits.copying(1000, 10),
            limits.reading(1000, 10),
            limits.file_write(tmp_path / "plain", 1000, 10),
            limits.multiplying(torch.float32, 1),
        ]:
            limit.before()
            limit.run()
            assert limit.work > 0
    assert (tmp_path / "plain").stat().st_size == 1000


@pytest.mark.parametrize(
    ("engine", "names"),
    [
        ("torch", ["batch", "forward", "backward", "clipping", "optimisers"]),
        pytest.param(
            fastest(ModelConfig()),
            ["batch", "forward and backward", "clipping", "optimisers"],
            marks=pytest.mark.skipif(not fastest(ModelConfig()), reason="no compiled engine runs on this CPU"),
        ),
    ],
)
def test_a_step_is_split_into_its_parts(tmp_path, engine, names):
    config, compute = TrainConfig(engine=engine), choose_compute("cpu")
    packed = generate(config.data, 0, 240)
    training = _Training(config, RunFolder(tmp_path), packed, compute)
    batch = training.feed.batch(0)
    before = torch.cat([p.detach().clone().flatten() for p in training.network.parameters()])
    parts = bench_train._parts(training, *batch)
    assert list(parts) == names
    assert min(parts.values()) > 0
    after = torch.cat([p.detach().flatten() for p in training.network.parameters()])
    assert engine != "torch" or not torch.equal(before, after)  # a real step was taken


def test_bench_prints_json_and_nothing_else_on_stdout(tmp_path):
    done = cli("bench", "metric", "--json", "--save", tmp_path / "new" / "saved.json")
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert {"machine", "versions", "date", "benchmarks"} <= set(result)
    assert {"cpu", "cores"} <= set(result["machine"])
    assert {"golfast", "python", "numpy"} <= set(result["versions"])
    assert [record["name"] for record in result["benchmarks"]] == ["metric/floats", "metric/packed"]
    for record in result["benchmarks"]:
        assert record["unit"] == "sequences/s"
        assert record["rate"] > 0
        assert record["ratio_to_peer"] == record["peers"][record["peer"]] == min(record["peers"].values()) > 0
        assert record["fraction_of_limit"] == record["limits"][record["limit"]] > 0
        assert set(record["peer_work"]) == set(record["peers"])
        assert record["threads"] == 1
    assert "metric/floats ..." in done.stderr
    saved = json.loads((tmp_path / "new" / "saved.json").read_text())
    assert {entry["name"] for entry in saved["benchmarks"]} == {"bench_floats", "bench_packed"}


def test_a_wrong_result_is_a_failure_that_names_the_benchmark(monkeypatch):
    monkeypatch.setattr(score, "denominator", lambda n, m: 7)
    done = cli("bench", "metric", "--quiet")
    assert done.exit_code == 1
    assert done.stderr.startswith("golfast: benchmark metric/floats failed: AssertionError: Arrays are not equal")
    assert done.stdout == ""


def test_an_unknown_suite_is_told_what_there_is():
    with pytest.raises(
        ValueError, match="suite 'metrics'; known are: simulate, census, dataset, loader, train, adversarial, metric"
    ):
        run(("simulate", "metrics"), save=None, as_json=False, quiet=True)
