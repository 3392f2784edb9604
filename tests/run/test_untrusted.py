"""Whatever is in a file of somebody else: a plain value of bounds, or one sentence."""

import contextlib
import hashlib
import io
import json
import os
import pickle
import random
import socket
import zipfile
import zlib

import pytest
import torch
from torch import nn

from golfast.errors import Failure, printable, shown
from golfast.run import untrusted as u
from golfast.run.checkpoint import load_checkpoint, save_checkpoint
from golfast.run.files import CheckpointFiles
from golfast.run.folder import RunFolder
from golfast.run.weights import load_weights, save_weights


def pipe(path):
    os.mkfifo(path)


def listening(path):
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.close()


def device(path):
    path.symlink_to("/dev/zero")


READERS = {
    "json": u.read_json,
    "toml": u.read_toml,
    "text": lambda path: u.read_text(path, 10),
    "weights": lambda path: load_weights(nn.Linear(1, 1), path),
    "checkpoint": lambda path: load_checkpoint(CheckpointFiles(path), config="x"),
    "result": lambda path: RunFolder(path.parent).read_result(),
    "log": lambda path: RunFolder(path.parent).read_log(),
    "config": lambda path: RunFolder(path.parent).read_config(),
    "snapshot": lambda path: RunFolder(path.parent.parent).read_snapshots(9),
}
NAMES = {"result": "result.json", "log": "metrics.jsonl", "config": "config.toml", "snapshot": "snapshots/truth.npy"}


@pytest.mark.parametrize("make", [pipe, listening, device, os.mkdir], ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", READERS)
def test_only_regular_files_are_opened(tmp_path, monkeypatch, make, name):
    """A pipe would be waited for, and a device may never end."""
    path = tmp_path / NAMES.get(name, "file")
    path.parent.mkdir(exist_ok=True)
    monkeypatch.chdir(path.parent)  # names of sockets are short
    make(path.relative_to(path.parent))
    with pytest.raises(Failure, match=r"is (a named pipe|a socket|a device|a folder) and not a file; give a regular"):
        READERS[name](path)


def test_a_link_to_a_file_is_one_and_what_is_too_large_is_told(tmp_path):
    (tmp_path / "a").write_text("[1]")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert u.read_json(tmp_path / "b") == [1]
    with pytest.raises(Failure, match="has more than 2 bytes"):
        u.read_text(tmp_path / "b", 2)
    with pytest.raises(FileNotFoundError):
        u.read_json(tmp_path / "c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9" * 400, "at most 64 bits"),
        ("[-18446744073709551616]", "at most 64 bits"),
        ("9" * 5000, "digits"),
        ("1e999", "none of ours is so large"),
        ("[1e101]", "none of ours is so large"),
        ("[NaN]", "holds NaN"),
        ("-Infinity", "holds -Infinity"),
        ("[" * 200_000 + "]" * 200_000, "nested more than 32 deep"),
        ('{"a":' * 3000 + "1" + "}" * 3000, "nested more than 32 deep"),
        ("[" * 33 + "]" * 33, "nested more than 32 deep"),
        ('"\\ud800"', "half a character"),
        ('{"\\udfff": 1}', "half a character"),
        ("", "Expecting value"),
        ("[1", "Expecting"),
    ],
)
def test_json_out_of_bounds_is_told(text, message):
    with pytest.raises(ValueError, match=message) as told:
        u.parse_json(text)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = " + "9" * 400, "at most 64 bits"),
        ("a = " + "9" * 5000, "digits"),
        ("a = " + "[" * 3000 + "]" * 3000, "nested more than 32 deep"),
        ("a = " + "{a=" * 3000 + "1" + "}" * 3000, "nested more than 32 deep"),
        (".".join("a" * 3000) + " = 1", "nested more than 32 deep"),
        ("[" + ".".join(['"a"'] * 300_000) + "]", "nested more than 32 deep"),  # takes minutes to parse
        ("a = 1979-05-27", "a date"),
        ("a = 07:32:00", "a time"),
        ("a = [1,\n", "end of document"),
        ('"' * 500_000, "."),
        ("'\"." * 300_000, "."),
    ],
)
def test_toml_out_of_bounds_is_told(text, message):
    with pytest.raises(ValueError, match=message) as told:
        u.parse_toml(text)
    assert len(str(told.value)) < 300


