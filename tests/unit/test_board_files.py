"""Boards: clock, pins and the core in RTLIL that yosys reads, and constraints for nextpnr."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

import s2nn_hw
from rtl_gen.boards import BOARDS, board_files
from rtl_gen.platforms import part
from s2nn_hw import flow
from s2nn_hw.ir import InputError
from s2nn_hw.manifest import Manifest


@pytest.fixture(scope="module")
def core(tmp_path_factory) -> Path:
    """A small core's folder."""
    rng = np.random.default_rng(2)
    network = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (6, 20)), rng.integers(-3, 4, (3, 6))], [rng.integers(-2, 3, 6), None]
    )
    out = tmp_path_factory.mktemp("board") / "core"
    flow.emit(network, out, lanes=2, counters=True)
    return out


@pytest.fixture(scope="module")
def manifest(core) -> Manifest:
    return Manifest.read(core)


#: Board → pins of clock, rx and tx, as the boards' own constraint files have them; the PLL.
PINS = {
    "ulx3s": ("G2", "M1", "L4", "EHXPLLL"),
    "icebreaker": ("35", "6", "9", "SB_PLL40_PAD"),
    "tangnano9k": ("52", "18", "17", "rPLL"),
}


#: By the first word of a board's name, frequencies that its PLL makes.
MEGAHERTZ = {"ulx3s": (50, 100, 62.5), "icebreaker": (24, 48), "tangnano9k": (54, 81)}
CASES = [
    (board, megahertz)
    for board in BOARDS
    for megahertz in (None, *MEGAHERTZ[board.partition("-")[0]])
]


@pytest.mark.parametrize(("board", "megahertz"), CASES)
def test_every_board(manifest, board, megahertz):
    clock, rx, tx, pll = PINS[board.partition("-")[0]]
    frequency = None if megahertz is None else megahertz * 1e6
    files = board_files(manifest, board, frequency=frequency)
    assert files.frequency == (frequency or BOARDS[board].clock)
    pins = dict(
        re.findall(r'"?(\w+)__io"? (?:SITE )?"?(\w+)"?;?$', files.constraints, re.MULTILINE)
    )
    assert [pin for name, pin in pins.items() if name.startswith("clk")] == [clock]
    assert pins["uart_0__rx"] == rx
    assert pins["uart_0__tx"] == tx
    assert len([name for name in pins if name.startswith("led")]) == len(BOARDS[board].lights)
    assert f"cell \\{manifest.top} \\core" in files.rtlil
    assert (f"cell \\{pll} " in files.rtlil) == (megahertz is not None)
    if megahertz and board != "tangnano9k":
        wanted = rf'FREQUENCY NET "\w+" {frequency}|set_frequency clock {float(megahertz)}'
        assert re.search(wanted, files.constraints)
    assert part(files.part).device.name == BOARDS[board].device
    assert re.search(rf"wire .*\\{files.clock}$", files.rtlil, re.MULTILINE)
    assert f"cell \\{manifest.top} \\{files.instance}" in files.rtlil


def test_the_same_bytes_every_time(manifest):
    first, second = (board_files(manifest, "icebreaker", frequency=24e6) for _ in range(2))
    assert first == second
    assert "/" not in re.sub(r"//.*", "", first.rtlil), "no paths"


@pytest.mark.parametrize(
    ("board", "megahertz", "cells"),
    [
        ("ulx3s-85f", 100, ["ecp5/cells_sim.v", "ecp5/cells_bb.v"]),
        ("icebreaker", 24, ["ice40/cells_sim.v"]),
        ("tangnano9k", 54, ["gowin/cells_sim.v"]),
    ],
)
def test_yosys_joins_it_with_the_core(
    core, manifest, tmp_path, monkeypatch, board, megahertz, cells
):
    yosys = pytest.importorskip("pyosys.libyosys")
    files = board_files(manifest, board, frequency=megahertz * 1e6)
    (tmp_path / "board_top.il").write_text(files.rtlil)
    monkeypatch.chdir(core)
    design = yosys.Design()
    for command in (
        *(f"read_verilog -lib +/{name}" for name in cells),
        f"read_rtlil {tmp_path}/board_top.il",
        f"read_verilog {manifest.verilog}",
        f"hierarchy -check -top {files.top}",
        "proc",
        "check -assert",
    ):
        yosys.run_pass(command, design)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"board": "arty"}, "board must be one of ulx3s-12f, .*tangnano9k, not 'arty'"),
        (
            {"board": "icebreaker", "frequency": 31e6},
            "frequency must be one that the PLL makes of 12 MHz, the nearest being 30.75 and "
            "31.125 MHz, not 31",
        ),
        ({"board": "icebreaker", "frequency": 1e6}, "frequency .* the nearest being 16.* not 1$"),
        ({"board": "icebreaker", "baud": 4_000_000}, "baud must be 1…3000000, a quarter of the 12"),
        ({"board": "icebreaker", "baud": 0}, "baud must be 1…"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told(manifest, options, message):
    with pytest.raises(InputError, match=f"^{message}"):
        board_files(manifest, **options)


def test_a_core_must_not_be_called_as_the_board_is(manifest):
    with pytest.raises(InputError, match=r"^top must not be 'board_top', the name of the board's"):
        board_files(dataclasses.replace(manifest, top="board_top"), "icebreaker")
