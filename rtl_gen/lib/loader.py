"""Writes the memories that have no contents of their own."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.plan import LoadPlan


class Loader(wiring.Component):
    """Takes words over an AXI4-Stream and writes them.

    Semantics: a packet is the address of its first word, then words that go there and behind; TLAST
    ends it.  The address of word w of memory m is ``m << offset_bits | w``.  Everything is loaded
    once the last word of the last memory was written; a reset does not undo it.

    Latency: a word is written two cycles after its beat.  Throughput: a beat a cycle.

    Parameters
    ----------
    plan: the port.
    depths: words of each memory.

    Members
    -------
    tdata, tvalid, tready, tlast: the port.
    write0, write1, …: a memory is written,
    address, data: ... there, with this.
    loaded: all memories were.
    """

    def __init__(self, plan: LoadPlan, depths: Sequence[int]):
        self.plan = plan
        self.depths = tuple(depths)
        super().__init__(
            {
                "tdata": In(plan.tdata_bits),
                "tvalid": In(1),
                "tready": Out(1),
                "tlast": In(1),
                **{f"write{k}": Out(1) for k in range(len(depths))},
                "address": Out(plan.offset_bits),
                "data": Out(plan.tdata_bits),
                "loaded": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, last = self.plan, len(self.depths) - 1
        inside = Signal()
        address = Signal(plan.address_bits)
        write = Signal()
        at = Signal(plan.address_bits)
        data = Signal(plan.tdata_bits)
        loaded = Signal(reset_less=True)
        m.d.comb += [
            self.tready.eq(1),
            self.address.eq(at[: plan.offset_bits]),
            self.data.eq(data),
            self.loaded.eq(loaded),
            *(
                getattr(self, f"write{k}").eq(write & (at[plan.offset_bits :] == k))
                for k in range(len(self.depths))
            ),
        ]
        m.d.sync += [write.eq(self.tvalid & inside), at.eq(address), data.eq(self.tdata)]
        with m.If(self.tvalid):
            m.d.sync += inside.eq(~self.tlast)
            with m.If(inside):
                m.d.sync += address.eq(address + 1)
            with m.Else():
                m.d.sync += address.eq(self.tdata)
        with m.If(write & (at == (last << plan.offset_bits | self.depths[last] - 1))):
            m.d.sync += loaded.eq(1)
        return m
