"""The results file, queried."""

import csv
import io
import json

import fake_trials as fake
import pytest
from fake_trials import Tiny

from golfast.ablate.jobs import State, Trial
from golfast.ablate.query import NOTED, project, records, select, write_csv, write_parquet
from golfast.ablate.store import Store
from golfast.run.config import fingerprint


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Ten thousand trials, every tenth failed."""
    path = tmp_path_factory.mktemp("store") / "results.sqlite"
    row = fake.sweep_rows(a=10_000)[0]
    with Store.writing(path) as store:
        store.save_row(row, 0)
        store._db.execute("PRAGMA synchronous = OFF")  # ten thousand at once, where a sweep has seconds between them
        for place in range(10_000):
            trial = row.trial(place)
            store.save_members([(row, place, trial)])
            failed = place % 10 == 9
            store.save_trial(
                trial,
                State.FAILED if failed else State.COUNTED,
                result=None if failed else fake.result(trial),
                reason="no reason" if failed else None,
            )
    with Store.reading(path) as store:
        return records(store)


def test_every_trial_is_a_line_with_the_same_columns(found):
    assert len(found) == 10_000
    assert len({tuple(record) for record in found}) == 1
    one = next(record for record in found if record["seed"] == 7)
    assert one["trial"] == fingerprint(Tiny("a", 7))
    assert one["rows"] == ["s/fast/a"]
    assert one["metric_variants.matched"] == one["metric"]
    assert one["steps_to_98"] == [50, 60, 90]
    assert next(record for record in found if record["state"] == "failed")["metric"] is None


def test_conditions(found):
    assert len(select(found, ["state=failed"])) == len(select(found, ["metric=0", "state!=counted"])) + 1000
    low = select(found, ["metric<0.25", "seed>=5000"])
    assert {record["trial"] for record in low} == {
        record["trial"] for record in found if (record["metric"] or 1) < 0.25 and record["seed"] >= 5000
    } | {record["trial"] for record in low if record["metric"] == 0}
    assert len(select(found, ["rows=s/fast/a"])) == 10_000
    assert select(found, ["rows=s/fast/b"]) == []
    with pytest.raises(ValueError, match="compares with a word, and there are none in column 'metric'"):
        select(found, ["metric>abc"])
    number = next(record["trial"] for record in found if record["trial"].isdigit())
    assert [record["trial"] for record in select(found, [f"trial={number}"])] == [number]
    with pytest.raises(ValueError, match="did you mean 'metric'"):
        select(found, ["metrik=3"])
    with pytest.raises(ValueError, match="is no condition"):
        select(found, ["metric"])
    with pytest.raises(ValueError, match="there is no column 'sed'; did you mean 'seed'"):
        project(found, ["sed"])


@pytest.mark.parametrize("where", ["metric>nan", "metric!=-nan", "steps_to_98<=nan", "seed = +nan"])
def test_no_number_is_above_below_or_equal_to_nan(found, where):
    with pytest.raises(ValueError, match=r"compares with nan, which no number equals, exceeds or falls short of"):
        select(found, [where])
    assert select(found, ["trial=nan", "reason=nan"]) == []
    assert len(select(found, ["metric<inf"])) == 9000


def test_conditions_on_lists(found):
    some = [record | {"steps_to_98": steps} for record, steps in zip(found, ([None, 60], [50], [], None), strict=False)]
    assert select(some, ["steps_to_98>55"]) == some[:1]
    assert select(some, ["steps_to_98<55"]) == some[1:2]
    assert select(some, ["steps_to_98!=60"]) == [some[0], some[1], some[3]]  # nothing is not 60, alone or in a list
    nested = [record | {"agreement": agreement} for record, agreement in zip(some, ([[0.5], [1.0]], []), strict=False)]
    assert select(nested, ["agreement>0.9"]) == nested[:1]
    with pytest.raises(ValueError, match="compares with a word, and there are none in column 'steps_to_98'"):
        select(some, ["steps_to_98>abc"])
    with pytest.raises(ValueError, match="compares with what is no number, and column 'metric' has numbers only"):
        select(found, ["metric=[1]"])


def test_csv_json_and_parquet_say_the_same(found, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra 'parquet')")
    some = project(found[:100], ["trial", "seed", "metric", "steps_to_98", "reason"])
    out = io.StringIO()
    write_csv(some, list(some[0]), out)
    lines = list(csv.DictReader(io.StringIO(out.getvalue())))
    write_parquet(some, list(some[0]), tmp_path / "a.parquet")
    stored = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert stored == json.loads(json.dumps(some)) == some
    assert [line["trial"] for line in lines] == [record["trial"] for record in some]
    assert [line["metric"] for line in lines] == [
        "" if record["metric"] is None else str(record["metric"]) for record in some
    ]
    assert {line["steps_to_98"] for line in lines} == {"50 60 90", ""}


def test_parquet_of_no_records_has_its_columns(found, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra 'parquet')")
    write_parquet([], list(found[0]), tmp_path / "a.parquet")
    stored = parquet.read_table(tmp_path / "a.parquet")
    assert stored.column_names == list(found[0])
    assert stored.num_rows == 0
    assert list(found[0])[: len(NOTED)] == list(NOTED)


def test_a_reader_sees_what_a_writer_has_written_so_far(tmp_path):
    with Store.writing(tmp_path / "results.sqlite") as writer:
        for seed in range(3):
            config = Tiny("a", seed)
            trial = Trial(fingerprint(config), config)
            writer.save_trial(trial, State.COUNTED, result=fake.result(trial))
            with Store.reading(tmp_path / "results.sqlite") as reader:
                assert len(reader.states()) == seed + 1
                assert reader.curve(trial.name) == [{"step": 50, "accuracy": [0.9, 0.8, 0.7]}]


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "-", "=-3"]
)
def test_a_cell_of_a_csv_is_no_formula(text):
    out = io.StringIO()
    write_csv([{"a": text, text: -0.5, "b": [text, 1]}], ["a", text, "b"], out)
    heading, line = csv.reader(io.StringIO(out.getvalue(), newline=""))
    shown = text.replace("\r", "\n")
    assert heading == ["a", f"'{shown}", "b"]
    assert line == [f"'{shown}", "-0.5", f"'{shown} 1"]


@pytest.mark.parametrize("value", [-0.5, -3, "-3", "+1e5", "a=b", [-1, -2], ""])
def test_a_number_of_a_csv_stays_one(value):
    out = io.StringIO()
    write_csv([{"a": value}], ["a"], out)
    assert "'" not in out.getvalue()
