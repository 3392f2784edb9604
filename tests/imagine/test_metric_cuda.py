"""metric.cu against golfast.imagine.metric: as host code without a GPU (tests/cuda_host), and on one where there is."""

import numpy as np
import pytest
from cuda_host import HERE, HostDevice, compiled, registers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from golfast import cuda
from golfast.imagine.cuda import backend, interpretability_packed_cuda
from golfast.imagine.metric import interpretability_packed


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compiled(HERE / "metric.cpp", tmp_path_factory.mktemp("cuda"))


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


def sequences(count, n, m, height, width, seed):
    """Packed boards that resemble each other, so that who belongs to whom is a question; bits beyond the width, too."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 2, (count, 3, height, width), np.uint8)
    shape = (count, n + m)
    boards = kinds[np.arange(count)[:, None], rng.integers(0, 3, shape)]
    boards ^= rng.random(boards.shape) < rng.choice([0, 0.03, 0.1], shape)[..., None, None]
    packed = np.packbits(boards, axis=-1)
    packed[..., -1] |= rng.integers(0, 256 >> ((width - 1) % 8 + 1), packed.shape[:-1]).astype(np.uint8)
    return packed[:, :n].copy(), packed[:, n:].copy()


@given(
    count=st.integers(0, 150),
    n=st.integers(1, 9) | st.integers(1, 80),
    m=st.integers(3, 9) | st.sampled_from([65, 66]),
    height=st.integers(1, 21),
    width=st.sampled_from([1, 7, 8, 20, 31, 32, 33, 64, 65]),
    threshold=st.sampled_from([0.95, 0.9, 0.5, 1.0]) | st.floats(0.01, 1),
    seed=st.integers(0, 99),
)
@example(150, 2, 4, 20, 20, 0.95, 0)
@settings(deadline=None, max_examples=50)
def _equal(count, n, m, height, width, threshold, seed):
    count = min(count, max(1, 4000 // (n * m)))
    imagined, truth = sequences(count, n, m, height, width, seed)
    for variant in ("matched", "equation", "dataset"):
        options = {"threshold": threshold, "variant": variant}
        if variant == "dataset" and not count:
            continue
        expected = interpretability_packed(imagined, truth, width, **options)
        given = cuda.to_host(interpretability_packed_cuda(imagined, truth, width, **options))
        assert given.dtype == np.float64
        np.testing.assert_array_equal(given, expected)


def test_the_metric_is_the_same(device):
    _equal()


def test_more_states_than_a_mask_has_bits(device):
    imagined, truth = sequences(5, 4, 150, 6, 6, 1)
    for variant in ("equation", "dataset"):
        given = cuda.to_host(interpretability_packed_cuda(imagined, truth, 6, variant=variant))
        np.testing.assert_array_equal(given, interpretability_packed(imagined, truth, 6, variant=variant))


def test_no_register_is_spilled(tmp_path, capsys):
    found = registers(backend.SOURCE, {}, tmp_path)
    assert set(found) == {"match_words", "match_bytes", "equation", "matched"}
    with capsys.disabled():
        print(f"\n  metric: registers {found}", end="")


@pytest.mark.parametrize(
    ("imagined", "truth", "options", "message"),
    [
        ((1, 1, 2, 1), (1, 2, 2, 1), {}, "undefined"),
        ((1, 0, 2, 1), (1, 3, 2, 1), {}, "undefined"),
        ((1, 1, 2, 2), (1, 3, 2, 1), {}, "packed imagined of width 8"),
        ((1, 1, 2), (1, 3, 2, 1), {}, "packed imagined of width 8"),
        ((2, 1, 2, 1), (1, 3, 2, 1), {}, "imagined holds 2 sequences, but truth 1"),
        ((1, 1, 3, 1), (1, 3, 2, 1), {}, "imagined boards have shape"),
        ((1, 1, 2, 1), (1, 67, 2, 1), {}, "at most 64 intermediate states"),
        ((1, 1, 2, 1), (1, 3, 2, 1), {"threshold": 0}, "threshold is 0"),
        ((1, 1, 2, 1), (1, 3, 2, 1), {"variant": "best"}, "variant 'best' is unknown"),
        ((0, 1, 2, 1), (0, 3, 2, 1), {"variant": "dataset"}, "there are none"),
        ((1, 65537, 1, 1), (1, 3, 1, 1), {}, "at most 65536 imagined states"),
    ],
)
def test_words_that_make_no_sense(host, imagined, truth, options, message):
    with pytest.raises(ValueError, match=message):
        interpretability_packed_cuda(np.zeros(imagined, np.uint8), np.zeros(truth, np.uint8), 8, **options)
