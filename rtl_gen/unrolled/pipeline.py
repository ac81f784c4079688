"""Look-up tables between registers."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.fabric import TableCell

from .cell import Cell
from .circuit import Circuit
from .pairs import ROOM, pairs
from .rtlil import Rtlil, joined
from .stages import Stages
from .tables import Tables, signal


class Pipeline(wiring.Component):
    """A circuit of tables that takes new inputs in every cycle.

    Semantics: ``o`` is what the circuit's outputs are of ``i`` as it was ``latency`` cycles ago,
    those in which it does not move not counted.

    Latency: ``latency`` cycles.  Throughput: a set of inputs a cycle.

    Parameters
    ----------
    circuit: of it only what the outputs need is built.
    depth: tables, one behind the other, between two registers.
    table, pair: what one of them is, and two together, see Fabric.

    Members
    -------
    i, o: inputs and outputs.
    moves: whether the registers take something.

    Names in the Verilog are those of the certificate: input k is bit k of ``i``, signal n is made
    by the cell ``tN``, or signals n and m by ``tN_M``.
    """

    #: Nothing in it is reset.
    resets = False

    def __init__(
        self,
        circuit: Circuit,
        depth: int,
        table: TableCell | None = None,
        pair: TableCell | None = None,
    ):
        self.table = table
        self.pair = pair
        self.circuit = circuit
        self.stages = Stages(circuit, depth)
        self.latency = self.stages.latency
        super().__init__(
            {"i": In(circuit.tables.inputs), "moves": In(1), "o": Out(len(circuit.outputs))}
        )

    def elaborate(self, platform):
        m = Module()
        tables = self.circuit.tables
        cells = self._cells()
        there: dict[tuple[int, int], Value] = {}
        with m.If(self.moves):
            for of, last in self.stages.until().items():
                first = self.stages.of(of)
                value = self.i[of - 1] if of <= tables.inputs else Signal(name=f"n{of}")
                there[of, first] = value
                for cycle in range(first + 1, last + 1):
                    later = Signal(name=f"{_name(of, tables)}_{cycle}", reset_less=True)
                    m.d.sync += later.eq(value)
                    there[of, cycle] = value = later
            m.d.sync += self.o.eq(
                Cat(
                    there[signal(literal), self.latency - 1] ^ (literal & 1)
                    if signal(literal)
                    else Const(literal & 1, 1)
                    for literal in self.circuit.outputs
                )
            )
        for of in (of for cell in cells for of in cell):
            table, stage = tables.table(of), self.stages.of(of)
            index = Cat(there[s, stage] for s in table.inputs)
            values = Const(table.values, 1 << len(table.inputs))
            m.d.comb += there[of, stage].eq(values.bit_select(index, 1))
        return m

    def rtlil(self, name: str, platform: Any) -> str:
        """The module as yosys reads it, every table an instance of one the platform has.

        Amaranth would take several times as long as all else that is done for a core.
        """
        tables, outputs = self.circuit.tables, self.circuit.outputs
        cells = self._cells()
        text = Rtlil(name)
        clock, moves = text.port("input", "clk", 1), text.port("input", "moves", 1)
        given = text.port("input", "i", tables.inputs)
        there: dict[tuple[int, int], str] = {}
        for of, last in self.stages.until().items():
            first, own = self.stages.of(of), _name(of, tables)
            is_input = of <= tables.inputs
            there[of, first] = f"{given} [{of - 1}]" if is_input else text.wire(f"\\{own}", 1)
            if last > first:
                # A bit a cycle.
                later = text.wire(f"\\{own}_later", last - first, register=True)
                there |= {(of, first + 1 + k): f"{later} [{k}]" for k in range(last - first)}
                value = joined([there[of, cycle] for cycle in range(first, last)])
                text.register(clock, moves, value, later, last - first)
        for cell in cells:
            sources = sorted({s for of in cell for s in tables.table(of).inputs})
            kind, stage = self._kind(cell, len(sources)), self.stages.of(cell[0])
            size = 1 << kind.inputs
            values = sum(tables.values(of, sources) << k * size for k, of in enumerate(cell))
            wires = [there[s, stage] for s in sources]
            wires += ["1'0"] * (kind.inputs - len(wires))
            text.cell(
                f"\\{platform.add_table(kind)}",
                "\\t" + "_".join(map(str, cell)),
                {"VALUES": (values, size * len(cell))},
                {"i": joined(wires), "o": joined([there[of, stage] for of in cell])},
            )
        results = []
        for literal in outputs:
            if not signal(literal):
                results.append(f"1'{literal & 1}")
                continue
            value = there[signal(literal), self.latency - 1]
            results.append(text.inverted(value) if literal & 1 else value)
        out = text.port("output", "o", len(outputs), register=True)
        text.register(clock, moves, joined(results), out, len(outputs))
        return text.module()

    def _cells(self) -> list[tuple[int, ...]]:
        """The signals that a cell makes each."""
        live = sorted(self.circuit.tables.live(self.circuit.outputs))
        if self.pair is None:
            return [(of,) for of in live]
        both = pairs(self.circuit.tables, live)
        alone = set(live) - {of for pair in both for of in pair}
        return sorted([*both, *((of,) for of in alone)])

    def _kind(self, cell: Sequence[int], sources: int) -> Cell:
        if len(cell) > 1:
            return Cell(inputs=ROOM, tables=2, primitive=self.pair)
        return Cell(inputs=sources, primitive=self.table)


def _name(of: int, tables: Tables) -> str:
    return f"i{of - 1}" if of <= tables.inputs else f"n{of}"
