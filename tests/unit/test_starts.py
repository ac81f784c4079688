"""Starts of iCE40's carry chains: the same values of all nets, for every input."""

from __future__ import annotations

import copy
import random
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
    assert [made["I0"], made["I1"], made["CI"]] == [[X], [X], ["0"]]
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


def chains(bits: int, control: tuple[int, ...], name: str = "n", net: int = 100) -> dict[str, Any]:
    """Sums of so many bits, each with a first bit that take_in() has made the carry of.

    control: of each, the reset of the flip-flop behind its last bit; net: the first that is free.
    """
    cells, nets = {}, iter(range(net, net + 1000))
    for c, reset in enumerate(control):
        first, into = next(nets), next(nets)
        cells[f"{name}{c}.toggle"] = table([next(nets), first, first, "0"], 0x6666, next(nets))
        cells[f"{name}{c}.b0$start"] = carry(first, first, "0", into)
        for b in range(1, bits):
            held, added, out = next(nets), next(nets), next(nets)
            cells[f"{name}{c}.sum{b}"] = table(["0", held, added, into], 0x9669 ^ 0xFFFF, out)
            if b < bits - 1:
                over = next(nets)
                cells[f"{name}{c}.b{b}"] = carry(held, added, into, over)
                into = over
        cells[f"{name}{c}.held"] = {
            "type": "SB_DFFSR",
            "parameters": {},
            "port_directions": {"C": "input", "D": "input", "R": "input", "Q": "output"},
            "connections": {"C": [9], "D": [out], "R": [reset], "Q": [next(nets)]},
        }
    return {"cells": cells, "netnames": {}}


def logic(module: dict[str, Any]) -> dict[str, Any]:
    return {"cells": {k: c for k, c in module["cells"].items() if c["type"] != "SB_DFFSR"}}


def inputs(module: dict[str, Any]) -> list[int]:
    """Nets that nothing drives."""
    ends: dict[str, set[int]] = {"input": set(), "output": set()}
    for cell in logic(module)["cells"].values():
        for port, (bit,) in cell["connections"].items():
            if isinstance(bit, int):
                ends[cell["port_directions"][port]].add(bit)
    return sorted(ends["input"] - ends["output"])


def links(module: dict[str, Any]) -> list[tuple[str, str]]:
    """Chains that go on in others."""
    made = {c["connections"].get("CO", [None])[0]: n for n, c in module["cells"].items()}
    ends = {c["connections"]["O"][0]: n for n, c in module["cells"].items() if "sum" in n}
    found = []
    for name, cell in module["cells"].items():
        into = cell["connections"].get("CI", ["0"])[0]
        if name.endswith("$start") and into != "0":
            end = module["cells"][made[into]]["connections"]
            # The carry shares the cell of the last sum.
            (last,) = (
                n
                for n in ends.values()
                if [module["cells"][n]["connections"][p] for p in ("I1", "I2", "I3")]
                == [end[p] for p in ("I0", "I1", "CI")]
            )
            found.append((last.split(".")[0], name.split(".")[0]))
    return found


def test_joined_chains_add_what_they_added() -> None:
    before = chains(10, (7,) * 12)
    after = copy.deepcopy(before)
    # Four of ten cells fill five tiles of eight.
    assert starts.join(after) == 9
    assert links(after) == [
        (f"n{k}", f"n{k + 1}") for k in range(11) if k % 4 != 3
    ]  # in the order of numbers, not of letters
    free = inputs(before)
    rng = random.Random(1)
    for _ in range(200):
        given = {bit: rng.randint(0, 1) for bit in free}
        old, new = values(logic(before), given), values(logic(after), given)
        assert {net: new[net] for net in old} == old
    toggle = after["cells"]["n1.toggle"]["connections"]
    start = after["cells"]["n1.b0$start"]["connections"]
    assert [toggle[p] for p in ("I1", "I2", "I3")] == [start[p] for p in ("I0", "I1", "CI")]


def test_chains_of_other_flip_flops_or_lengths_are_not_joined() -> None:
    apart = chains(10, (7, 8, 7))
    assert starts.join(apart) == 1
    assert links(apart) == [("n0", "n2")]
    mixed = chains(10, (7, 7))
    mixed["cells"] |= chains(11, (7, 7, 7), "m", 2000)["cells"]
    assert starts.join(mixed) == 2
    assert sorted(links(mixed)) == [("m0", "m1"), ("n0", "n1")]


def test_chains_that_fill_their_tiles_are_not_joined() -> None:
    assert starts.join(chains(8, (7,) * 4)) == 0


def test_a_chain_whose_end_is_read_elsewhere_is_not_joined() -> None:
    module = chains(10, (7, 7))
    last = module["cells"]["n0.sum9"]["connections"]["I3"][0]
    module["cells"]["other"] = table([last, "0", "0", "0"], 2, 8)
    after = copy.deepcopy(module)
    assert starts.join(after) == 0
    assert after == module
