"""life.cu without a GPU: compiled by nvcc for its registers, and as host code for its results; the real thing with one.

Host code is the same source, whose constants are variables there (tests/cuda_host); the launching code is the same too.
"""

import numpy as np
import pytest
from cuda_host import HERE, HostDevice, compiled, registers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from golfast import cuda
from golfast.cuda import to_host
from golfast.life import Rule, pack, reference, soup_trajectories_packed, soups, soups_packed, unpack
from golfast.life.cuda import (
    age_packed_cuda,
    backend,
    last_packed_cuda,
    simulate_packed_cuda,
    soup_trajectories_packed_cuda,
    soups_packed_cuda,
)
from golfast.life.soup import STREAMS, soup_ages

RULES = ["B3/S23", "B36/S23", "B3678/S34678", "B2/S", "B1357/S02468", "B0/S", "B012345678/S012345678", "B8/S8"]
BORDERS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 63, 64]

rules = st.sampled_from(RULES) | st.builds(Rule, st.integers(0, 511), st.integers(0, 511))
boundaries = st.sampled_from(["dead", "torus"])
sides = st.sampled_from(BORDERS) | st.integers(1, 64)
heights = st.integers(1, 40) | st.sampled_from([200, 250, 300])
wide_sides = st.sampled_from([65, 66, 95, 96, 97, 127, 128, 129, 200, 257])


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return compiled(HERE / "life.cpp", tmp_path_factory.mktemp("cuda"))


@pytest.fixture
def host(library, monkeypatch):
    device = HostDevice(library)
    monkeypatch.setattr(cuda, "device", lambda: device)
    return device


@pytest.fixture
def gpu():
    try:
        return cuda.device()
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["host", pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request):
    return request.getfixturevalue(request.param)


def random_boards(count, height, width, seed, density=0.5):
    return (np.random.default_rng(seed).random((count, height, width)) < density).astype(np.uint8)


def check(boards, generations, rule, boundary):
    expected = pack(reference.trajectories(boards, generations, Rule.parse(rule), boundary))
    given, width = pack(boards), boards.shape[2]
    before = given.copy()
    options = {"rule": rule, "boundary": boundary}
    np.testing.assert_array_equal(to_host(simulate_packed_cuda(given, width, generations, **options)), expected)
    np.testing.assert_array_equal(to_host(last_packed_cuda(given, width, generations, **options)), expected[:, -1])
    np.testing.assert_array_equal(given, before)


many = settings(deadline=None, max_examples=60)
few = settings(deadline=None, max_examples=25)


@given(st.integers(0, 300), sides, sides, st.integers(0, 6), rules, boundaries, st.integers(0, 99))
@example(97, 20, 20, 4, "B3/S23", "dead", 0)
@example(96, 20, 20, 9, "B3/S23", "torus", 0)
@example(70, 1, 1, 3, "B0/S", "torus", 0)
@example(9, 64, 64, 3, "B3/S23", "torus", 0)
@many
def _small_boards(count, height, width, generations, rule, boundary, seed):
    check(random_boards(count, height, width, seed), generations, rule, boundary)


def test_small_boards(device):
    _small_boards()


@given(st.integers(1, 40), st.integers(65, 140), sides, st.integers(0, 4), rules, boundaries)
@few
def _tall_boards(count, height, width, generations, rule, boundary):
    check(random_boards(count, height, width, 1), generations, rule, boundary)


def test_tall_boards(device):
    _tall_boards()


@given(st.integers(1, 3), heights, wide_sides, st.integers(0, 19), rules, boundaries)
@example(1, 300, 2100, 2, "B3/S23", "torus")
@example(1, 260, 2000, 9, "B3/S23", "dead")
@example(5, 100, 100, 4, "B3/S23", "dead")
@few
def _wide_boards(count, height, width, generations, rule, boundary):
    check(random_boards(count, height, width, 2), generations, rule, boundary)


