"""A memory of constants, filled from a file."""

from collections.abc import Sequence

from amaranth.hdl import ClockSignal, Instance, Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Rom(wiring.Component):
    """Rows of constants behind synchronous read ports.

    Semantics: data[p] is row addr[p].

    Latency: ``latency`` cycles: the memory's own register, and one that is the output register of
    block RAMs that have one.  Throughput: a read a port a cycle.

    Where the target writes Verilog (see VerilogTarget in emit.py) this is an instance of a module
    of its own, which reads its rows with ``$readmemh``; tools take that a hundred times faster than
    as many assignments.  Everywhere else it is an ``amaranth.lib.memory.Memory``.

    Parameters
    ----------
    name: unique in the core; stem of module and file.
    rows: the constants.
    bits: of a row.
    ports: reads a cycle.
    blocks: so many of the rows are for block RAM, the rest for look-up tables; None: whatever the
        tool finds best, as it does with the former where there is a rest.
    """

    #: Memory, output register.
    latency = 2

    def __init__(
        self,
        *,
        name: str,
        rows: Sequence[int],
        bits: int,
        ports: int,
        blocks: int | None = None,
    ):
        self.name = name
        self.rows = rows
        self.bits = bits
        self.ports = ports
        #: Rows that are read from the file, and those behind them.
        self.filed = blocks or len(rows)
        self.rest = rows[self.filed :]
        #: What tools are told, if anything: ``logic`` or ``block``.
        self.style = {0: "logic", len(rows): "block"}.get(-1 if blocks is None else blocks, "")
        self.address_bits = max(1, (len(rows) - 1).bit_length())
        super().__init__(
            {
                "addr": In(self.address_bits).array(ports),
                "data": Out(bits).array(ports),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if hasattr(platform, "add_memory"):
            pins = {"i_clk": ClockSignal()}
            for p in range(self.ports):
                pins |= {
                    f"i_addr{p}": self.addr[p],
                    f"o_data{p}": self.data[p],
                }
            m.submodules.rom = Instance(platform.add_memory(self), **pins)
            return m
        memory = Memory(shape=unsigned(self.bits), depth=len(self.rows), init=self.rows)
        m.submodules.memory = memory
        for p in range(self.ports):
            port = memory.read_port()
            m.d.comb += [port.en.eq(1), port.addr.eq(self.addr[p])]
            m.d.sync += self.data[p].eq(port.data)
        return m

    def verilog(self, module: str, file: str) -> str:
        """The module that add_memory() promises, reading ``file``."""
        ports = range(self.ports)
        pins = ["  input clk"]
        for p in ports:
            pins += [
                f"  input [{self.address_bits - 1}:0] addr{p}",
                f"  output reg [{self.bits - 1}:0] data{p}",
            ]
        word = f"[{self.bits - 1}:0]"
        told = f'(* ram_style = "{self.style}" *) ' if self.style else ""
        lines = [
            f"  {told}reg {word} rows [0:{self.filed - 1}];",
            f'  initial $readmemh("{file}", rows);',
        ]
        if self.rest:
            # So few that a block RAM more would hold hardly anything.
            lines.append(f'  (* ram_style = "logic" *) reg {word} rest [0:{len(self.rest) - 1}];')
            lines.append("  initial begin")
            lines += [f"    rest[{k}] = {self.bits}'h{row:x};" for k, row in enumerate(self.rest)]
            lines.append("  end")
        for p in ports:
            lines += self._read(p, word)
        return (
            f"module {module} (\n"
            + ",\n".join(pins)
            + "\n);\n"
            + "\n".join(lines)
            + "\nendmodule\n"
        )

    def _read(self, p: int, word: str) -> list[str]:
        """A read port."""
        lines = [f"  reg {word} row{p};"]
        reads, given = [f"    row{p} <= rows[addr{p}];"], f"row{p}"
        if self.rest:
            index = max(1, (len(self.rest) - 1).bit_length())
            lines += [
                f"  reg {word} other{p};",
                f"  reg beyond{p};",
                f"  wire [{index - 1}:0] behind{p} = addr{p} - {self.address_bits}'d{self.filed};",
            ]
            reads += [
                f"    other{p} <= rest[behind{p}];",
                f"    beyond{p} <= addr{p} >= {self.address_bits}'d{self.filed};",
            ]
            given = f"beyond{p} ? other{p} : row{p}"
        reads.append(f"    data{p} <= {given};")
        return [*lines, "  always @(posedge clk) begin", *reads, "  end"]

    def text(self) -> str:
        """The file: a row a line, hexadecimal."""
        digits = -(-self.bits // 4)
        return "".join(f"{row:0{digits}x}\n" for row in self.rows[: self.filed])
