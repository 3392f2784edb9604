import errno
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from golfast.errors import Failure
from golfast.model import save_weights
from golfast.model.conv import Conv3x3
from golfast.run.checkpoint import load_checkpoint, save_checkpoint
from golfast.run.files import CheckpointFiles, check_regular, replacing, write_json
from golfast.run.folder import RunFolder


def test_a_failed_write_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("good")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "good"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_written_file_is_readable_by_others_as_the_umask_says(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o666 & ~mask


LEFT = """
import os, sys
from pathlib import Path
from golfast.run.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os._exit(9)
"""


def test_what_a_killed_write_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "a[1].txt"
    for name in (path, tmp_path / "a.txt"):
        subprocess.run([sys.executable, "-c", LEFT, str(name)], check=False)
    left = sorted(name for name in os.listdir(tmp_path) if name.startswith("."))
    assert len(left) == 2
    assert left[0].startswith(".a.txt.")
    assert left[0].endswith(".tmp.txt")
    others = [tmp_path / ".a[1].txt.mine.tmp.txt", tmp_path / "a[1].txt.12345678.tmp.txt"]
    for other in others:
        other.touch()
    with replacing(path) as one, replacing(path) as two:  # neither takes the other for stale
        one.write_text("one")
        two.write_text("two")
    assert path.read_text() == "one"
    assert sorted(os.listdir(tmp_path)) == sorted([left[0], path.name, *(other.name for other in others)])


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", float("nan"))
    assert os.listdir(tmp_path) == []


def test_checkpoints_come_back(tmp_path):
    files = CheckpointFiles(tmp_path / "c.pt")
    assert not files.exist()
    assert load_checkpoint(files, config="abc") is None
    for step in (3, 4, 5):
        save_checkpoint(files, {"step": step, "list": [1, None]}, config="abc")
        assert load_checkpoint(files, config="abc") == {"step": step, "list": [1, None]}
    assert sorted(os.listdir(tmp_path)) == ["c.before.pt", "c.pt"]
    files.remove()
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_of_another_config_is_refused(tmp_path):
    files = CheckpointFiles(tmp_path / "c.pt")
    save_checkpoint(files, {"step": 3}, config="abc")
    with pytest.raises(Failure, match=r"is of another config \(abc, not def\)"):
        load_checkpoint(files, config="def")


def cut(keep):
    return lambda content: content[:keep]


def flip(at):
    return lambda content: content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]


@pytest.mark.parametrize("harm", [cut(0), cut(1), cut(60), cut(-1), flip(3), flip(40), flip(200), flip(-300)])
def test_of_a_damaged_checkpoint_the_one_before_is_used(tmp_path, harm):
    files = CheckpointFiles(tmp_path / "c.pt")
    for step in (3, 4):
        save_checkpoint(files, {"step": step}, config="abc")
        whole = files.latest.read_bytes()
    files.latest.write_bytes(harm(whole))
    assert load_checkpoint(files, config="abc") == {"step": 3}
    files.before.write_bytes(harm(whole))
    with pytest.raises(Failure, match=r"c\.pt is damaged .*remove it to train from the start"):
        load_checkpoint(files, config="abc")


def test_a_kill_between_two_checkpoints_loses_none(tmp_path, monkeypatch):
    """The latest has become the one before, and its successor has not taken its place yet."""
    files = CheckpointFiles(tmp_path / "c.pt")
    save_checkpoint(files, {"step": 3}, config="abc")
    real = Path.replace

    def killed(self, target):
        if target == files.latest:
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(files, {"step": 4}, config="abc")
    monkeypatch.undo()
    assert load_checkpoint(files, config="abc") == {"step": 3}
    assert os.listdir(tmp_path) == ["c.before.pt"]


def test_a_checkpoint_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    files = CheckpointFiles(tmp_path / "c.pt")
    save_checkpoint(files, {"step": 3, "evil": Evil()}, config="abc")  # a checksum proves no innocence
    with pytest.raises(Failure, match="is damaged"):
        load_checkpoint(files, config="abc")
    assert not (tmp_path / "evil").exists()
    pickle.loads(pickle.dumps(Evil()))  # what it would have done
    assert (tmp_path / "evil").exists()


def test_the_log_forgets_what_a_resumed_run_writes_again(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (0, 50, 100):
        folder.log({"step": step})
    with folder.metrics.open("a") as file:
        file.write('{"step": 15')  # cut short by a kill
    folder.rewind_log(50)
    folder.log({"step": 100})
    assert [json.loads(line)["step"] for line in folder.metrics.read_text().splitlines()] == [0, 50, 100]


def test_a_folder_of_another_config_is_left_alone(tmp_path):
    RunFolder(tmp_path).start("a = 1\n")
    RunFolder(tmp_path).start("a = 1\n")
    with pytest.raises(Failure, match="holds a run of another config"):
        RunFolder(tmp_path).start("a = 2\n")
    assert (tmp_path / "config.toml").read_text() == "a = 1\n"


def test_a_damaged_result_is_told(tmp_path):
    (tmp_path / "result.json").write_text("{")
    with pytest.raises(Failure, match="is damaged"):
        RunFolder(tmp_path).read_result()


@pytest.mark.parametrize("write", ["checkpoint", "weights", "json"])
def test_a_full_disk_is_told_by_its_name_and_harms_nothing(tmp_path, monkeypatch, write):
    def save():
        if write == "checkpoint":
            save_checkpoint(CheckpointFiles(path), {"step": 3}, config="abc")
        elif write == "weights":
            with replacing(path) as temporary:
                save_weights(Conv3x3(1, 1), temporary)
        else:
            write_json(path, {"a": 1})

    def full(self, *args, **options):
        with self.open("wb") as file:
            file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    save()
    before = path.read_bytes()
    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left on device") as told:
        save()
    assert told.value.filename == str(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["file"]


def test_two_jobs_do_not_share_a_folder(tmp_path):
    refused = pytest.raises(Failure, match="another job is at work in")
    with RunFolder(tmp_path / "a").locked(), refused, RunFolder(tmp_path / "a").locked():
        pass
    with RunFolder(tmp_path / "a").locked():
        pass


@pytest.mark.parametrize("garbage", [b"[1, 2]\n", b"\xff\xfe\n", b'{"step": "x"}\n', b'{"loss": 1}\n', b"3"])
def test_a_log_is_read_up_to_what_is_no_record(tmp_path, garbage):
    folder = RunFolder(tmp_path)
    folder.log({"step": 0, "loss": 0.5})
    with folder.metrics.open("ab") as file:
        file.write(garbage + b'{"step": 50}\n')
    assert folder.read_log() == [{"step": 0, "loss": 0.5}]
    folder.rewind_log(100)
    folder.log({"step": 50})
    assert [record["step"] for record in folder.read_log()] == [0, 50]


def test_what_is_no_regular_file_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "file").write_text("")
    (tmp_path / "good").symlink_to("file")
    for name in ("file", "good", "none"):
        check_regular(tmp_path / name, "a table")
    for name in ("pipe", "link"):
        with pytest.raises(Failure, match=rf"{name} is a pipe, a socket or a device, and so not a table"):
            check_regular(tmp_path / name, "a table")
    with pytest.raises(Failure, match="is a folder, and so not a table"):
        check_regular(tmp_path, "a table")
    with pytest.raises(Failure, match="/dev/zero is a pipe, a socket or a device"):
        check_regular(Path("/dev/zero"), "a table")
