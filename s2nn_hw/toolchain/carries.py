"""Chains of ECP5's carry cells, without the cells that nextpnr would put around them.

nextpnr feeds what the first carry cell is given in through a cell before it, even a constant, and
the last one's carry out through another, even where nothing reads it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

#: Two bits of an addition, each with four inputs, a function of them, and a sum.
CELL = "CCU2C"
_BITS = ("0", "1")
_INPUTS = ("A", "B", "C", "D")
#: Nothing is connected: yosys' JSON has no other way to say so that nextpnr reads.
_OPEN = ["x"]


def shorten(module: Any) -> int:
    """Do without such cells where that can be; returns how many there will be fewer.

    Semantics: a carry that nothing reads is left open.  A constant carry in is made by the first
    cell's lower bit, and every bit moves up by one, in chains whose last sum is not used and so
    has room for it.  All nets keep their values but that sum, which nothing reads.

    Parameters
    ----------
    module: flat, of yosys' JSON; changed in place.
    """
    cells = {name: cell for name, cell in module["cells"].items() if cell["type"] == CELL}
    readers = _readers(module)
    following = {
        bit: name for name, cell in cells.items() for bit in cell["connections"].get("CIN", [])
    }
    fewer = 0
    for cell in cells.values():
        (carry,) = cell["connections"].get("CIN", _OPEN)
        if carry not in ("0", "1"):
            continue
        chain = [cell]
        while (bit := _output(chain[-1], "COUT")) in following and readers[bit] == 1:
            chain.append(cells[following[bit]])
        if readers[bit]:
            continue
        if bit is not None:
            chain[-1]["connections"]["COUT"] = _OPEN
            fewer += 1
        if not readers[_output(chain[-1], "S1")]:
            _move_up(chain, carry)
            fewer += 1
    return fewer


def _readers(module: Any) -> Counter[int | str | None]:
    """Bit → how many ports of cells and of the module read it."""
    found: Counter[int | str | None] = Counter()
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                found.update(bits)
    for port in module["ports"].values():
        found.update(port["bits"])
    return found


def _output(cell: Any, port: str) -> int | None:
    """The net that it drives, None if there is none."""
    bits = [bit for bit in cell["connections"].get(port, []) if isinstance(bit, int)]
    return bits[0] if bits else None


def _move_up(chain: list[Any], carry: str) -> None:
    """Move every bit of a chain up by one, behind a bit that makes the carry."""
    # The sum is zero whatever comes in, so that the carry is the function of A and B.
    below = {
        "INIT": f"{8 * int(carry):016b}",
        "INJECT1_": "NO",
        **{port: ["1"] for port in _INPUTS},
        "S": chain[-1]["connections"].get("S1", _OPEN),
    }
    chain[0]["connections"]["CIN"] = _OPEN
    for cell in chain:
        for bit in _BITS:
            here = _taken(cell, bit)
            for kind, value in below.items():
                part = "connections" if isinstance(value, list) else "parameters"
                cell[part][f"{kind}{bit}"] = value
            below = here


def _taken(cell: Any, bit: str) -> dict[str, Any]:
    """All that one bit of a cell has."""
    found = {kind: cell["parameters"][f"{kind}{bit}"] for kind in ("INIT", "INJECT1_")}
    return found | {
        port: cell["connections"].get(f"{port}{bit}", _OPEN) for port in (*_INPUTS, "S")
    }
