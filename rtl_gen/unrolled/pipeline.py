"""Look-up tables between registers."""

from amaranth.hdl import Cat, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cell import Cell
from .circuit import Circuit
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
    primitive: see Cell.

    Members
    -------
    i, o: inputs and outputs.
    moves: whether the registers take something.

    Names in the Verilog are those of the certificate: input k is bit k of ``i``, signal n is made
    by the cell ``tN``.
    """

    #: Nothing in it is reset.
    resets = False

    def __init__(self, circuit: Circuit, depth: int, primitive: tuple[str, ...] = ()):
        self.primitive = primitive
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
        #: Signal, cycle → its value in that cycle.
        there = {(1 + k, 0): self.i[k] for k in range(tables.inputs)}

        def keep(register, value):
            with m.If(self.moves):
                m.d.sync += register.eq(value)

        def value(of: int, cycle: int):
            if (of, cycle) not in there:
                register = Signal(name=f"{_name(of, tables)}_{cycle}", reset_less=True)
                keep(register, value(of, cycle - 1))
                there[of, cycle] = register
            return there[of, cycle]

        for of in sorted(tables.live(outputs)):
            table, stage = tables.table(of), self.stage(of)
            made = Signal(name=_name(of, tables))
            inputs = Cat(value(s, stage) for s in table.inputs)
            values = Const(table.values, 1 << len(table.inputs))
            if hasattr(platform, "add_table"):
                cell = platform.add_table(Cell(len(table.inputs), self.primitive))
                m.submodules[f"t{of}"] = Instance(cell, p_VALUES=values, i_i=inputs, o_o=made)
            else:
                m.d.comb += made.eq(values.bit_select(inputs, 1))
            there[of, stage] = made
        for k, literal in enumerate(outputs):
            last = Const(literal & 1, 1)
            if signal(literal):
                last = value(signal(literal), self.latency - 1) ^ (literal & 1)
            register = Signal(name=f"o_{k}", reset_less=True)
            keep(register, last)
            m.d.comb += self.o[k].eq(register)
        return m


def _name(of: int, tables: Tables) -> str:
    return f"i{of - 1}" if of <= tables.inputs else f"n{of}"
