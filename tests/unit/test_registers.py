"""Registers behind block RAMs: moved where nothing else sees them, and only there."""

from __future__ import annotations

import copy
import json

import pytest

from rtl_gen.platforms import part
from s2nn_hw.toolchain import finish, registers

FAMILY = part("LFE5U-25F").family
CLOCK = 2


def widths(bits: int) -> dict:
    return {f"DATA_WIDTH_{port}": f"{bits:032b}" for port in "AB"}


def ram() -> dict:
    """A DP16KD that gives two bits at its port A, one of them at port B, the clock's being 2."""
    return {
        "type": "DP16KD",
        "parameters": {"REGMODE_A": "NOREG", "REGMODE_B": "NOREG", **widths(18)},
        "port_directions": {
            **dict.fromkeys(("CLKA", "CLKB", "ADA0", "OCEA", "OCEB", "RSTA", "RSTB"), "input"),
            **dict.fromkeys(("DOA0", "DOA1", "DOA2", "DOB0"), "output"),
        },
        "connections": {
            "CLKA": [CLOCK],
            "CLKB": [CLOCK],
            "ADA0": [3],
            "DOA0": [10],
            "DOA1": [11],
            "DOA2": [12],
            "DOB0": [13],
        },
    }


def flip_flop(given: int, gives: int) -> dict:
    return {
        "type": "TRELLIS_FF",
        "parameters": {"CEMUX": "1 ", "REGSET": "RESET"},
        "port_directions": {"CLK": "input", "DI": "input", "LSR": "input", "Q": "output"},
        "connections": {"CLK": [CLOCK], "DI": [given], "LSR": ["0"], "Q": [gives]},
    }


def design() -> dict:
    """Bits 0 and 1 of port A go through registers, bit 2 is not read; port B has one, too."""
    cells = {"ram": ram(), "a0": flip_flop(10, 20), "a1": flip_flop(11, 21)}
    ports = {"o": {"direction": "output", "bits": [20, 21, 22]}}
    return {"modules": {"top": {"ports": ports, "cells": {**cells, "b0": flip_flop(13, 22)}}}}


def absorb(data: dict) -> tuple[int, dict]:
    """How many are gone, and the cells that are left."""
    module = data["modules"]["top"]
    gone = registers.absorb(module, FAMILY.output_registers)
    return gone.total(), module["cells"]


def test_a_register_behind_every_bit_that_is_read_is_moved():
    gone, cells = absorb(design())
    assert gone == 3
    assert set(cells) == {"ram"}
    kept = cells["ram"]
    assert kept["parameters"] == {"REGMODE_A": "OUTREG", "REGMODE_B": "OUTREG", **widths(18)}
    assert kept["connections"]["OCEA"] == kept["connections"]["OCEB"] == ["1"]
    given = {port: bits[0] for port, bits in kept["connections"].items() if port.startswith("DO")}
    assert given == {"DOA0": 20, "DOA1": 21, "DOA2": 12, "DOB0": 22}


def enabled(cells):
    cells["a0"]["parameters"]["CEMUX"] = "CE"


def set_at_first(cells):
    cells["a0"]["parameters"]["REGSET"] = "SET"


def resettable(cells):
    cells["a0"]["connections"]["LSR"] = [4]


def other_clock(cells):
    cells["a0"]["connections"]["CLK"] = [5]


def seen_before_it(cells):
    cells["more"] = flip_flop(10, 30)


def no_register(cells):
    cells["a1"]["type"] = "LUT4"


def of_another_port(cells):
    cells["a0"]["connections"] |= {"LSR": [10], "DI": [4]}


def reset_with_the_ram(cells):
    cells["ram"]["connections"]["RSTA"] = [4]


def at_a_pin(cells):
    del cells["a0"]


@pytest.mark.parametrize(
    "change",
    [
        enabled,
        set_at_first,
        resettable,
        other_clock,
        seen_before_it,
        no_register,
        of_another_port,
        reset_with_the_ram,
        at_a_pin,
    ],
)
def test_a_port_with_any_other_reader_stays_as_it_is(change):
    data = design()
    change(data["modules"]["top"]["cells"])
    if change is at_a_pin:
        data["modules"]["top"]["ports"]["o"]["bits"][0] = 10
    before = copy.deepcopy(data["modules"]["top"]["cells"])
    gone, cells = absorb(data)
    # Port B has nothing to do with it.
    assert gone == 1
    modes = {"REGMODE_A": "NOREG", "REGMODE_B": "OUTREG"}
    assert cells.pop("ram")["parameters"] == {**modes, **widths(18)}
    del before["ram"], before["b0"]
    assert cells == before


def test_a_port_as_wide_as_two_has_the_registers_of_both():
    data = design()
    kept = data["modules"]["top"]["cells"]["ram"]
    kept["parameters"] |= widths(36)
    kept["connections"] |= {"CLKA": ["0"], "OCEA": ["0"]}
    gone, cells = absorb(copy.deepcopy(data))
    assert gone == 3
    modes = {"REGMODE_A": "OUTREG", "REGMODE_B": "OUTREG"}
    assert cells["ram"]["parameters"] == {**modes, **widths(36)}
    assert cells["ram"]["connections"]["OCEA"] == ["1"]
    # Half of it would be of another mode than the other half.
    data["modules"]["top"]["cells"]["a0"]["type"] = "LUT4"
    assert absorb(data)[0] == 0


def test_what_went_is_written_down(tmp_path):
    (tmp_path / "netlist.json").write_text(json.dumps(design()))
    finish.finish(tmp_path, FAMILY, "top", ["netlist.json"])
    assert finish.gone(tmp_path) == {"TRELLIS_FF": 3}
    finish.finish(tmp_path, FAMILY, "top", ["netlist.json"])
    assert finish.gone(tmp_path) == {}
