"""A pipeline of look-up tables, as the Verilog has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Signals that a look-up table makes, or two in a cell, as its instance is named.
_TABLE = re.compile(r"t(\d+)(?:_(\d+))?\Z")

#: Constants, which are there in every cycle.
_ALWAYS = -1


class ProofError(Exception):
    """What is wrong, in words that follow the layer's name."""


@dataclass(frozen=True)
class Table:
    """inputs: signals; values: bit m is what it gives where input i is bit i of m."""

    inputs: tuple[int, ...]
    values: int


class Pipeline:
    """A module of nothing but look-up tables and registers.

    It is checked that every table gets what belongs to one and the same window.

    Parameters
    ----------
    module: as yosys writes it as JSON, registers as ``$dffe``.
    kinds: modules that are look-up tables, or two of the same inputs, of which the second has the
        upper half of ``VALUES``; the inputs and outputs of each.

    Members
    -------
    tables: signal → table.
    inputs: how many there are.
    outputs: (literal, cycles behind the inputs) of each.
    """

    def __init__(self, module: dict[str, Any], kinds: Mapping[str, tuple[int, int]]):
        self._ports = {name: port["bits"] for name, port in module["ports"].items()}
        self._drivers: dict[int, tuple[str, dict[str, Any]]] = {}
        self.tables: dict[int, Table] = {}
        for name, cell in module["cells"].items():
            self._drives(name, cell, kinds)
        self.inputs = len(self._ports["i"])
        self._found: dict[int, tuple[int, int]] = {
            bit: (2 * (1 + k), 0) for k, bit in enumerate(self._ports["i"])
        }
        for name, cell in module["cells"].items():
            if cell["type"] in kinds:
                for bit in cell["connections"]["o"]:
                    self._literal(bit, name)
        self.outputs = [self._literal(bit, f"o[{k}]") for k, bit in enumerate(self._ports["o"])]

    def _drives(
        self, name: str, cell: dict[str, Any], kinds: Mapping[str, tuple[int, int]]
    ) -> None:
        kind, pins = cell["type"], cell["connections"]
        if kind in kinds:
            wires = len(pins.get("i", ())), len(pins.get("o", ()))
            if wires != kinds[kind] or "VALUES" not in cell["parameters"]:
                raise ProofError(f"look-up table {name!r} is not connected as a {kind!r} is")
            output = pins["o"]
        elif kind == "$not" and len(pins["Y"]) == 1:
            output = pins["Y"]
        elif kind == "$dffe":
            output = pins["Q"]
            for pin, port in (("CLK", "clk"), ("EN", "moves")):
                right = pins[pin] == self._ports[port] and isinstance(pins[pin][0], int)
                if not right or int(cell["parameters"][f"{pin}_POLARITY"], 2) != 1:
                    raise ProofError(f"register {name!r} moves otherwise than it should")
        else:
            raise ProofError(f"cell {name!r} is of type {kind!r}, no look-up table or register")
        for k, bit in enumerate(output):
            if bit in self._drivers:
                raise ProofError(f"cell {name!r} drives what another one drives")
            if isinstance(bit, int):
                self._drivers[bit] = (name, {**cell, "bit": k})

    def _literal(self, bit: int | str, where: str) -> tuple[int, int]:
        """The literal that a bit is, and how many cycles it is behind the inputs."""
        if bit in ("0", "1"):
            return int(bit), _ALWAYS
        if not isinstance(bit, int):
            raise ProofError(f"{where} is connected to {bit!r}")
        if bit in self._found:
            literal, cycle = self._found[bit]
            if literal < 0:
                raise ProofError(f"{where} depends on itself")
            return literal, cycle
        if bit not in self._drivers:
            raise ProofError(f"{where} is driven by nothing")
        self._found[bit] = (-1, 0)
        name, cell = self._drivers[bit]
        self._found[bit] = self._made(name, cell)
        return self._found[bit]

    def _made(self, name: str, cell: dict[str, Any]) -> tuple[int, int]:
        pins = cell["connections"]
        if cell["type"] == "$not":
            literal, cycle = self._literal(pins["A"][0], name)
            return literal ^ 1, cycle
        if cell["type"] == "$dffe":
            literal, cycle = self._literal(pins["D"][cell["bit"]], name)
            return literal, cycle if cycle == _ALWAYS else cycle + 1
        named = _TABLE.match(name)
        numbers = [number for number in named.groups() if number] if named else []
        if len(numbers) != len(pins["o"]):
            raise ProofError(f"look-up table {name!r} has no number")
        size = 1 << len(pins["i"])
        values = int(cell["parameters"]["VALUES"], 2) >> size * cell["bit"]
        literals, cycles = zip(*(self._literal(pin, name) for pin in pins["i"]), strict=True)
        if len({cycle for cycle in cycles if cycle != _ALWAYS}) != 1:
            raise ProofError(f"look-up table {name!r} mixes cycles {sorted(set(cycles))}")
        # A literal that is inverted is a signal in another table.
        turned = sum((literal & 1) << k for k, literal in enumerate(literals))
        values = sum((values >> (m ^ turned) & 1) << m for m in range(size))
        signal = int(numbers[cell["bit"]])
        if signal <= len(self._ports["i"]) or signal in self.tables:
            raise ProofError(f"look-up table {name!r} has another signal's number")
        self.tables[signal] = _needed(Table(tuple(literal >> 1 for literal in literals), values))
        return 2 * signal, max(cycles)


def _needed(table: Table) -> Table:
    """A table without inputs that make no difference, as two in a cell have those of both."""
    k = len(table.inputs)
    while k > 0:
        k -= 1
        rows = [m for m in range(1 << len(table.inputs)) if not m >> k & 1]
        low = [table.values >> m & 1 for m in rows]
        if low == [table.values >> (m | 1 << k) & 1 for m in rows]:
            inputs = table.inputs[:k] + table.inputs[k + 1 :]
            table = Table(inputs, sum(bit << m for m, bit in enumerate(low)))
    return table