def test_what_is_within_bounds_is_read():
    assert u.parse_json('{"a": [1, -0.5, null, true, "\\ud83d\\ude00"]}') == {"a": [1, -0.5, None, True, "\U0001f600"]}
    assert u.parse_toml(f'a = inf\nb."c.d".e = "{"." * 99}"\n') == {"a": float("inf"), "b": {"c.d": {"e": "." * 99}}}
    assert u.parse_json(json.dumps(2**64 - 1)) == 2**64 - 1


def test_a_small_file_does_not_become_a_large_one():
    packed = zlib.compress(b"0" * 10**7)
    assert len(u.decompress(packed, 10**7)) == 10**7
    with pytest.raises(ValueError, match="more than 9,999,999 bytes"):
        u.decompress(packed, 10**7 - 1)
    for damaged in (packed[:-1], packed[:100], b"x", b""):
        with pytest.raises(ValueError, match=r"decompress"):
            u.decompress(damaged, 10**7)


SHAPE = {"name": str, "many?": [(int, None)], "each?": u.Each(float), "some?": u.From(1, 3), "any?": object}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "it has no 'name'"),
        ([], r"it is \[\] where a table should be"),
        ({"name": 3}, "'name' is 3 where a text should be"),
        ({"name": "", "many": [1, "x"]}, r"'many\[1\]' is 'x' where a whole number or nothing should be"),
        ({"name": "", "many": [True]}, r"'many\[0\]' is True where"),
        ({"name": "", "each": {"a": "b"}}, "'each.a' is 'b' where a number should be"),
        ({"name": "", "some": 4}, "'some' is 4 where a whole number from 1 to 3 should be"),
        ({"name": "\x1b[31m" * 99999}, None),
        ({"name": "", "many": [None, 3], "each": {"a": 1}, "some": 1, "any": [{}], "more": 1}, None),
    ],
)
def test_shapes(value, message):
    if message is None:
        u.check_shape(value, SHAPE)
        return
    with pytest.raises(ValueError, match=message):
        u.check_shape(value, SHAPE)


def test_what_came_from_outside_is_quoted_in_a_short_line_without_commands_for_a_terminal():
    for value in ("\x1b[2J\r\n\t" * 10**5, 10**5000, [["x" * 10**6] * 10] * 10, {"\u202e": "\ud800"}):
        assert shown(value).isprintable()
        assert len(shown(value)) <= 1000
    assert shown("\x1b[31mred") == "'\\x1b[31mred'"
    assert printable("a\x07\u202eb\ud800") == "a\\x07\\u202eb\\ud800"
    assert len(printable("x" * 10**6)) < 2100


def told(read):
    """That it reads, or says in a short line why not."""
    words = ""
    try:
        read()
    except Failure as error:
        words = str(error)
    assert words.isprintable()
    assert len(words) < 600


def test_an_unpickler_trips_over_nothing(tmp_path):
    """Checksums prove no innocence: these are right, and the pickles within pop empty stacks and name what is not."""
    files = CheckpointFiles(tmp_path / "c.pt")
    rng = random.Random(3)
    save_checkpoint(files, {"a": torch.zeros(3), "b": [1, 2.5, None]}, config="x")
    head, body = files.latest.read_bytes()[:21], files.latest.read_bytes()[53:]
    at = body.index(b"data.pkl") + 8
    bodies = [pickle.dumps(value, protocol=2) for value in (3, {}, {"config": "x", "state": 3}, {"config": [1]})]
    bodies += [b"0.", b".", b"", b"e.", b"\x80\x02}u.", b"\x80\x02(1.", b"c" + b"x" * 10**4, body[:-30]]
    for _ in range(100):
        changed = bytearray(body)
        for _ in range(rng.randint(1, 3)):
            changed[rng.randrange(at, at + 300) if rng.random() < 0.8 else rng.randrange(len(body))] = rng.randrange(
                256
            )
        bodies.append(bytes(changed))
    for content in bodies:
        files.latest.write_bytes(head + hashlib.sha256(content).digest() + content)
        told(lambda: load_checkpoint(files, config="x"))


