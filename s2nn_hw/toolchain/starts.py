"""Starts of iCE40's carry chains, without the cells that nextpnr would put before them.

A chain begins with a constant, in the first cell of a tile.  One whose first carry in is a net gets
a logic cell before it that makes a carry of the net.  Where a look-up table reads the net, its own
cell can do so: that of the net and the net again is the net, whatever comes in.  So such a chain
can as well go on from the end of another, in the middle of a tile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

#: Carry of I0, I1 and CI, in one logic cell with a look-up table whose inputs 1, 2 and 3 they are.
CARRY = "SB_CARRY"
LOOK_UP = "SB_LUT4"
_INPUTS = ("I0", "I1", "I2", "I3")
#: What the carry of a chain's start is named by.
_START = "$start"
#: Cells of a tile, which have their clock enable and reset in common, and the most of a chain that
#: is made of several.
_TILE = 8
_LONGEST = 48
#: ... of chains shorter than a tile: they are counters here and there, between which nextpnr puts
#: cells, and what it takes for a path gets long.
_SHORT = 16


def take_in(module: Any) -> int:
    """Give chains that begin with a net a carry before it; returns how many carries are added.

    Semantics: it shares the cell of a look-up table of the net and at most one other, whose inputs
    are put where they must be; where there is none that is free to do so, nothing changes.  All
    nets keep their values.

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
    unused = _unused(module)
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
        first = {"I0": [bit], "I1": [bit], "CI": ["0"], "CO": [unused]}
        cells[f"{name}{_START}"] = {**cell, "connections": first}
        cell["connections"]["CI"] = [unused]
        for table in tables[bit]:
            if _matches(cells[table], cell) and cells[table]["connections"]["I3"] == [bit]:
                cells[table]["connections"]["I3"] = [unused]
                break
        unused += 1
        added += 1
    return added


def join(module: Any) -> int:
    """Let such chains go on from each other's ends; returns how many carries are added.

    A chain that begins in a tile of its own leaves cells behind it to which only flip-flops of its
    own enable and reset can go.  Joined are chains of the same length whose last bits have these in
    common, so many that they fill tiles best.

    Semantics: the cell of a chain's last bit, which had no carry, makes one that nothing depends
    on.  All nets keep their values.

    Parameters
    ----------
    module: as take_in() left it; changed in place.
    """
    cells = module["cells"]
    chains: dict[tuple[int, tuple[Any, ...]], list[_Chain]] = {}
    readers = _Readers(cells)
    for name in sorted(cells, key=_natural):
        if name.endswith(_START):
            chain = readers.chain(cells[name])
            if chain is not None:
                chains.setdefault((chain.cells, readers.control(chain.last)), []).append(chain)
    unused = _unused(module)
    added = 0
    for (length, _), members in chains.items():
        several = _several(length)
        for k, (chain, following) in enumerate(pairwise(members)):
            if (k + 1) % several == 0:
                continue
            last = chain.last["connections"]
            carry = {"I0": last["I1"], "I1": last["I2"], "CI": last["I3"], "CO": [unused]}
            cells[f"end${unused}"] = {**following.first, "connections": carry}
            following.first["connections"]["CI"] = [unused]
            following.start["connections"]["I3"] = [unused]
            unused += 1
            added += 1
    return added


@dataclass(frozen=True, kw_only=True)
class _Chain:
    """A chain: its first carry, the look-up tables of that and of its last bit, and its cells."""

    first: Any
    start: Any
    last: Any
    cells: int


class _Readers:
    """What reads each net of a flat module."""

    def __init__(self, cells: Any):
        self._found: dict[int | str, list[tuple[str, Any]]] = {}
        for cell in cells.values():
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if isinstance(bit, int) and cell["port_directions"][port] == "input":
                        self._found.setdefault(bit, []).append((port, cell))

    def chain(self, first: Any) -> _Chain | None:
        """The chain that begins with a carry; None unless it ends in a look-up table alone."""
        carry, cells = first, 1
        while True:
            readers = self._found.get(carry["connections"]["CO"][0], [])
            following = [cell for port, cell in readers if port == "CI"]
            cells += 1
            if len(following) != 1:
                break
            carry = following[0]
        starts = self._beside(first)
        if [port for port, _ in readers] != ["I3"] or len(starts) != 1:
            return None
        return _Chain(first=first, start=starts[0], last=readers[0][1], cells=cells)

    def _beside(self, carry: Any) -> list[Any]:
        """Look-up tables in whose cell a carry of a net and itself can be."""
        (net, _) = _operands(carry)
        tables = (cell for port, cell in self._found[net] if port == "I1")
        return [t for t in tables if t["type"] == LOOK_UP and _matches(t, carry)]

    def control(self, table: Any) -> tuple[Any, ...]:
        """Clock, enable and reset of the flip-flop behind a look-up table."""
        for port, cell in self._found.get(table["connections"]["O"][0], []):
            if port == "D":
                pins = cell["connections"]
                return tuple(pins.get(pin, [None])[0] for pin in ("C", "E", "R", "S"))
        return ()


def _several(cells: int) -> int:
    """How many chains of so many cells are best joined, the fewest tiles each."""
    most = _LONGEST if cells > _TILE else _SHORT
    counts = range(1, max(1, most // cells) + 1)
    return min(counts, key=lambda n: (-(-n * cells // _TILE) / n, n))


def _natural(name: str) -> list[tuple[str, int]]:
    """A key by which numbers within names count."""
    parts = re.split(r"(\d+)", name)
    return list(zip(parts[::2], [*map(int, parts[1::2]), -1], strict=True))


def _unused(module: Any) -> int:
    """The first number that no net has."""
    nets = [net["bits"] for net in module.get("netnames", {}).values()]
    nets += [bits for cell in module["cells"].values() for bits in cell["connections"].values()]
    return 1 + max((bit for bits in nets for bit in bits if isinstance(bit, int)), default=1)


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
    """Put the net at inputs 1 and 2, another at 0; a carry at 3 is of no matter."""
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
    connections.update({"I0": [other], "I1": [bit], "I2": [bit], "I3": ["0"]})
