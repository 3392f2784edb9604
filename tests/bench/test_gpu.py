"""`make gpu`: without a GPU a sentence; with one, a file that has what could be measured and names what could not."""

import json
import sys

import pytest
import torch

from golfast.run.precision import Compute
from golfast_bench import bench_gpu_train, gpu

FAKE = """
import json, sys, time
suite = sys.argv[2]
assert sys.argv[1:] == ["bench", suite, "--json", "--quiet"], sys.argv
if suite == "wrong":
    sys.exit("Error: a benchmark failed")
if suite == "slow":
    time.sleep(60)
print(json.dumps({"benchmarks": [{"name": suite + "/a", "rate": 1.0}], "notes": ["a peer is missing"]}))
"""
TESTS = """
import pytest
@pytest.mark.gpu
@pytest.mark.parametrize("good", [True, False, None])
def test_one(good):
    if good is None:
        pytest.skip("no reason")
    assert good
def test_unmarked():
    raise AssertionError("is not to be run")
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("words", [[], ["--check"]])
def test_without_a_gpu_one_sentence_says_so(tmp_path, capsys, words):
    assert gpu.main(words, tmp_path) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "sees no CUDA device here." in told.err
    assert list(tmp_path.iterdir()) == []


def test_what_fails_costs_no_other_its_figures(tmp_path, monkeypatch):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu: needs one\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    tests = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", tmp_path / "pytest.ini", tmp_path]
    found = gpu.measure(
        ["good", "wrong", "slow", "late"],
        golfast=[sys.executable, "-c", FAKE],
        pytest=[str(word) for word in tests],
        within=15,
    )
    assert [record["name"] for record in found["benchmarks"]] == ["good/a"]
    assert found["notes"] == ["a peer is missing"]
    assert {name: found["tests"][name] for name in ("tests", "failures", "skipped")} == {
        "tests": 3, "failures": 1, "skipped": 1,
    }  # fmt: skip
    first, second, third, fourth = found["failures"]
    assert first.endswith("test_one[False] failed")
    assert second == "suite wrong: Error: a benchmark failed"
    assert third.startswith("suite slow did not end in the")
    assert fourth == "suite late did not end in the 0 s that were left"
    assert found["seconds"] < 20
    found["machine"]["gpu"] = "NVIDIA H100 80GB HBM3"
    path = gpu.save(found, tmp_path)
    assert path.name == f"gpu-nvidia-h100-80gb-hbm3-{found['date'][:10]}.json"
    assert json.loads(path.read_text()) == found


def test_what_no_other_machine_can_measure_comes_first():
    assert gpu.ORDER[:2] == ["gpu", "gpu_train"]
    assert sorted(gpu.ORDER) == sorted(gpu.SUITES)


class Benchmark:
    def __init__(self):
        self.extra_info = {}

    def pedantic(self, run, setup, rounds, warmup_rounds):
        for _ in range(2):
            setup()
            run()


def test_the_rows_of_training_measure_what_they_say(tmp_path, monkeypatch):
    """On a CPU, in small: sides do the same work, and the check of their losses can fail."""
    compute = Compute(torch.device("cpu"), torch.float32)
    for name, value in {"STEPS": 1, "COUNT": 48}.items():
        monkeypatch.setattr(bench_gpu_train, name, value)
    benchmark = Benchmark()
    bench_gpu_train._bench_stack(benchmark, tmp_path, compute, 2)
    record = benchmark.extra_info
    assert record["work"] == 2
    assert sorted(record["peer_work"].values()) == [1, 1, 2]
    assert {target["beside"]: target["at_least"] for target in record["targets"]} == {
        "one after another, each step a graph": 20,
        "one after another by torch, eager": 20,
    }
    bench_gpu_train.bench_one_network(benchmark, tmp_path / "b", compute)
    assert len(benchmark.extra_info["peers"]) == 3
    ours, theirs = (bench_gpu_train._stack(count, compute) for count in (2, 1))
    ours.rows.weights[1] += 0.1
    with pytest.raises(AssertionError, match="losses should be the same"):
        bench_gpu_train._check_losses(ours, theirs)
