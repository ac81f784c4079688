"""Carry chains without the cells around them: the same sums, for every input."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from s2nn_hw.toolchain import carries

#: Inputs of a bit that adds A and B are A and B; the others are tied high, as synthesis does.
ADDS = f"{0x96AA:016b}"


def cell(carry: int | str, left: list, right: list, sums: list, out: int) -> dict:
    """Two bits of a sum, as yosys makes them: B through C, which turns it, is not used here."""
    connections = {"CIN": [carry], "COUT": [out]}
    for bit in range(2):
        inputs = {"A": left[bit], "B": right[bit], "C": "0", "D": "1"}
        connections |= {f"{port}{bit}": [net] for port, net in inputs.items()}
        connections[f"S{bit}"] = [sums[bit]]
    return {
        "type": "CCU2C",
        "parameters": {"INIT0": ADDS, "INIT1": ADDS, "INJECT1_0": "NO", "INJECT1_1": "NO"},
        "port_directions": {
            p: "output" if p[0] == "S" or p == "COUT" else "input" for p in connections
        },
        "connections": connections,
    }


def adder(bits: int, carry: str = "0", first: int = 2) -> tuple[dict, list, list, list]:
    """A module that adds two numbers, and the nets of both and of the sum, the lowest first."""
    size = -(-bits // 2)
    nets = iter(range(first, first + 99 * bits + 99))
    left, right, sums = ([next(nets) for _ in range(2 * size)] for _ in range(3))
    carries_ = [carry, *(next(nets) for _ in range(size))]
    for k in range(bits, 2 * size):
        left[k] = right[k] = "0"
    cells = {
        f"c{k}": cell(
            carries_[k],
            *(numbers[2 * k : 2 * k + 2] for numbers in (left, right, sums)),
            carries_[k + 1],
        )
        for k in range(size)
    }
    ports = {"o": {"direction": "output", "bits": sums[:bits]}}
    return {"ports": ports, "cells": cells}, left[:bits], right[:bits], sums[:bits]


def simulate(module: dict, values: dict) -> dict:
    """Values of all nets, from those of the inputs, as the cell's data sheet has it."""
    known: dict = {"0": 0, "1": 1, "x": None, **values}
    cells = list(module["cells"].values())
    while cells:
        ready = [c for c in cells if all(b in known for b in c["connections"]["CIN"])]
        assert ready, "a chain that never begins"
        for c in ready:
            cells.remove(c)
            nets, carry = c["connections"], known[c["connections"]["CIN"][0]]
            for bit in "01":
                init = int(c["parameters"][f"INIT{bit}"], 2)
                at = [known[nets[f"{port}{bit}"][0]] for port in "ABCD"]
                of_four = init >> sum(v << k for k, v in enumerate(at)) & 1
                of_two = init >> (at[0] + 2 * at[1]) & 1
                assert c["parameters"][f"INJECT1_{bit}"] == "NO"
                known[nets[f"S{bit}"][0]] = None if carry is None else of_four ^ carry
                carry = carry if of_four else of_two
            known[nets["COUT"][0]] = carry
    return known


def sum_of(module: dict, left: list, right: list, sums: list, a: int, b: int) -> int:
    values = {net: a >> k & 1 for k, net in enumerate(left)}
    values |= {net: b >> k & 1 for k, net in enumerate(right)}
    known = simulate(module, values)
    return sum(known[net] << k for k, net in enumerate(sums))


@pytest.mark.parametrize("carry", ["0", "1"])
@pytest.mark.parametrize("bits", range(1, 8))
def test_the_same_sum(bits, carry):
    module, *nets = adder(bits, carry)
    before = copy.deepcopy(module)
    # The cell behind, and where a bit is free the cell before.
    assert carries.shorten(module) == 1 + bits % 2
    assert set(module["cells"]) == set(before["cells"])
    rng = np.random.default_rng(bits)
    for a, b in rng.integers(0, 2**bits, (50, 2)).tolist():
        wanted = (a + b + int(carry)) % 2**bits
        assert sum_of(before, *nets, a, b) == wanted
        assert sum_of(module, *nets, a, b) == wanted
    first = module["cells"]["c0"]["connections"]
    assert first["CIN"] == (["x"] if bits % 2 else [carry])
    assert module["cells"][f"c{(bits - 1) // 2}"]["connections"]["COUT"] == ["x"]
    assert carries.shorten(module) == 0


def read_behind(module: dict) -> None:
    carry = module["cells"]["c2"]["connections"]["COUT"]
    module["ports"]["carry"] = {"direction": "output", "bits": carry}


def read_between(module: dict) -> None:
    carry = module["cells"]["c0"]["connections"]["COUT"]
    module["ports"]["carry"] = {"direction": "output", "bits": carry}


def from_elsewhere(module: dict) -> None:
    module["cells"]["c0"]["connections"]["CIN"] = [999]


@pytest.mark.parametrize("change", [read_behind, read_between, from_elsewhere])
def test_a_chain_whose_carries_are_used_stays_as_it_is(change):
    module, *_ = adder(5)
    change(module)
    before = copy.deepcopy(module)
    assert carries.shorten(module) == 0
    assert module == before


def test_a_sum_that_is_read_leaves_no_room():
    module, *_ = adder(5)
    module["ports"]["top"] = {
        "direction": "output",
        "bits": module["cells"]["c2"]["connections"]["S1"],
    }
    assert carries.shorten(module) == 1
    assert module["cells"]["c0"]["connections"]["CIN"] == ["0"]
