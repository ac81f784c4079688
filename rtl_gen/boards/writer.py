"""From packets to bytes of the line."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from s2nn_hw.protocol import ESCAPE, FLIP, SYNC

from .crc import checksum

HEADER = data.StructLayout({"type": 8, "tag": 8, "length": 16})


class PacketWriter(wiring.Component):
    """Puts packets together, see s2nn_hw.protocol.

    Semantics: for each header SYNC, the header, ``length`` bytes of ``payload`` and the CRC go out,
    stuffed.

    Latency: SYNC is offered two cycles after a header is; the header is taken with the CRC.
    Throughput: a byte of the line every third cycle; in return no path goes through.

    Members
    -------
    header, payload: of packets.
    o: bytes of the line.
    """

    header: In(stream.Signature(HEADER))
    payload: In(stream.Signature(8))
    o: Out(stream.Signature(8))

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = checksum()

        # A byte is chosen in one cycle and stuffed in the next, so that both are short.
        plain = Signal(8)
        offered = Signal()
        sent = Signal()
        byte = Signal(8)
        start = Signal()
        full = Signal()
        m.d.comb += [sent.eq(offered & ~full), crc.data.eq(plain)]
        with m.If(sent):
            m.d.sync += [byte.eq(plain), full.eq(1)]

        stuffing = Signal()
        escaped = Signal()
        m.d.comb += stuffing.eq(((byte == SYNC) | (byte == ESCAPE)) & ~escaped & ~start)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(full & ~self.o.valid):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.eq(Mux(stuffing, ESCAPE, Mux(escaped, byte ^ FLIP, byte))),
                escaped.eq(stuffing),
                full.eq(stuffing),
            ]

        header = self.header.payload
        left = Signal(16)
        empty = Signal()
        m.d.sync += empty.eq(left == 0)
        fields = (header.type, header.tag, header.length[:8], header.length[8:])
        with m.FSM():
            with m.State("SYNC"):
                m.d.comb += [plain.eq(SYNC), offered.eq(self.header.valid), crc.start.eq(1)]
                with m.If(sent):
                    m.d.sync += start.eq(1)
                    m.next = "FIELD0"
            for k, field in enumerate(fields):
                with m.State(f"FIELD{k}"):
                    m.d.comb += [plain.eq(field), offered.eq(1), crc.valid.eq(sent)]
                    m.d.sync += left.eq(header.length)
                    with m.If(sent):
                        m.d.sync += start.eq(0)
                        m.next = f"FIELD{k + 1}" if k < len(fields) - 1 else "PAYLOAD"
            with m.State("PAYLOAD"):
                # It lags by a cycle, in which the register is full.
                with m.If(empty & ~full):
                    m.next = "CRC"
                with m.Else():
                    m.d.comb += [
                        plain.eq(self.payload.payload),
                        offered.eq(self.payload.valid),
                        self.payload.ready.eq(sent),
                        crc.valid.eq(sent),
                    ]
                    with m.If(sent):
                        m.d.sync += left.eq(left - 1)
            with m.State("CRC"):
                m.d.comb += [plain.eq(crc.crc[8:]), offered.eq(1)]
                with m.If(sent):
                    m.next = "CRC LOW"
            with m.State("CRC LOW"):
                m.d.comb += [plain.eq(crc.crc[:8]), offered.eq(1), self.header.ready.eq(sent)]
                with m.If(sent):
                    m.next = "SYNC"
        return m
