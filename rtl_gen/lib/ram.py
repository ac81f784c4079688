"""A memory that is written before it is used."""

from amaranth.hdl import ClockSignal, Instance, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .rom import Rom


class Ram(wiring.Component):
    """Words behind one port, which reads or writes.

    Semantics: data is the word at addr, but in the cycles in which one is written.

    Latency: ``latency`` cycles, those of a Rom.  Throughput: a word a cycle.

    Where the target writes Verilog this is an instance of a module of its own, see Rom.

    Parameters
    ----------
    name: unique in the core; stem of the module.
    depth: words.
    bits: of a word.
    huge: whether it is for the family's large memories, which have one port and no contents.
    """

    latency = Rom.latency

    def __init__(self, *, name: str, depth: int, bits: int, huge: bool):
        self.name = name
        self.depth = depth
        self.bits = bits
        self.huge = huge
        self.ports = 1
        self.address_bits = max(1, (depth - 1).bit_length())
        super().__init__(
            {
                "addr": In(self.address_bits).array(1),
                "data": Out(bits).array(1),
                "write": In(1),
                "write_addr": In(self.address_bits),
                "write_data": In(bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if hasattr(platform, "add_memory"):
            m.submodules.ram = Instance(
                platform.add_memory(self),
                i_clk=ClockSignal(),
                i_addr0=self.addr[0],
                o_data0=self.data[0],
                i_write=self.write,
                i_write_addr=self.write_addr,
                i_write_data=self.write_data,
            )
            return m
        memory = Memory(shape=unsigned(self.bits), depth=self.depth, init=[])
        m.submodules.memory = memory
        write, read = memory.write_port(), memory.read_port()
        at = Signal(self.address_bits)
        m.d.comb += [
            at.eq(Mux(self.write, self.write_addr, self.addr[0])),
            write.en.eq(self.write),
            write.addr.eq(at),
            write.data.eq(self.write_data),
            read.en.eq(~self.write),
            read.addr.eq(at),
        ]
        m.d.sync += self.data[0].eq(read.data)
        return m

    def verilog(self, module: str, file: str | None) -> str:
        """The module that add_memory() promises."""
        word, address = f"[{self.bits - 1}:0]", f"[{self.address_bits - 1}:0]"
        style = '(* ram_style = "huge" *) ' if self.huge else ""
        return f"""module {module} (
  input clk,
  input {address} addr0,
  output reg {word} data0,
  input write,
  input {address} write_addr,
  input {word} write_data
);
  {style}reg {word} rows [0:{self.depth - 1}];
  reg {word} row0;
  wire {address} at = write ? write_addr : addr0;
  always @(posedge clk) begin
    if (write) rows[at] <= write_data;
    else row0 <= rows[at];
    data0 <= row0;
  end
endmodule
"""
