"""What the runner starts ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from sim.simulators import Group
runner = Group()
runner.env = os.environ
shell = "trap '' TERM; sleep 60 & echo $! > child.new; mv child.new child; wait"
runner._execute_cmds([["sh", "-c", shell]], sys.argv[1])
"""


def lives(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_an_interrupt_ends_the_children_of_children(tmp_path: Path) -> None:
    """Also of those that do not listen."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "child").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child = int((tmp_path / "child").read_text())
    assert lives(child)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert err.rstrip().endswith("KeyboardInterrupt")
    deadline = time.monotonic() + 10
    while lives(child):
        assert time.monotonic() < deadline, "the child's child lives on"
        time.sleep(0.02)


def test_a_command_that_fails_is_an_error(tmp_path: Path) -> None:
    from sim.simulators import Group

    runner = Group()
    runner.env = dict(os.environ)
    runner._execute_cmds([["true"]], tmp_path)
    with pytest.raises(RuntimeError, match="status 3"):
        runner._execute_cmds([["sh", "-c", "exit 3"]], tmp_path)
