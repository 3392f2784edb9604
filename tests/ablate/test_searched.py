"""The authors' search: every value within its range, all of them met, and the same for a seed always."""

import numpy as np

from golfast.ablate.kinds import kind_of
from golfast.ablate.searched import searched
from golfast.ablate.spec import load_spec


def test_draws_fill_their_ranges_evenly():
    found = [searched(seed) for seed in range(3000)]
    for key, low, high in (("model.channels", 2, 40), ("model.core_layers", 3, 8), ("model.decoder_layers", 1, 3)):
        counts = np.bincount([one[key] for one in found], minlength=high + 1)
        assert counts[:low].sum() == 0
        assert len(counts) == high + 1
        expected = 3000 / (high - low + 1)
        assert abs(counts[low:] - expected).max() < 5 * expected**0.5
    rates = np.log10([one["optimiser.adam_lr"] for one in found])
    assert -5 <= rates.min() < -4.9
    assert -3.1 < rates.max() <= -3
    assert abs((rates < -4).mean() - 0.5) < 0.05
    assert 200 <= min(one["batch"] for one in found) <= 202
    assert searched(7) == searched(7) != searched(8)


def test_a_row_under_the_recipe_authors_has_another_network_for_each_seed():
    variant = load_spec("channels").variants[0]
    one, other = (variant.config(kind_of("networks"), "authors", seed) for seed in (1, 2))
    assert one.batch != other.batch
    assert one.model.channels == other.model.channels == 20
