"""Starts of iCE40's carry chains, without the cells that nextpnr would put before them.

A chain begins with a constant.  One whose first carry in is a net gets a logic cell before it that
makes a carry of the net.  Where a look-up table reads the net, its own cell can do so.
"""

from __future__ import annotations

from typing import Any

#: Carry of I0, I1 and CI, in one logic cell with a look-up table whose inputs 1, 2 and 3 they are.
CARRY = "SB_CARRY"
LOOK_UP = "SB_LUT4"
_INPUTS = ("I0", "I1", "I2", "I3")


def take_in(module: Any) -> int:
    """Give chains that begin with a net a carry before it; returns how many carries are added.

    Semantics: the carry of the net, 1 and 0 is the net.  It shares the cell of a look-up table of
    that net and at most one other, whose inputs are put where they must be; where there is none
    that is free to do so, nothing changes.  All nets keep their values.

    Parameters
    ----------
    module: flat, of yosys' JSON; changed in place.
    """
    cells = module["cells"]
    carries = {name: cell for name, cell in cells.items() if cell["type"] == CARRY}
    tables: dict[int, list[str]] = {}
    for name, cell in cells.items():
        if cell["type"] == LOOK_UP:
            for bit in set(_nets(cell)):
                tables.setdefault(bit, []).append(name)
    made = {cell["connections"]["CO"][0] for cell in carries.values()}
    #: Look-up tables that have a carry in their cell.
    paired = {
        name
        for cell in carries.values()
        for bit in _operands(cell)
        if isinstance(bit, int)
        for name in tables.get(bit, [])
        if _matches(cells[name], cell)
    }
    nets = [net["bits"] for net in module.get("netnames", {}).values()]
    nets += [bits for cell in cells.values() for bits in cell["connections"].values()]
    unused = 1 + max((bit for bits in nets for bit in bits if isinstance(bit, int)), default=1)
    added = 0
    for name, cell in sorted(carries.items()):
        (bit,) = cell["connections"]["CI"]
        if not isinstance(bit, int) or bit in made:
            continue
        free = [t for t in tables.get(bit, []) if t not in paired and _fits(cells[t], made)]
        if not free:
            continue
        _arrange(cells[free[0]], bit)
        paired.add(free[0])
        first = {"I0": [bit], "I1": ["1"], "CI": ["0"], "CO": [unused]}
        cells[f"{name}$start"] = {**cell, "connections": first}
        cell["connections"]["CI"] = [unused]
        for table in tables[bit]:
            if _matches(cells[table], cell) and cells[table]["connections"]["I3"] == [bit]:
                cells[table]["connections"]["I3"] = [unused]
                break
        unused += 1
        added += 1
    return added


def _nets(table: Any) -> list[int]:
    """Those that a look-up table reads, as often as it does, constants left out."""
    bits = (table["connections"][port][0] for port in _INPUTS)
    return [bit for bit in bits if isinstance(bit, int)]


def _operands(carry: Any) -> list[int | str]:
    return [carry["connections"]["I0"][0], carry["connections"]["I1"][0]]


def _matches(table: Any, carry: Any) -> bool:
    """Whether the two can be in one cell, by what they add."""
    return [table["connections"][port][0] for port in ("I1", "I2")] == _operands(carry)


def _fits(table: Any, made: set[int]) -> bool:
    """Whether its inputs can be put elsewhere, and a constant in: one or two, and no carry."""
    nets = _nets(table)
    return len(nets) == len(set(nets)) <= 2 and not made.intersection(nets)


def _arrange(table: Any, bit: int) -> None:
    """Put the net at input 1, another at 0, and what its carry adds at 2 and 3."""
    connections = table["connections"]
    before = {port: connections[port][0] for port in _INPUTS}
    other = next((b for b in _nets(table) if b != bit), "0")
    init = int(table["parameters"]["LUT_INIT"], 2)
    after = 0
    for index in range(1 << len(_INPUTS)):
        values = {"0": 0, "1": 1, "x": 0, other: index & 1, bit: index >> 1 & 1}
        values |= {"0": 0, "1": 1}
        place = sum(values[before[port]] << k for k, port in enumerate(_INPUTS))
        after |= (init >> place & 1) << index
    table["parameters"]["LUT_INIT"] = f"{after:016b}"
    connections.update({"I0": [other], "I1": [bit], "I2": ["1"], "I3": ["0"]})
