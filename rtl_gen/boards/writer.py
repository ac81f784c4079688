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

    Latency: SYNC is offered in the cycle after a header is; the header is taken with the CRC.
    Throughput: a byte of the line every other cycle; in return no path goes through.

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

        plain = Signal(8)
        offered = Signal()
        free = Signal()
        sent = Signal()
        stuffing = Signal()
        escaped = Signal()
        m.d.comb += [
            stuffing.eq(((plain == SYNC) | (plain == ESCAPE)) & ~escaped),
            free.eq(~self.o.valid),
            sent.eq(offered & free & ~stuffing),
            crc.data.eq(plain),
        ]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(offered & free):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.eq(Mux(stuffing, ESCAPE, Mux(escaped, plain ^ FLIP, plain))),
                escaped.eq(stuffing),
            ]

        header = self.header.payload
        left = Signal(16)
        empty = Signal()
        m.d.sync += empty.eq(left == 0)
        fields = (header.type, header.tag, header.length[:8], header.length[8:])
        with m.FSM():
            with m.State("SYNC"):
                m.d.comb += crc.start.eq(1)
                with m.If(self.header.valid & free):
                    m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(SYNC)]
                    m.next = "FIELD0"
            for k, field in enumerate(fields):
                with m.State(f"FIELD{k}"):
                    m.d.comb += [plain.eq(field), offered.eq(1), crc.valid.eq(sent)]
                    m.d.sync += left.eq(header.length)
                    with m.If(sent):
                        m.next = f"FIELD{k + 1}" if k < len(fields) - 1 else "PAYLOAD"
            with m.State("PAYLOAD"):
                # It lags by a cycle, in which the register is not free.
                with m.If(empty & free):
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
