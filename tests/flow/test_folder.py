"""Output folders: whole or not at all, and never at a user's cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from s2nn_hw.flow import folder
from s2nn_hw.flow.folder import MARKER, output_folder
from s2nn_hw.ir import InputError


def write(out: Path, text: str) -> None:
    with output_folder(out) as work:
        (work / "options.json").write_text(text)
        (work / "rom").mkdir(exist_ok=True)
        (work / "rom" / "a.hex").write_text(text)


def contents(parent: Path) -> dict[str, str]:
    return {
        str(p.relative_to(parent)): p.read_text()
        for p in sorted(parent.rglob("*"))
        if p.is_file() and p.name != MARKER
    }


@pytest.fixture(params=["exchange", "two steps"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the file system's exchange and without."""
    if request.param == "two steps":
        monkeypatch.setattr(folder.ctypes, "CDLL", lambda *_, **__: object())


@pytest.mark.usefixtures("_both_ways")
def test_replaces_an_older_result(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    write(out, "first")
    write(out, "second")
    assert contents(tmp_path) == {
        "a/b/options.json": "second",
        "a/b/rom/a.hex": "second",
    }
    assert [p.name for p in out.parent.iterdir()] == ["b"]


def test_takes_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "x")
    assert (tmp_path / "out" / "options.json").read_text() == "x"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_result(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "out"
    write(out, "first")
    with pytest.raises(error), output_folder(out) as work:
        (work / "options.json").write_text("half")
        raise error
    assert contents(tmp_path) == {"out/options.json": "first", "out/rom/a.hex": "first"}


def test_failure_leaves_no_new_parents(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), output_folder(tmp_path / "a" / "b" / "out"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_never_deletes_a_users_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "first")
    (out / "rom" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"out: holds rom/notes\.txt, not written by s2nn-hw"):
        write(out, "second")
    assert (out / "rom" / "notes.txt").read_text() == "mine"
    assert (out / "options.json").read_text() == "first"


def test_never_deletes_a_users_change(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "first")
    (out / "options.json").write_text("mine!")
    with pytest.raises(InputError, match=r"out: holds options\.json, changed since s2nn-hw wrote"):
        write(out, "second")
    assert (out / "options.json").read_text() == "mine!"
    (out / "options.json").write_text("first")
    write(out, "second")


def test_never_deletes_a_users_empty_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "first")
    (out / "mine").mkdir()
    with pytest.raises(InputError, match=r"out: holds mine, not written by s2nn-hw"):
        write(out, "second")
    assert (out / "mine").is_dir()


def test_never_deletes_a_file_added_meanwhile(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "first")
    with pytest.raises(InputError, match=r"holds late\.txt"), output_folder(out):
        (out / "late.txt").write_text("mine")
    assert (out / "late.txt").read_text() == "mine"


def test_refuses_a_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "b.txt").write_text("mine")
    with pytest.raises(InputError, match=r"^/.*: holds a\.txt, not written by s2nn-hw"):
        write(tmp_path, "x")
    assert contents(tmp_path) == {"a.txt": "mine", "b.txt": "mine"}


def test_refuses_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="must not be the current folder"):
        write(Path("."), "x")


def test_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="out: must be a folder"):
        write(tmp_path / "out", "x")


@pytest.mark.parametrize("path", ["file/out", "/proc/out", "nul\0l"])
def test_unwritable_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written") as caught:
        write(tmp_path / path, "x")
    assert path in str(caught.value)


def test_a_failing_write_is_named_where_it_would_have_been(tmp_path: Path) -> None:
    out = tmp_path / "out"
    message = f"^{out}/no/such: cannot be written: No such file"
    with pytest.raises(InputError, match=message), output_folder(out) as work:
        (work / "no" / "such").write_text("x")
    assert list(tmp_path.iterdir()) == []


def killed(out: Path, when: str) -> None:
    """Run a writer of ``second`` in a process that kills itself."""
    program = f"""
import ctypes, os, pathlib
from s2nn_hw.flow.folder import output_folder
kill = lambda *_: os.kill(os.getpid(), {int(signal.SIGKILL)})
if {when!r} == "between":
    ctypes.CDLL = lambda *_, **__: object()
    rename, seen = pathlib.Path.rename, []
    def once(self, to):
        seen.append(to)
        if len(seen) == 3:
            kill()
        return rename(self, to)
    pathlib.Path.rename = once
with output_folder({str(out)!r}) as work:
    (work / "options.json").write_text("second")
    if {when!r} == "writing":
        kill()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL


def test_kill_while_writing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "first")
    killed(out, "writing")
    assert (out / "options.json").read_text() == "first"
    write(out, "third")
    assert [p.name for p in tmp_path.iterdir()] == ["out"], "the leftover must be gone"


def test_kill_between_the_two_steps(tmp_path: Path) -> None:
    """On a file system without exchange the next run finds the old result again."""
    out = tmp_path / "out"
    write(out, "first")
    killed(out, "between")
    assert not out.exists()
    with pytest.raises(RuntimeError), output_folder(out):
        assert (out / "options.json").read_text() == "first"
        raise RuntimeError
    assert contents(tmp_path) == {"out/options.json": "first", "out/rom/a.hex": "first"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_leaves_a_living_writer_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with output_folder(out) as work:
        other = work.with_name(f".out.{os.getpid() + 1}.new")
        work.rename(other)  # as if another process had it
        write(out, "x")
        assert other.is_dir()
        other.rename(work)
        (work / "options.json").write_text("late")
    assert contents(tmp_path) == {"out/options.json": "late"}


def test_a_file_put_into_a_folder_of_ours_is_ours(tmp_path: Path) -> None:
    """Such as the JUnit XML of the verification that made the folder."""
    out = tmp_path / "out"
    write(out, "first")
    folder.write_file(out / "ci" / "junit.xml", "<x/>")
    write(out, "second")
    assert not (out / "ci").exists()


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    folder.write_file(tmp_path / "a" / "x.xml", "one")
    folder.write_file(tmp_path / "a" / "x.xml", "two")
    assert contents(tmp_path) == {"a/x.xml": "two"}
    for path in ("a", "a/x.xml/y", "/proc/x"):
        with pytest.raises(InputError, match="cannot be written"):
            folder.write_file(tmp_path / path, "x")
    assert contents(tmp_path) == {"a/x.xml": "two"}


def test_a_file_that_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder.writable_file(tmp_path / "a" / "b" / "x.xml")
    assert contents(tmp_path) == {"file": ""}
    # Of root access() would say that it may write to /proc.
    for path in (tmp_path, tmp_path / "file" / "x", Path("nul\0l"), Path("/proc/a/x.xml")):
        with pytest.raises(InputError, match="cannot be written"):
            folder.writable_file(path)