def test_wide_boards(device):
    _wide_boards()


@given(
    count=st.integers(0, 150),
    height=st.sampled_from([1, 5, 20, 33, 64, 70, 130]),
    width=st.sampled_from([1, 7, 8, 20, 31, 33, 64, 65, 130]),
    options=st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**64 - 1),
            "start": st.integers(0, 9) | st.integers(2**32 - 9, 2**32 + 9) | st.integers(0, 2**62),
            "split": st.sampled_from(list(STREAMS)),
            "density": st.sampled_from([0.0, 0.5, 0.25, 0.3, 1 / 65536, 65535 / 65536, 1.0]),
            "fresh": st.sampled_from([1.0, 0.5, 0.1]),
            "rule": rules,
            "boundary": boundaries,
        }
    ),
)
@example(
    0,
    130,
    1,
    {"seed": 0, "start": 0, "split": "train", "density": 0.5, "fresh": 1.0, "rule": "B3/S23", "boundary": "torus"},
)
@few
def _soups(count, height, width, options):
    count = min(count, max(2, 20_000 // (height * width)))
    names, dynamics = {"seed", "start", "split"}, (Rule.parse(options["rule"]), options["boundary"])
    names = {name: options[name] for name in names}
    boards = unpack(soups_packed(count, height, width, density=options["density"], **names), width)
    ages = soup_ages(count, fresh=options["fresh"], **names)
    for generation in range(ages.max(initial=0)):
        boards[ages > generation] = reference.step(boards[ages > generation], *dynamics)
    expected = pack(reference.trajectories(boards, 3, *dynamics))
    np.testing.assert_array_equal(to_host(soups_packed_cuda(count, height, width, **options)), expected[:, 0])
    np.testing.assert_array_equal(to_host(soup_trajectories_packed_cuda(count, height, width, 3, **options)), expected)
    for name in ("cupy", "reference"):
        np.testing.assert_array_equal(
            soup_trajectories_packed(count, height, width, 3, backend=name, **options), expected
        )
    np.testing.assert_array_equal(pack(soups(count, height, width, backend="cupy", **options)), expected[:, 0])


def test_soups(device):
    _soups()


@pytest.mark.parametrize("fresh", [0.5, 0.1, 0.01])
def test_boards_are_put_in_order_of_age(device, fresh):
    options = {"seed": 5, "start": 2**32 - 300, "split": "test"}
    soup = backend.Soup(density=0.5, fresh=fresh, **options)
    order = to_host(backend._by_age(device, soup, soup.thresholds(device), 1000))
    assert sorted(order) == list(range(1000))
    ages = np.minimum(soup_ages(1000, fresh=fresh, **options)[order], 255)
    assert (np.diff(ages) <= 0).all()


@pytest.mark.parametrize(("height", "width"), [(20, 20), (40, 70), (150, 9)])
@pytest.mark.parametrize("boundary", ["dead", "torus"])
def test_boards_of_ages_that_are_given(device, height, width, boundary):
    boards, ages = random_boards(12, height, width, 3), np.array([0, 1, 7, 8, 9, 16, 17, 30, 0, 8, 2, 24])
    given = to_host(age_packed_cuda(pack(boards), width, ages, rule="B36/S23", boundary=boundary))
    for board, age, result in zip(boards, ages, given, strict=True):
        expected = reference.trajectories(board[None], int(age), Rule.parse("B36/S23"), boundary)[0, -1]
        np.testing.assert_array_equal(result, pack(expected))


# ---- what nvcc makes of it ----------------------------------------------------------------------------------------


def small(height, width, boundary="dead", rule="B3/S23", kept=5, soup=False, aged=False):
    torus, rule = boundary == "torus", Rule.parse(rule)
    plan = backend.Small.of(height, width, torus, kept)
    assert plan is not None
    return backend.small_constants(height, width, rule, torus, plan, soup, aged)


def wide(height, width, boundary, rule="B3/S23"):
    return backend.wide_constants(Rule.parse(rule), boundary == "torus", *backend.wide_shape(height, width, 8))


CONFIGURATIONS = {
    "20x20 dead": small(20, 20),
    "20x20 torus": small(20, 20, "torus"),
    "20x20 HighLife": small(20, 20, rule="B36/S23"),
    "20x20 last": small(20, 20, kept=1),
    "20x20 soups": small(20, 20, soup=True),
    "20x20 aged soups": small(20, 20, soup=True, aged=True),
    "20x20 aged soups, torus": small(20, 20, "torus", soup=True, aged=True),
    "7x7": small(7, 7, soup=True, aged=True),
    "64x8 day & night": small(64, 8, "torus", "B3678/S34678", soup=False, aged=True),
    "32x32 torus": small(32, 32, "torus", soup=True),
    "64x64 torus": small(64, 64, "torus", rule="B36/S23", aged=True),
    "128x31": small(128, 31, rule="B36/S23"),
    "huge torus": wide(4096, 4096, "torus"),
    "huge dead": wide(4096, 4096, "dead"),
    "huge HighLife": wide(4096, 4096, "dead", "B36/S23"),
    "100x100": wide(100, 100, "torus", "B36/S23"),
    "9x70": wide(9, 70, "dead"),
    "soups": backend.soup_constants(),
}


@pytest.mark.parametrize("name", list(CONFIGURATIONS))
def test_no_register_is_spilled(name, tmp_path, record_property, capsys):
    found = registers(backend.SOURCE, CONFIGURATIONS[name], tmp_path)
    for kernel, number in found.items():
        record_property(kernel, number)
        with capsys.disabled():
            print(f"\n  {name}: {kernel} takes {number} registers", end="")
        assert number <= 255


# ---- words that make no sense -------------------------------------------------------------------------------------


def test_without_cupy_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    cuda.device.cache_clear()
    with pytest.raises(ValueError, match=r"CuPy cannot be imported .*pip install 'golfast\[gpu\]'"):
        simulate_packed_cuda(np.zeros((1, 2, 1), np.uint8), 3, 1)
    cuda.device.cache_clear()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: simulate_packed_cuda(np.zeros((1, 2, 1), np.uint8), 9, 1), "packed rows of 9 cells are 2"),
        (lambda: simulate_packed_cuda(np.zeros((2, 1), np.uint8), 3, 1), r"have shape \(N, height, bytes\)"),
        (lambda: simulate_packed_cuda(np.zeros((1, 2, 1)), 3, 1), "packed boards are uint8"),
        (lambda: last_packed_cuda(np.zeros((1, 2, 1), np.uint8), 3, -1), "generations is -1"),
        (lambda: last_packed_cuda(np.zeros((1, 2, 1), np.uint8), 3, 1, rule="B9"), "is not of the form"),
        (lambda: last_packed_cuda(np.zeros((1, 2, 1), np.uint8), 3, 1, boundary="open"), "boundary 'open' is unknown"),
        (lambda: soups_packed_cuda(-1, 2, 2, seed=0), "count is -1"),
        (lambda: soups_packed_cuda(1, 2, 2, seed=0, split="dev"), "split 'dev' is unknown"),
        (lambda: age_packed_cuda(np.zeros((2, 2, 1), np.uint8), 3, [1]), "one for each of 2 boards"),
    ],
)
def test_words_that_make_no_sense(host, call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.gpu
def test_torch_takes_the_states_over_without_a_copy(gpu):
    import torch

    states = soup_trajectories_packed_cuda(10, 20, 20, 4, seed=1)
    tensor = torch.from_dlpack(states)
    assert tensor.data_ptr() == states.data.ptr
    again = simulate_packed_cuda(tensor[:, 0].contiguous(), 20, 4)
    np.testing.assert_array_equal(to_host(again), to_host(states))
