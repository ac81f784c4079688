"""Look-up tables between registers."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.fabric import TableCell

from .cell import Cell
from .circuit import Circuit
from .pairs import ROOM, pairs
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
        self.depth = depth
        self.latency = circuit.latency(depth)
        super().__init__(
            {"i": In(circuit.tables.inputs), "moves": In(1), "o": Out(len(circuit.outputs))}
        )

    def stage(self, of: int) -> int:
        """The cycle in which a signal is there, the inputs' being 0."""
        return max(0, self.circuit.tables.levels[of] - 1) // self.depth

    def elaborate(self, platform):
        m = Module()
        tables, outputs = self.circuit.tables, self.circuit.outputs
        cells = self._cells(sorted(tables.live(outputs)))
        there, registers = self._there(cells)
        for cell in cells:
            stage = self.stage(cell[0])
            sources = sorted({s for of in cell for s in tables.table(of).inputs})
            wires = [there[s, stage] for s in sources]
            values = [tables.values(of, sources) for of in cell]
            made = Cat(there[of, stage] for of in cell)
            if hasattr(platform, "add_table"):
                kind = self._kind(cell, len(sources))
                size = 1 << kind.inputs
                number = sum(own << k * size for k, own in enumerate(values))
                m.submodules["t" + "_".join(map(str, cell))] = Instance(
                    platform.add_table(kind),
                    p_VALUES=Const(number, size * len(cell)),
                    i_i=Cat(*wires, Const(0, kind.inputs - len(wires))),
                    o_o=made,
                )
            else:
                index = Cat(wires)
                chosen = [Const(own, 1 << len(sources)).bit_select(index, 1) for own in values]
                m.d.comb += made.eq(Cat(chosen))
        results = [
            there[signal(literal), self.latency - 1] ^ (literal & 1)
            if signal(literal)
            else Const(literal & 1, 1)
            for literal in outputs
        ]
        with m.If(self.moves):
            m.d.sync += [self.o.eq(Cat(results)), *registers]
        return m

    def _there(self, cells: Sequence[tuple[int, ...]]):
        """Of every signal and cycle in which it is needed its value, and the registers' statements.

        What a cell makes is new.
        """
        tables, outputs = self.circuit.tables, self.circuit.outputs
        until = {signal(literal): self.latency - 1 for literal in outputs if signal(literal)}
        for cell in cells:
            for s in (s for of in cell for s in tables.table(of).inputs):
                until[s] = max(until.get(s, 0), self.stage(cell[0]))
        there, registers = {}, []
        for s, last in sorted(until.items()):
            name, first = _name(s, tables), self.stage(s)
            there[s, first] = self.i[s - 1] if s <= tables.inputs else Signal(name=name)
            if last > first:
                # A bit a cycle.
                later = Signal(last - first, name=f"{name}_later", reset_less=True)
                registers.append(later.eq(Cat(there[s, first], later)[: last - first]))
                for k in range(last - first):
                    there[s, first + 1 + k] = later[k]
        return there, registers

    def _cells(self, live: Sequence[int]) -> list[tuple[int, ...]]:
        """The signals that a cell makes each."""
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
