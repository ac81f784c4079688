"""What a verb prints: whole wherever it goes, and one sentence where it cannot be written."""

from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Group
from rich.text import Text

from s2nn_hw.cli import terminal
from s2nn_hw.report.table import table

FULL = Path("/dev/full")
COMMAND = (sys.executable, "-m", "s2nn_hw.cli")

#: A table and a sentence, each wider than any terminal.
WIDE = ", ".join(f"event {lanes}/{lanes}" for lanes in range(60))
SENTENCE = "a sentence of many words " * 20


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stdout: io.StringIO) -> list[str]:
    """Lines of the table and the sentence there."""
    monkeypatch.setattr(sys, "stdout", stdout)
    rows = table("plan", ">LUT")
    rows.add_row(WIDE, "77,348")
    rows.add_row("unrolled", "1,234")
    parts = Group(rows, Text(SENTENCE))
    terminal.result(argparse.Namespace(json=False), {}, lambda: parts)
    return stdout.getvalue().splitlines()


def test_a_pipe_gets_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    heading, first, second, sentence = shown(monkeypatch, io.StringIO())
    assert first.split("  ") == [WIDE, "77,348"]
    assert second.split() == ["unrolled", "1,234"]
    assert sentence.rstrip() == SENTENCE.rstrip()
    assert len(heading) == len(first)


def test_a_narrow_terminal_folds_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")  # which has 80 columns, and no colours
    lines = shown(monkeypatch, Terminal())
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    wide = len(lines[0]) - len("   LUT")
    cells = "".join(line[:wide] for line in lines).replace(" ", "")
    assert WIDE.replace(" ", "") in cells
    assert "77,348" in lines[1]


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", ["--help", "data list", "data list --json"])
def test_a_stdout_that_is_full_is_told(words: str) -> None:
    with FULL.open("w") as full:
        process = subprocess.run(
            [*COMMAND, *words.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    said = "s2nn-hw: error: stdout cannot be written: No space left on device\n"
    assert (process.returncode, process.stderr) == (1, said)


@pytest.mark.parametrize("words", ["--help", "data list", "data list --json"])
def test_a_reader_that_goes_away_is_no_error(words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [*COMMAND, *words.split()], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (process.returncode, process.stderr) == (128 + signal.SIGPIPE, "")


def test_a_stdout_that_is_closed_gets_nothing() -> None:
    program = "import os, sys; os.close(1); os.execv(sys.executable, sys.argv[1:])"
    process = subprocess.run(
        [sys.executable, "-c", program, *COMMAND, "data", "list"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