def test_whatever_the_bytes_only_a_failure_comes_out(tmp_path):
    """Of the readers of text: 150 files each, of JSON and TOML with bytes changed, doubled and left out."""
    rng = random.Random(5)
    good = {
        "result": json.dumps({"run": "a", "steps": 3, "metric": 0.5, "steps_to_98": [1, None], "seal": {}}).encode(),
        "log": b'{"step": 1, "loss": null, "accuracy": [0.5]}\n' * 3,
        "config": b'seed = 1\n[data]\nrule = "B3/S23"\ncount = 7\n[[x]]\ny = [1.5, 2]\n',
    }
    for name, content in good.items():
        for _ in range(150):
            changed = bytearray(content)
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(len(changed))
                part = rng.choice([bytes([rng.randrange(256)]), b"9" * 400, b"[" * 99, b'"', b"\\ud800", b"", b"e999"])
                changed[at : at + rng.randint(0, 9)] = part
            (tmp_path / NAMES[name]).write_bytes(changed)
            told(lambda: READERS[name](tmp_path / NAMES[name]))  # noqa: B023  called at once
        (tmp_path / NAMES[name]).unlink()


def test_weights_of_somebody_else(tmp_path):
    path, rng = tmp_path / "w.safetensors", random.Random(7)
    save_weights(nn.Linear(3, 2), path)
    good = path.read_bytes()
    for _ in range(100):
        changed = bytearray(good)
        changed[rng.randrange(len(good))] = rng.randrange(256)
        path.write_bytes(changed)
        told(lambda: load_weights(nn.Linear(3, 2), path))


@pytest.mark.parametrize("read", [u.parse_json, lambda text: u.parse_toml(f"a = {text}")])
def test_a_whole_number_that_python_does_not_read_is_told_without_advice(read):
    with pytest.raises(ValueError, match=r"^it holds a whole number of more digits than any of ours$"):
        read("1" * 5000)


@pytest.mark.parametrize("key", ['"a\\"b".', "'a'.", "a . ", '"a.b".'])
def test_a_deep_key_is_told_before_it_is_parsed(key):
    """What parses it takes the square of its parts: 100,000 of them would take an hour."""
    with pytest.raises(ValueError, match="a key is nested more than 32 deep"):
        u.parse_toml(key * 100_000 + "c = 1")


@pytest.mark.parametrize("text", ["# {}\nx = 1", 'x = """\n{}\n"""', "x = '''{}'''", 'x = "{}"', "x = '{}' # {}"])
def test_dots_in_comments_and_strings_are_no_key(text):
    assert "x" in u.parse_toml(text.replace("{}", "a.1." * 50))


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "a.toml").write_text("x = 1", encoding="utf-8-sig")
    (tmp_path / "a.json").write_text('{"x": 1}', encoding="utf-8-sig")
    assert u.read_toml(tmp_path / "a.toml") == u.read_json(tmp_path / "a.json") == {"x": 1}


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10**6,
        '"' + '\\"' * 500_000,
        '"""' + '\\"""' * 250_000,
        "'" * 10**6 + "a",
        "a." * 31 + "a" * 10**6,
        ("a." * 30 + "a = 1\n") * 16_000,
        "# " + "'" * 10**6,
        "a" + " " * 10**6,
    ],
    ids=range(8),
)
def test_a_long_text_takes_no_longer_than_its_length(text):
    """What takes the square of it never ends."""
    with contextlib.suppress(ValueError):
        u.parse_toml(f"x = {text}")
    with contextlib.suppress(ValueError):
        u.parse_toml(text)


def test_a_checkpoint_with_a_name_of_a_megabyte_is_told(tmp_path):
    """Its digest is right, and torch's unpickler never ends over it."""
    files, body = CheckpointFiles(tmp_path / "c.pt"), io.BytesIO()
    save_checkpoint(files, {"step": 3}, config="abc")
    head = files.latest.read_bytes().partition(b"PK")[0][:-32]
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02c" + b"a" * 10**6 + b"\n" + b"b" * 10**6 + b"\n.")
    content = body.getvalue()
    files.latest.write_bytes(head + hashlib.sha256(content).digest() + content)
    with pytest.raises(Failure, match="it holds a text longer than any of ours"):
        load_checkpoint(files, config="abc")
