"""Starts of iCE40's carry chains: the same values of all nets, for every input."""

from __future__ import annotations

import copy
from itertools import product
from typing import Any

import pytest

from s2nn_hw.toolchain import starts

X, Y, A, B, SUM, NEXT, SEEN = 2, 3, 4, 5, 6, 7, 8


def table(inputs: list[Any], init: int, out: int) -> dict[str, Any]:
    """A look-up table."""
    return {
        "type": "SB_LUT4",
        "parameters": {"LUT_INIT": f"{init:016b}"},
        "port_directions": {f"I{k}": "input" for k in range(4)} | {"O": "output"},
        "connections": {f"I{k}": [bit] for k, bit in enumerate(inputs)} | {"O": [out]},
    }


def carry(left: Any, right: Any, into: Any, out: int) -> dict[str, Any]:
    """A carry."""
    return {
        "type": "SB_CARRY",
        "parameters": {},
        "port_directions": {"I0": "input", "I1": "input", "CI": "input", "CO": "output"},
        "connections": {"I0": [left], "I1": [right], "CI": [into], "CO": [out]},
    }


def module(reader: dict[str, Any]) -> dict[str, Any]:
    """A chain that X begins, its first sum, and a look-up table that reads X."""
    cells = {
        "sum": table(["0", A, B, X], 0x9669 ^ 0xFFFF, SUM),
        "next": carry(A, B, X, NEXT),
        "reader": reader,
    }
    return {"cells": cells, "netnames": {"highest": {"bits": [40]}}}


def values(module: dict[str, Any], given: dict[Any, int]) -> dict[Any, int]:
    """Of all nets."""
    known = {"0": 0, "1": 1, **given}
    waiting = list(module["cells"].values())
    while waiting:
        ready = [
            cell
            for cell in waiting
            if all(
                bits[0] in known
                for port, bits in cell["connections"].items()
                if cell["port_directions"][port] == "input"
            )
        ]
        assert ready
        for cell in ready:
            waiting.remove(cell)
            at = {port: known.get(bits[0], 0) for port, bits in cell["connections"].items()}
            if cell["type"] == "SB_CARRY":
                known[cell["connections"]["CO"][0]] = int(at["I0"] + at["I1"] + at["CI"] > 1)
            else:
                place = sum(at[f"I{k}"] << k for k in range(4))
                init = int(cell["parameters"]["LUT_INIT"], 2)
                known[cell["connections"]["O"][0]] = init >> place & 1
    return known


@pytest.mark.parametrize(
    "inputs",
    [["0", "0", "0", X], [X, "1", "0", "0"], ["0", X, Y, "0"], [Y, "0", "1", X], ["1", Y, X, "0"]],
)
@pytest.mark.parametrize("init", [0x00FF, 0x1234, 0xBEEF, 0x8001])
def test_the_cell_of_a_look_up_table_makes_the_carry(inputs: list[Any], init: int) -> None:
    before = module(table(inputs, init, SEEN))
    after = copy.deepcopy(before)
    assert starts.take_in(after) == 1
    for bits in product((0, 1), repeat=4):
        given = dict(zip((X, Y, A, B), bits, strict=True))
        old, new = values(before, given), values(after, given)
        assert {net: new[net] for net in old} == old
    made = after["cells"]["next$start"]["connections"]
    reader = after["cells"]["reader"]["connections"]
    assert [made["I0"], made["I1"], made["CI"]] == [[X], ["1"], ["0"]]
    assert [reader["I1"], reader["I2"]] == [made["I0"], made["I1"]]
    # The first sum stays in the cell of the first carry.
    assert after["cells"]["sum"]["connections"]["I3"] == made["CO"] == [41]
    assert after["cells"]["next"]["connections"]["CI"] == made["CO"]


@pytest.mark.parametrize(
    "inputs",
    [
        ["0", A, B, X],  # in the cell of the carry itself
        [X, Y, A, "0"],  # three inputs
        [X, NEXT, "0", "0"],  # reads a carry
        ["0", Y, "0", "0"],  # of another net
    ],
)
def test_without_such_a_look_up_table_all_stays(inputs: list[Any]) -> None:
    before = module(table(inputs, 0x1234, SEEN))
    if inputs == ["0", A, B, X]:
        del before["cells"]["sum"]
    after = copy.deepcopy(before)
    assert starts.take_in(after) == 0
    assert after == before


def test_a_chain_that_goes_on_or_begins_with_a_constant_stays() -> None:
    before = module(table([X, "0", "0", "0"], 0x5555, SEEN))
    before["cells"]["next"]["connections"]["CI"] = ["0"]
    before["cells"]["more"] = carry(A, Y, NEXT, 9)
    after = copy.deepcopy(before)
    assert starts.take_in(after) == 0
    assert after == before


def test_a_look_up_table_serves_one_chain() -> None:
    before = module(table([X, "0", "0", "0"], 0x5555, SEEN))
    before["cells"]["other"] = carry(Y, B, X, 9)
    assert starts.take_in(before) == 1
