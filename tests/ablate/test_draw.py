"""Values drawn for each seed: all within their ranges, evenly, and the same for a seed always."""

import numpy as np
import pytest

from golfast.ablate.draw import check_range, drawn
from golfast.ablate.estimate import guessed, measured
from golfast.ablate.jobs import State
from golfast.ablate.kinds import kind_of
from golfast.ablate.networks import SEARCHED
from golfast.ablate.plan import Plan, Row
from golfast.ablate.spec import load_spec, parse_spec
from golfast.ablate.store import Store

NETWORKS = kind_of("networks")


def test_draws_fill_their_ranges_evenly():
    found = [drawn(seed, SEARCHED) for seed in range(3000)]
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


def test_what_is_drawn_is_the_same_always_and_keys_do_not_disturb_each_other():
    layers = {"model.core_layers": (3, 8)}
    assert [drawn(seed, layers)["model.core_layers"] for seed in range(8)] == [8, 6, 3, 8, 7, 4, 4, 7]
    assert drawn(7, layers) == {key: drawn(7, SEARCHED)[key] for key in layers}
    both = np.array(
        [[drawn(seed, SEARCHED)[f"model.{name}_layers"] for name in ("encoder", "decoder")] for seed in range(500)]
    )
    assert abs(np.corrcoef(both.T)[0, 1]) < 0.15


def test_a_row_under_the_recipe_authors_has_another_network_for_each_seed():
    variant = load_spec("channels").variants[0]
    one, other = (variant.config(NETWORKS, "authors", seed) for seed in (1, 2))
    assert one.batch != other.batch
    assert one.model.channels == other.model.channels == 20


@pytest.mark.parametrize("recipe", ["adam", "authors"])
def test_a_row_that_draws_is_measured_once_and_at_its_dearest(recipe):
    spec = load_spec("drawn").limited(counted=5)
    rows = [Row(spec, recipe, variant, "cpu") for variant in spec.variants]
    trials = Plan(rows).dry()
    asked = []

    class Measured(type(NETWORKS)):
        def at_most_seconds(self, config, device):
            asked.append(config)
            return float(len(asked))

    guesses = guessed(Measured(), trials, "cpu", [])
    assert asked == []
    found = measured(Measured(), rows, trials, "cpu", guesses)
    assert {guess.at_most for guess in found.values()} <= set(range(1, len(rows) + 1))
    assert len(found) == len(trials) == 5 * len(rows)
    assert len(asked) == len(rows)
    assert {config.model.core_layers for config in asked} == {8}
    assert {config.batch for config in asked} == ({512} if recipe == "authors" else {24})
    assert len({trial.config.model.core_layers for trial in trials}) > 2


def test_a_store_keeps_what_a_row_draws_and_lets_go_of_runs_of_another_draw(tmp_path):
    def rows_of(greatest):
        spec = sweep(draw={"model": {"core_layers": [2, greatest]}})
        return [Row(spec, "authors", spec.variants[0], "cpu")]

    with Store.writing(tmp_path / "a.sqlite") as store:
        for greatest in (5, 5, 6):
            (row,) = rows_of(greatest)
            store.save_row(row, 0)
            ((_, definition, members),) = store.rows("s")
            assert definition["draw"]["model.core_layers"] == [2, greatest]
            assert definition["draw"]["batch"] == [200, 512]
            trial = row.trial(0)
            assert members == ([] if greatest == 6 or not store.trials() else [trial.name])
            store.save_members([(row, 0, trial)])
            store.save_trial(trial, State.COUNTED, result={"reached": True})


def sweep(**tables):
    return parse_spec("s", {"title": "a sweep", "variants": {"a": {}}, **tables})


def test_what_a_variant_says_of_a_key_stands_in_place_of_what_the_spec_says():
    found = sweep(
        base={"batch": 32},
        draw={"model": {"channels": [4, 8]}, "steps": [100, 200]},
        variants={"a": {"set": {"model": {"channels": 20}}, "draw": {"batch": [16, 16]}}},
    ).variants[0]
    assert found.changes == {"model.channels": 20}
    assert found.draw == {"steps": (100, 200), "batch": (16, 16)}
    config = found.config(NETWORKS, "fast", 3)
    assert (config.batch, config.model.channels) == (16, 20)
    assert 100 <= config.steps <= 200


@pytest.mark.parametrize(
    "given", [[1], [1, 2, 3], [2, 1], [1, 2.0], [True, True], ["a", "b"], 3, [0.0, 1.0], [1e-3, float("inf")]]
)
def test_what_is_no_range_is_refused_in_a_sentence(given):
    with pytest.raises(ValueError, match=r"^batch takes \[least, greatest\], both whole numbers"):
        check_range("batch", given)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"draw": {"model": {"channel": [4, 8]}}}, "did you mean 'model.channels'"),
        ({"draw": {"model": {"core_layers": [0, 3]}}}, "core_layers"),
        ({"draw": {"seed": [1, 3]}}, "sweep gives out seeds itself"),
        ({"draw": {"batch": 3}}, r"^draw.batch takes \[least"),
        (
            {"draw": {"adversarial": {"steps": [10, 100], "alone": [5, 30]}}, "base": {"adversarial": {"on": True}}},
            r"variant 'a', recipe 'fast', seed \d+: adversarial.alone is",
        ),
        ({"draw": {"batch": [1, 3]}, "base": {"batch": 8}}, "the spec both sets and draws 'batch'"),
        (
            {"variants": {"a": {"set": {"batch": 8}, "draw": {"batch": [1, 2]}}}},
            "variants.a both sets and draws 'batch'",
        ),
        ({"variants": {"a": {"draw": {"batch": 3}}}}, r"variants.a.draw.batch takes \[least"),
    ],
)
def test_specs_that_draw_what_makes_no_sense_are_refused(tables, words):
    with pytest.raises(ValueError, match=words):
        sweep(**tables)


def test_whole_numbers_and_others_are_two_draws_though_they_are_equal(tmp_path):
    def row_of(*ends):
        spec = sweep(draw={"optimiser": {"lr": [*ends]}})
        return Row(spec, "fast", spec.variants[0], "cpu")

    with Store.writing(tmp_path / "a.sqlite") as store:
        store.save_row(row_of(1, 2), 0)
        store.save_members([(row_of(1, 2), 0, row_of(1, 2).trial(0))])
        store.save_row(row_of(1, 2), 0)
        count = "SELECT count(*) FROM members"
        assert store._db.execute(count).fetchone()[0] == 1
        store.save_row(row_of(1.0, 2.0), 0)
        assert store._db.execute(count).fetchone()[0] == 0
