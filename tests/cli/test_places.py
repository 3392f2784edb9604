"""Where commands read and write: links, devices, pipes, standard input and output, folders in use."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from test_cli import call, refused, tiny

from golfast.data import Recipe, Trajectories, make
from golfast.life import parse_pattern
from golfast.run.folder import RunFolder
from golfast_cli import main


def piped(*words, given=b"", code=0):
    """What a command writes to stdout, as bytes, and its stderr."""
    done = CliRunner().invoke(main, [str(word) for word in words], input=given, prog_name="golfast")
    assert done.exit_code == code, done.output + repr(done.exception)
    return done.stdout_bytes, done.stderr


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places") / "run"
    call(*tiny("--folder", folder, "--quiet"))
    return folder


@pytest.fixture
def at_work(tmp_path):
    """A run folder in which another job is at work, and what it has written there."""
    folder = RunFolder(tmp_path / "run")
    with folder.locked():
        for path in (folder.config, folder.metrics, folder.weights, folder.checkpoint.latest, folder.result):
            path.write_text(path.name)
        yield folder, sorted(path.name for path in folder.path.iterdir())


@pytest.mark.parametrize("words", [["demo"], ["rl", "demo"]], ids=" ".join)
def test_a_demo_again_does_not_touch_a_folder_in_use(at_work, monkeypatch, words):
    folder, there = at_work
    monkeypatch.setattr("golfast_cli.demo._dataset", lambda *_: None)
    monkeypatch.setattr("golfast.ablate.trial.check_memory", lambda *_, **__: None)
    told = refused(*words, "--again", "--folder", folder.path, "--quiet", code=1)
    assert "another job is at work in" in told
    assert sorted(path.name for path in folder.path.iterdir()) == there


@pytest.mark.parametrize("part", ["snapshots", "features", "metrics.jsonl"])
def test_a_run_writes_nothing_through_a_link_out_of_its_folder(tmp_path, part):
    folder, outside = tmp_path / "run", tmp_path / "outside"
    outside.mkdir()
    (outside / "truth.npy").write_text("mine")
    folder.mkdir()
    (folder / "config.toml").write_text("")
    (folder / part).symlink_to(outside if part != "metrics.jsonl" else outside / "truth.npy")
    told = refused(*tiny("--folder", folder, "--resume", "--quiet"), code=1)
    assert f"{part} is a link to {outside}" in told or "another config" in told
    for work in (RunFolder(folder).clear, RunFolder(folder).locked().__enter__):
        with pytest.raises(Exception, match="outside of the run's folder"):
            work()
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"truth.npy": "mine"}
    assert (folder / "config.toml").exists()


def test_links_within_a_run_and_to_a_whole_run_are_links_as_any(tmp_path):
    (tmp_path / "disk" / "pictures").mkdir(parents=True)
    (tmp_path / "disk" / "snapshots").symlink_to("pictures")
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    with RunFolder(tmp_path / "run").locked():
        pass


@pytest.mark.parametrize(
    "words",
    [
        tiny("--folder", "new", "--resume"),
        ["train", "--folder", "new", "--resume"],
        ["rl", "train", "cartpole", "--folder", "new", "--resume"],
        ["rl", "train", "--folder", "new", "--resume"],
        ["data", "make", "new", "--count", 10, "--resume"],
        ["data", "make", "new", "--count", 10, "--shards", 2, "--resume"],
        ["data", "convert", "a.h5", "new", "--resume"],
        ["data", "split", "a.h5", "new", "--shards", 2, "--resume"],
        ["data", "merge", "new", "a.h5", "--resume"],
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_nothing_to_go_on_with_is_told(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    make("a.h5", Recipe(count=10))
    assert "there is nothing to go on with at new; leave --resume out" in refused(*words)
    assert os.listdir() == ["a.h5"]


def test_a_shard_is_made_beside_others_with_resume(tmp_path):
    words = ["data", "make", tmp_path / "set", "--count", 10, "--shards", 2, "--quiet"]
    call(*words, "--shard", 0)
    call(*words, "--shard", 1, "--resume")
    assert len(Trajectories(tmp_path / "set")) == 10


# --- standard input and output ---------------------------------------------------------------------------------------


def test_a_pattern_goes_through_a_pipe():
    rle, _ = piped("simulate", "glider", "-g", 4, "--out", "-")
    assert parse_pattern(rle.decode()).cells.sum() == 5
    png, _ = piped("simulate", "-", "-g", 4, "--out", "-", "--format", "png", given=rle)
    assert Image.open(io.BytesIO(png)).format == "PNG"
    table, _ = piped("simulate", "-", "-g", 1, given=rle)
    assert table == b"generation\tpopulation\n0\t5\n1\t5\n"


def test_a_dataset_goes_through_a_pipe(tmp_path):
    whole = make(tmp_path / "a.h5", Recipe(count=20)).read_bytes()
    made, told = piped("data", "make", "-", "--count", 20, "--quiet")
    assert made == whole
    assert "20 trajectories" in told
    archive, _ = piped("data", "convert", "-", "-", "--profile", "archive", "--quiet", given=whole)
    assert piped("data", "convert", "-", "-", "--profile", "train", "--quiet", given=archive)[0] == whole
    assert piped("data", "merge", "-", "-", "--quiet", given=archive)[0] == whole
    assert b"intact" in piped("data", "verify", "-", "--quiet", given=whole)[0]
    assert b"20 of 4 states" in piped("data", "info", "-", given=whole)[0]
    png, told = piped("data", "info", "-", "--png", "-", given=whole)
    assert Image.open(io.BytesIO(png)).format == "PNG"
    assert "20 of 4 states" in told
    assert piped("data", "split", "-", tmp_path / "set", "--shards", 2, "--quiet", given=whole)[0]
    recipe, _ = piped("data", "make", tmp_path / "x.h5", "--recipe", "-", "--dry-run", given=b"count = 77")
    assert b"count = 77" in recipe


def test_configs_specs_and_patterns_come_from_standard_input(run, tmp_path):
    assert b"batch = 7" in piped("train", "--config", "-", "--dry-run", given=b"batch = 7")[0]
    assert b"steps = 7" in piped("rl", "train", "cartpole", "--config", "-", "--dry-run", given=b"steps = 7")[0]
    spec = b'title = "x"\nkind = "agents"\n[variants.a]\nset = { steps = 7 }'
    told = piped("ablate", "-", "--recipe", "cartpole", "--results", tmp_path / "r.sqlite", "--folder", tmp_path,
                 "--dry-run", "--quiet", "--json", given=spec)  # fmt: skip
    assert json.loads(told[0])["trials"][0]["rows"] == ["standard-input/cartpole/a"]
    figures, _ = piped("evaluate", run, "--config", "-", "--json", "--quiet", given=b"sequences = 3")
    assert json.loads(figures)["sequences"] == 3
    data = make(tmp_path / "d.h5", Recipe(count=5, height=9, width=11, generations=2)).read_bytes()
    figures, _ = piped("evaluate", run, "--data", "-", "--json", "--quiet", given=data)
    assert json.loads(figures)["sequences"] == 5
    png, _ = piped("imagine", run, "--pattern", "-", "--out", "-", given=b"3o!")
    assert Image.open(io.BytesIO(png)).format == "PNG"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["simulate", "--out", "-", "--json"], "--out and --json both go to standard output"),
        (["report", "x", "--out", "-", "--markdown", "-"], "--out and --markdown both go to standard output"),
        (["evaluate", "x", "--config", "-", "--data", "-"], "--config and --data both go from standard input"),
        (["ablate", "table2", "--results", "-"], "--results is a file that is read and written in place"),
        (["train", "--folder", "-"], "--folder is a folder, which - (a stream) cannot be"),
        (["data", "make", "-", "--shards", 2], "- is a stream, which --shards cannot be written to"),
        (["data", "make", "-", "--resume"], "there is nothing to go on with at -"),
        (["simulate", "--format", "png"], "--format says what --out gets"),
        (["simulate", "--out", "a.gif", "--format", "png"], "ask for two formats"),
    ],
)
def test_what_a_stream_cannot_be(words, message):
    assert message in refused(*words)


# --- links, devices and pipes ----------------------------------------------------------------------------------------

WRITERS = [
    ["simulate", "glider", "--out", "PLACE", "-g", 1],
    ["imagine", "RUN", "--count", 1, "--out", "PLACE"],
    ["data", "info", "DATA", "--png", "PLACE"],
    ["data", "make", "PLACE", "--count", 10, "--quiet", "--overwrite"],
    ["data", "convert", "DATA", "PLACE", "--profile", "archive", "--quiet", "--overwrite"],
]


def given(words, run, data, place):
    return [{"PLACE": place, "RUN": run, "DATA": data}.get(word, word) for word in words]


@pytest.mark.parametrize("words", WRITERS, ids=lambda words: " ".join(map(str, words[:2])))
def test_a_link_is_followed_and_a_pipe_and_a_device_are_streams(run, tmp_path, words):
    data = make(tmp_path / "data.h5", Recipe(count=10))
    plain, link, target, pipe = (tmp_path / f"{name}.png" for name in ("plain", "link", "target", "pipe"))
    link.symlink_to(target.name)
    call(*given(words, run, data, plain))
    for _ in range(2):  # where there is nothing yet, and where there is something
        call(*given(words, run, data, link))
        assert link.is_symlink()
        assert target.read_bytes() == plain.read_bytes()
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    call(*given(words, run, data, pipe))
    reader.join()
    assert read == [plain.read_bytes()]
    assert pipe.is_fifo()
    call(*given(words, run, data, "/dev/null"))
    assert not Path("/dev/null").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data.h5", "link.png", "pipe.png", "plain.png", "target.png"
    ]  # fmt: skip


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1", "-"])
def test_open_files_are_written_to_where_they_are(tmp_path, place):
    """Redirected to a file, stdout is that file and stays it."""
    code = "import sys; from golfast_cli import main; main(sys.argv[1:])"
    with (tmp_path / "out").open("wb") as out:
        out.write(b"before\n")
        out.flush()
        words = ["simulate", "glider", "-g", "0", "--out", place]
        subprocess.run([sys.executable, "-c", code, *words], stdout=out, check=True)
        out.seek(0, 2)
        out.write(b"after\n")
    written = (tmp_path / "out").read_bytes()
    assert written.startswith(b"before\n#N glider")
    assert written.endswith(b"!\nafter\n")


def test_a_result_does_not_take_the_place_of_what_is_read(tmp_path):
    glider, link = tmp_path / "glider.rle", tmp_path / "link.rle"
    call("simulate", "glider", "--generations", 1, "--out", glider)
    link.symlink_to(glider)
    before = glider.read_bytes()
    for out in (glider, link):
        told = refused("simulate", glider, "--out", out)
        assert f"--out {out} is a file that is read here, and would be lost" in told
    results = tmp_path / "results.csv"
    with sqlite3.connect(results):
        pass
    assert "would be lost" in refused("results", results, "--format", "csv", "--out", results)
    assert glider.read_bytes() == before


def test_two_results_do_not_go_to_one_file(tmp_path):
    (tmp_path / "link").symlink_to("page")
    for other in ("page", "link"):
        told = refused("report", "--out", tmp_path / "page", "--markdown", tmp_path / other)
        assert "--out and --markdown are one file" in told
    assert "are one file" not in refused("report", "r.sqlite", "--out", "/dev/null", "--markdown", "/dev/null", code=1)


def test_standard_input_is_called_so():
    _, told = piped("simulate", "-", given=b"x", code=2)
    assert told.startswith("golfast: standard input: ")
    _, told = piped("train", "--dry-run", "--config", "-", given=b"x ::", code=1)
    assert told.startswith("golfast: standard input is not valid TOML")


def test_who_closes_standard_output_gets_no_traceback(tmp_path):
    golfast = f"{sys.executable} -c 'from golfast_cli import main; main()'"
    command = f"{golfast} data make {tmp_path / 'a.h5'} --count 60 -q >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_that_was_removed_meanwhile_is_named(tmp_path):
    golfast = f"{sys.executable} -c 'from golfast_cli import main; main()'"
    command = f"mkdir gone && cd gone && rmdir ../gone && {golfast} simulate glider --out x.rle"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("golfast: ")
    assert "the folder that golfast was started in is no longer there" in done.stderr
