from dataclasses import dataclass, field

import pytest

from golfast.errors import Failure
from golfast.run import config as c


@dataclass(frozen=True)
class Inner:
    channels: int = 20
    slope: float = 0.5

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError("channels must be 1 or more")


@dataclass(frozen=True)
class Outer:
    name: str = "x"
    shared: bool = True
    inner: Inner = field(default_factory=Inner)


def test_a_config_comes_back_from_toml_unchanged(tmp_path):
    config = Outer(name='a "quoted" name', shared=False, inner=Inner(channels=3, slope=1e-7))
    path = tmp_path / "c.toml"
    path.write_text(c.to_toml(config))
    assert c.from_mapping(Outer, c.read_toml(path)) == config


def test_whole_numbers_are_taken_where_a_number_is_asked_for():
    assert c.from_mapping(Inner, {"slope": 1}).slope == 1.0
    assert type(c.from_mapping(Inner, {"slope": 1}).slope) is float


def test_a_whole_number_may_be_written_as_one_with_a_point():
    key, value = c.parse_assignment("inner.channels=1e3")
    assert c.override(Outer(), {key: value}) == Outer(inner=Inner(channels=1000))
    assert type(c.from_mapping(Inner, {"channels": 4.0}).channels) is int
    for value in (2.5, 1e300, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"'channels' takes a whole number; got"):
            c.from_mapping(Inner, {"channels": value})


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"nmae": "y"}, "there is no config key 'nmae'; did you mean 'name'"),
        ({"inner": {"chanels": 3}}, "there is no config key 'inner.chanels'; did you mean 'inner.channels'"),
        ({"zzzzz": 1}, "known are: name, shared, inner"),
        ({"inner": {"channels": 2.5}}, "'inner.channels' takes a whole number; got 2.5"),
        ({"inner": {"channels": True}}, "'inner.channels' takes a whole number; got True"),
        ({"shared": 1}, "'shared' takes true or false; got 1"),
        ({"inner": 3}, "'inner' is a table; got 3"),
        ({"inner": {"channels": 0}}, "channels must be 1 or more"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(mapping, message):
    with pytest.raises(ValueError, match=message):
        c.from_mapping(Outer, mapping)


def test_override_changes_dotted_keys_and_nothing_else():
    assert c.override(Outer(), {"inner.channels": 7}) == Outer(inner=Inner(channels=7))


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("channels", "inner.channels"),
        ("inner.chanels", "inner.channels"),
        ("iner.slope", "inner.slope"),
        ("inner", "inner."),
    ],
)
def test_override_names_the_nearest_key(key, near):
    with pytest.raises(ValueError, match=f"there is no config key '{key}'; did you mean '{near}"):
        c.override(Outer(), {key: 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=true", True),
        ("a=B3/S23", "B3/S23"),
        ('a="x y"', "x y"),
        ("a=1e-3", 1e-3),
        ("a=", ""),
        ("a=.5", 0.5),
        ("a=-.5", -0.5),
        ("a= +.5e-3 ", 0.5e-3),
        ("a=5.", 5.0),
        ("a=1.E3", 1000.0),
        ("a=True", True),
        ("a=FALSE", False),
        ("a=.", "."),
        ("a=.e3", ".e3"),
        ("a=5.h5", "5.h5"),
        ("a=007", "007"),
        ("a=truest", "truest"),
    ],
)
def test_assignments(text, value):
    assert c.parse_assignment(text) == ("a", value)
    assert type(c.parse_assignment(text)[1]) is type(value)


@pytest.mark.parametrize("text", ["a", "=1", " = 2"])
def test_not_an_assignment(text):
    with pytest.raises(ValueError, match="is not of the form key=value"):
        c.parse_assignment(text)


def test_broken_toml_says_where(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("a = [1,\n")
    with pytest.raises(Failure, match=r"c\.toml is not valid TOML: .*end of document"):
        c.read_toml(path)


def test_the_fingerprint_is_of_the_values():
    assert c.fingerprint(Outer()) == c.fingerprint(Outer(name="x"))
    assert c.fingerprint(Outer()) != c.fingerprint(Outer(inner=Inner(slope=0.25)))
    assert len(c.fingerprint(Outer())) == 12


def test_what_is_nested_too_deeply_is_told(tmp_path):
    deep = "[" * 100_000
    (tmp_path / "c.toml").write_text(f"x = {deep}")
    with pytest.raises(Failure, match=r"nested more than 32 deep"):
        c.read_toml(tmp_path / "c.toml")
    assert c.parse_assignment(f"x={deep}") == ("x", deep)


def test_a_field_that_came_later_leaves_the_names_that_were_there() -> None:
    @dataclass(frozen=True)
    class Now:
        width: int = 3
        padding: str = field(default="zeros", metadata={"later": True})

    @dataclass(frozen=True)
    class Then:
        width: int = 3

    @dataclass(frozen=True)
    class Whole:
        inner: Now | Then = field(default_factory=Now)

    assert c.fingerprint(Whole()) == c.fingerprint(Whole(Then()))
    assert c.fingerprint(Whole()) != c.fingerprint(Whole(Now(padding="circular")))
    assert c.to_mapping(Whole()) == {"inner": {"width": 3, "padding": "zeros"}}


def test_difference_names_fields_and_both_values():
    assert c.difference(Outer(), Outer(inner=Inner(channels=9))) == ["inner.channels (20 against 9)"]
