"""Programming a board: what openFPGALoader is told, and what is told where it is not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from s2nn_hw import cli, flow
from s2nn_hw.ir import InputError, ToolError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as synth leaves it."""
    (tmp_path / "board.bit").write_bytes(b"bits")
    (tmp_path / "synth.json").write_text(json.dumps({"schema": 1, "board": "ulx3s-85f"}))
    return tmp_path


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for openFPGALoader; returns the file that it writes its arguments to."""
    said = tmp_path / "bin" / "said"
    said.parent.mkdir()
    program = said.with_name("openFPGALoader")
    program.write_text(
        f'#!/bin/sh\necho "$@" > {said}\n'
        "printf 'load: 50%%\\rload: 100%%\\n'\n"
        'case "$*" in *broken*) echo "unable to open ftdi device" >&2; exit 3;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{said.parent}{os.pathsep}{os.environ['PATH']}")
    return said


def test_a_folder_knows_its_board(folder: Path, loader: Path) -> None:
    result = flow.flash(folder)
    assert loader.read_text() == f"-b ulx3s {folder}/board.bit\n"
    assert result.as_dict() == {
        "board": "ulx3s-85f",
        "bitstream": str(folder / "board.bit"),
        "permanent": False,
    }


def test_a_folder_of_another_version_is_told(folder: Path, loader: Path) -> None:
    (folder / "synth.json").write_text(json.dumps({"board": "ulx3s-85f"}))
    with pytest.raises(
        InputError, match=r"synth\.json: its 'schema' .*: make it again with .* synth"
    ):
        flow.flash(folder)
    # A netlist of yosys may have the same name.
    (folder / "synth.json").write_text(json.dumps({"creator": "Yosys", "modules": {}}))
    assert flow.flash(folder, board="ulx3s-12f").board == "ulx3s-12f"


def test_a_file_needs_a_board(
    tmp_path: Path, loader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "any.bin"
    file.write_bytes(b"bits")
    with pytest.raises(InputError, match=r"any.bin: does not say its board: name it with --board$"):
        flow.flash(file)
    assert cli.main(["flash", str(file), "--board", "icebreaker", "--permanent", "--json"]) == 0
    assert loader.read_text() == f"-b ice40_generic -f {file}\n"
    assert json.loads(capsys.readouterr().out)["permanent"] is True


def test_its_failure_is_told_with_its_last_words(folder: Path, loader: Path) -> None:
    (folder / "board.bit").rename(folder / "broken.bit")
    message = (
        r"^openFPGALoader ended with status 3: load: 50% \| load: 100% \| "
        r"unable to open ftdi device$"
    )
    with pytest.raises(ToolError, match=message):
        flow.flash(folder)


def test_its_absence_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert cli.main(["flash", str(folder)]) == 2
    assert capsys.readouterr().err == (
        "s2nn-hw: error: openFPGALoader must be installed and on PATH to program a board, for "
        "example with 'apt install openfpgaloader'\n"
    )


@pytest.mark.parametrize(
    ("source", "board", "message"),
    [
        ("absent.bit", None, "absent.bit: no such bitstream"),
        ("synth.json", None, "synth.json: a bitstream must be a .bit, .bin, .fs file"),
        ("empty", None, r"empty: must hold one bitstream \(.bit, .bin, .fs\): none"),
        ("two", None, r"two: must hold one bitstream \(.*\): a.bit, b.fs"),
        (".", "icebreaker", "is for the board ulx3s-85f, not for icebreaker"),
        (".", "arty", "board must be one of ulx3s-12f, .*, not 'arty'"),
    ],
)
def test_what_is_wrong_is_told(
    folder: Path, source: str, board: str | None, message: str, loader: Path
) -> None:
    (folder / "empty").mkdir()
    (folder / "two").mkdir()
    for name in ("a.bit", "b.fs"):
        (folder / "two" / name).write_bytes(b"")
    with pytest.raises(InputError, match=message):
        flow.flash(folder / source, board=board)
    assert not loader.exists()
