"""Look-up tables between registers."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .tables import Tables, signal


class Pipeline(wiring.Component):
    """A circuit of tables that takes new inputs in every cycle.

    Semantics: ``o`` is what the circuit makes of ``i`` as it was ``latency`` cycles ago.

    Latency: ``latency`` cycles.  Throughput: a set of inputs a cycle; nothing stops it.

    Parameters
    ----------
    tables: the circuit; of it only what the outputs need is built.
    outputs: literals.
    depth: tables, one behind the other, between two registers.
    """

    def __init__(self, tables: Tables, outputs: Sequence[int], depth: int):
        self.tables = tables
        self.outputs = tuple(outputs)
        self.depth = depth
        self.latency = max(1, -(-max(map(tables.level, outputs)) // depth))
        super().__init__({"i": In(tables.inputs), "o": Out(len(outputs))})

    def stage(self, of: int) -> int:
        """The cycle in which a signal is there, the inputs' being 0."""
        return max(0, self.tables.levels[of] - 1) // self.depth

    def elaborate(self, platform):
        m = Module()
        tables = self.tables
        #: Signal, cycle → its value in that cycle.
        there = {(1 + k, 0): self.i[k] for k in range(tables.inputs)}

        def value(of: int, cycle: int):
            if (of, cycle) not in there:
                register = Signal(name=f"{_name(of, tables)}_{cycle}", reset_less=True)
                m.d.sync += register.eq(value(of, cycle - 1))
                there[of, cycle] = register
            return there[of, cycle]

        for of in sorted(tables.live(self.outputs)):
            table, stage = tables.table(of), self.stage(of)
            made = Signal(name=_name(of, tables))
            inputs = Cat(value(s, stage) for s in table.inputs)
            if hasattr(platform, "add_table"):
                m.submodules[f"table{of}"] = Instance(
                    platform.add_table(len(table.inputs)),
                    p_VALUES=Const(table.values, 1 << len(table.inputs)),
                    i_i=inputs,
                    o_o=made,
                )
            else:
                m.d.comb += made.eq(Const(table.values, 1 << len(table.inputs)).bit_select(inputs, 1))
            there[of, stage] = made
        for k, literal in enumerate(self.outputs):
            last = Const(literal & 1, 1)
            if signal(literal):
                last = value(signal(literal), self.latency - 1) ^ (literal & 1)
            register = Signal(name=f"o_{k}", reset_less=True)
            m.d.sync += register.eq(last)
            m.d.comb += self.o[k].eq(register)
        return m


def _name(of: int, tables: Tables) -> str:
    return f"i{of - 1}" if of <= tables.inputs else f"t{of}"
