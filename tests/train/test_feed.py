"""Batches: every order a bijection, every trajectory once, whatever the set is kept in."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from golfast.data import Recipe, Trajectories, convert, generate, layout, make, split
from golfast.data.states import Chained
from golfast.train import Feed
from golfast.train import feed as feed_module
from golfast.train.ahead import ReadAhead
from golfast.train.feed import unpack_bits
from golfast.train.order import epoch_keys, shuffled

CPU = torch.device("cpu")
EXPECTED = [0, 3, 4, 7, 8, 2, 1, 9, 6, 5]  # the order of 10 under seed 1 in epoch 2
RECIPE = Recipe(count=150, height=5, width=13, fresh=1.0)


def order(count, seed=0, epoch=0):
    out = np.empty((1, count), np.int64)
    shuffled(0, 0, epoch_keys(seed, epoch), count, out)
    return out[0]


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(0, 2**64 - 1), st.integers(0, 100))
def test_an_order_is_a_bijection(count, seed, epoch):
    np.testing.assert_array_equal(np.sort(order(count, seed, epoch)), np.arange(count))


@settings(deadline=None)
@given(st.integers(1, 2**40), st.data())
def test_a_piece_of_a_huge_order_has_no_number_twice(count, data):
    start = data.draw(st.integers(0, max(0, count - 1000)))
    out = np.empty((1, min(count, 1000)), np.int64)
    shuffled(start, 0, epoch_keys(1, 2), count, out)
    assert len(np.unique(out)) == out.size
    assert 0 <= out.min() <= out.max() < count


def test_the_order_is_the_same_everywhere():
    assert order(10, 1, 2).tolist() == EXPECTED
    out = np.empty((2, 3), np.int64)
    shuffled(2, 4, epoch_keys(1, 2), 10, out)
    assert out.tolist() == [EXPECTED[2:5], EXPECTED[6:9]]


def test_an_order_looks_random():
    """Over many epochs each number is at each place equally often, and knows nothing of its neighbours."""
    count, epochs = 24, 4000
    orders = np.stack([order(count, 7, epoch) for epoch in range(epochs)])
    table = np.stack([np.bincount(orders[:, place], minlength=count) for place in range(count)])
    expected = epochs / count
    assert ((table - expected) ** 2 / expected).sum() < 650  # chi squared of 529 degrees of freedom, 3.7 sigma
    steps = np.bincount((np.diff(orders, axis=1) % count).reshape(-1), minlength=count)[1:]
    expected = steps.sum() / (count - 1)
    assert ((steps - expected) ** 2 / expected).sum() < 50  # of 22, 4 sigma
    large = order(100_000, 3)
    assert abs(np.corrcoef(large[:-1], large[1:])[0, 1]) < 0.015
    assert abs(np.corrcoef(large, np.arange(100_000))[0, 1]) < 0.015


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """The set of RECIPE in memory, mapped, in shards, in an archive, and in shards that are archives."""
    folder = tmp_path_factory.mktemp("feed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "BLOCK_BYTES", 1000)
        path = make(folder / "a.h5", RECIPE)
        return [
            generate(RECIPE),
            *(
                Trajectories(other).packed
                for other in (
                    path,
                    split(path, folder / "b", 4),
                    convert(path, folder / "c.h5", profile="archive"),
                    split(path, folder / "d", 4, profile="archive"),
                )
            ),
        ]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 150), st.integers(0, 2**63 - 1), st.integers(0, 400))
def test_a_batch_is_the_same_whatever_the_set_is_kept_in(kinds, batch, seed, step):
    cells = np.unpackbits(kinds[0], axis=-1, count=13).astype(np.float32)
    epoch, position = divmod(step, 150 // batch)
    chosen = order(150, seed, epoch)[position * batch : (position + 1) * batch]
    for packed in kinds:
        first, last = Feed(packed, 13, batch=batch, seed=seed, device=CPU).batch(step)
        assert first.dtype == last.dtype == torch.float32
        np.testing.assert_array_equal(first.numpy()[:, 0], cells[chosen, 0])
        np.testing.assert_array_equal(last.numpy()[:, 0], cells[chosen, -1])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 140), st.integers(1, 5), st.integers(0, 2**32 - 1))
@example(3, 20, 2, 0)
@example(20, 20, 1, 0)
@example(1, 64, 3, 0)
@example(33, 65, 2, 0)
def test_any_size_is_unpacked_as_numpy_does(height, width, parts, seed):
    """Rows of any width, joined in words; states of more bytes than a vector; sets in parts."""
    cells = np.random.default_rng(seed).integers(0, 2, (24, 2, height, width), np.uint8)
    packed = np.packbits(cells, axis=-1)
    whole = Chained(np.array_split(packed, parts)) if parts > 1 else packed
    first, last = Feed(whole, width, batch=8, seed=seed, device=CPU).batch(1)
    chosen = order(24, seed)[8:16]
    np.testing.assert_array_equal(first.numpy()[:, 0], cells[chosen, 0])
    np.testing.assert_array_equal(last.numpy()[:, 0], cells[chosen, -1])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 3))
def test_ranks_together_show_each_trajectory_once(world, batch, epoch):
    packed = np.arange(150, dtype=np.uint8).reshape(150, 1, 1, 1)
    weights = 2.0 ** torch.arange(7, -1, -1)
    steps = 150 // (batch * world)
    seen = []
    for rank in range(world):
        feed = Feed(packed, 8, batch=batch, seed=3, device=CPU, rank=rank, world=world)
        for step in range(epoch * steps, (epoch + 1) * steps):
            seen += (feed.batch(step)[0].flatten(1) @ weights).int().tolist()
    assert len(seen) == len(set(seen)) == steps * batch * world
    alone = Feed(packed, 8, batch=batch * world, seed=3, device=CPU).batch(epoch * steps)[0]
    shared = [
        Feed(packed, 8, batch=batch, seed=3, device=CPU, rank=rank, world=world).batch(epoch * steps)[0]
        for rank in range(world)
    ]
    assert torch.equal(alone, torch.cat(shared))


def test_a_batch_depends_on_the_step_alone():
    packed = generate(RECIPE)
    feed = Feed(packed, 13, batch=16, seed=1, device=CPU)
    forward = [feed.batch(step) for step in range(40)]
    for step in (39, 3, 4, 17, 0, 8, 39):
        for again in (feed, Feed(packed, 13, batch=16, seed=1, device=CPU)):
            for one, other in zip(again.batch(step), forward[step], strict=True):
                assert torch.equal(one, other)


def test_the_numbers_of_steps_are_those_of_their_batches():
    feed = Feed(generate(RECIPE), 13, batch=16, seed=1, device=CPU)
    together = feed.numbers(5, 30)  # over the ends of epochs
    assert together.shape == (30, 16)
    for step in range(5, 35):
        np.testing.assert_array_equal(feed.numbers(step, 1)[0], together[step - 5])
    pairs = feed.upload(CPU)
    for step in (5, 8, 9, 34):
        first, last = feed.batch(step)
        cells = unpack_bits(pairs[torch.from_numpy(together[step - 5])], 13)
        assert torch.equal(cells[:, 0], first.squeeze(1))
        assert torch.equal(cells[:, 1], last.squeeze(1))


def test_a_set_larger_than_memory_is_asked_for_ahead(kinds, monkeypatch):
    plain = Feed(kinds[0], 13, batch=10, seed=3, device=CPU)
    monkeypatch.setattr(feed_module, "memory_bytes", lambda: 1000)
    asked = []
    real = feed_module.ReadAhead.want
    monkeypatch.setattr(
        feed_module.ReadAhead, "want", lambda self, chosen: (asked.append(chosen.tolist()), real(self, chosen))
    )
    for packed in kinds:
        asked.clear()
        feed = Feed(packed, 13, batch=10, seed=3, device=CPU)
        for step in [*range(100), 7]:
            for one, other in zip(feed.batch(step), plain.batch(step), strict=True):
                assert torch.equal(one, other)
        # Each once, in the order in which they come; those of the first group, an epoch, come too early.
        expected = [feed._chosen(*divmod(step, 15), 1)[0].tolist() for step in range(15, 99)]
        assert asked[: len(expected)] == (expected if feed._ahead else [])
    assert [feed_module.Feed(p, 13, batch=10, seed=3, device=CPU)._ahead is not None for p in kinds] == [
        False, True, True, False, False
    ]  # fmt: skip


def test_a_slice_of_a_map_is_asked_for_where_it_lies(tmp_path, monkeypatch):
    np.arange(4000, dtype=np.uint8).tofile(tmp_path / "set")
    whole = np.memmap(tmp_path / "set", np.uint8, "r", offset=40, shape=(90, 2, 11, 2))
    places = []
    monkeypatch.setattr("os.posix_fadvise", lambda file, place, size, why: places.append((place, size)))
    ReadAhead([whole, whole[7:], whole[7:][3:]], np.array([0, 90, 173])).want(np.array([1, 91, 174]))
    assert places == [(40 + 44 * number, 44) for number in (1, 8, 11)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 151}, "150 trajectories are too few for a batch of 151 for each of 1 ranks"),
        ({"batch": 50, "world": 4}, "150 trajectories are too few for a batch of 50 for each of 4 ranks"),
        ({"batch": 5, "rank": 2, "world": 2}, "rank 2 of 2 cannot be"),
        ({"batch": 5, "rank": -1}, "rank -1 of 1 cannot be"),
        ({"batch": 5, "rank": 0.5, "world": 2}, "rank is a whole number; got 0.5"),
        ({"batch": 0}, "batch is 0; it must be 1 or more"),
        ({"batch": 2.5}, "batch is a whole number; got 2.5"),
        ({"batch": 5, "seed": -1}, "seed is -1"),
        ({"batch": 5, "seed": 2**64}, "seed is 18446744073709551616"),
        (
            {"batch": 5, "width": 99},
            r"width 99 are uint8 of shape \(N, T, H, 13\), T and H at least 1; got uint8 of shape \(150, 4, 5, 2\)",
        ),
        ({"batch": 5, "width": "13"}, "width is a whole number; got '13'"),
        ({"batch": 5, "width": 8}, r"of width 8 are"),
        ({"batch": 5, "width": 0}, r"of width 0 are"),
        ({"batch": 5, "packed": np.zeros((9, 0, 3, 2), np.uint8)}, r"got uint8 of shape \(9, 0, 3, 2\)"),
        ({"batch": 5, "packed": np.zeros((9, 2, 0, 2), np.uint8)}, r"got uint8 of shape \(9, 2, 0, 2\)"),
        ({"batch": 5, "packed": np.zeros((9, 2, 3, 2))}, r"got float64 of shape \(9, 2, 3, 2\)"),
        ({"batch": 5, "packed": np.zeros((9, 3, 2), np.uint8)}, r"got uint8 of shape \(9, 3, 2\)"),
        ({"batch": 5, "packed": None}, "packed trajectories of width 13 are uint8"),
    ],
)
def test_impossible_feeds(options, message):
    with pytest.raises(ValueError, match=message):
        Feed(**({"packed": generate(RECIPE), "width": 13, "seed": 0, "device": CPU} | options))


def test_what_is_not_in_a_set_is_not_read(kinds):
    for packed in kinds:
        feed = Feed(packed, 13, batch=10, seed=3, device=CPU)
        for number in (-1, 150):
            with pytest.raises(
                IndexError, match=f"there are 150 trajectories; got {min(number, 3)} to {max(number, 3)}"
            ):
                feed.pairs(np.array([3, number]))
        with pytest.raises(ValueError, match="step is -1; steps are counted from 0"):
            feed.batch(-1)
        with pytest.raises(ValueError, match=r"step is a whole number; got 1\.5"):
            feed.batch(1.5)
        with pytest.raises(ValueError, match="step is -3; steps are counted from 0"):
            feed.numbers(-3, 2)
        with pytest.raises(ValueError, match="steps is 0; at least one batch must be asked for"):
            feed.numbers(3, 0)


@pytest.mark.parametrize("part", [100, 1 << 26])
def test_what_a_gpu_keeps_is_the_first_and_last_states(kinds, monkeypatch, part):
    monkeypatch.setattr(feed_module, "_UPLOADED", part)
    for packed in kinds:
        feed = Feed(packed, 13, batch=10, seed=3, device=CPU)
        np.testing.assert_array_equal(feed.upload(CPU).numpy(), kinds[0][:, [0, -1]])


def test_what_is_resident_gives_the_same_batches(kinds):
    plain, resident = (Feed(kinds[0], 13, batch=10, seed=3, device=CPU) for _ in range(2))
    resident._resident = resident.upload(CPU)
    for step in (0, 1, 20, 44):
        for one, other in zip(plain.batch(step), resident.batch(step), strict=True):
            assert torch.equal(one, other)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("fits", [True, False])
def test_a_gpu_is_fed_the_same(kinds, monkeypatch, fits):
    monkeypatch.setattr(Feed, "fits", lambda self, device: fits)
    for packed in kinds:
        plain = Feed(packed, 13, batch=10, seed=3, device=CPU)
        feed = Feed(packed, 13, batch=10, seed=3, device=torch.device("cuda"))
        for step in range(40):
            for one, other in zip(plain.batch(step), feed.batch(step), strict=True):
                assert torch.equal(one, other.cpu())
