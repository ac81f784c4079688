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
        live = sorted(tables.live(outputs))
        #: Signal, cycle → its value in that cycle.
        there = {(1 + k, 0): self.i[k] for k in range(tables.inputs)}
        there |= {(of, self.stage(of)): Signal(name=_name(of, tables)) for of in live}
        kept = []

        def value(of: int, cycle: int):
            if (of, cycle) not in there:
                register = Signal(name=f"{_name(of, tables)}_{cycle}", reset_less=True)
                kept.append(register.eq(value(of, cycle - 1)))
                there[of, cycle] = register
            return there[of, cycle]

        for group in self._cells(live):
            stage = self.stage(group[0])
            sources = sorted({s for of in group for s in tables.table(of).inputs})
            wires = [value(s, stage) for s in sources]
            values = [tables.values(of, sources) for of in group]
            made = Cat(there[of, stage] for of in group)
            if hasattr(platform, "add_table"):
                cell = self._cell(group, len(sources))
                size = 1 << cell.inputs
                number = sum(own << k * size for k, own in enumerate(values))
                m.submodules["t" + "_".join(map(str, group))] = Instance(
                    platform.add_table(cell),
                    p_VALUES=Const(number, size * len(group)),
                    i_i=Cat(*wires, Const(0, cell.inputs - len(wires))),
                    o_o=made,
                )
            else:
                index = Cat(wires)
                chosen = [Const(own, 1 << len(sources)).bit_select(index, 1) for own in values]
                m.d.comb += made.eq(Cat(chosen))
        for k, literal in enumerate(outputs):
            last = Const(literal & 1, 1)
            if signal(literal):
                last = value(signal(literal), self.latency - 1) ^ (literal & 1)
            register = Signal(name=f"o_{k}", reset_less=True)
            kept.append(register.eq(last))
            m.d.comb += self.o[k].eq(register)
        with m.If(self.moves):
            m.d.sync += kept
        return m

    def _cells(self, live: Sequence[int]) -> list[tuple[int, ...]]:
        """The signals that a cell makes each."""
        if self.pair is None:
            return [(of,) for of in live]
        both = pairs(self.circuit.tables, live)
        alone = set(live) - {of for pair in both for of in pair}
        return sorted([*both, *((of,) for of in alone)])

    def _cell(self, group: Sequence[int], sources: int) -> Cell:
        if len(group) > 1:
            return Cell(inputs=ROOM, tables=2, primitive=self.pair)
        return Cell(inputs=sources, primitive=self.table)


def _name(of: int, tables: Tables) -> str:
    return f"i{of - 1}" if of <= tables.inputs else f"n{of}"
