"""From bytes of the line to packets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from s2nn_hw.protocol import ESCAPE, FLIP, SYNC, ErrorCode

from .crc import checksum


class PacketReader(wiring.Component):
    """Takes packets apart, see s2nn_hw.protocol.

    Semantics: SYNC begins a packet wherever it stands.  A packet ends with ``done``, or with
    ``failed`` and its ``code``: TYPE or LENGTH once the length was read, unless the type is known
    and has this length; CRC at its end; TRUNCATED by a SYNC before that (one straight after another
    is no packet).  What follows a failure, up to the next SYNC, is passed over.

    Latency: ``done`` comes two cycles after the last byte, the rest one after the byte that decides
    it; all but ``type`` and ``tag`` are for one cycle.
    Throughput: a byte every other cycle.

    Parameters
    ----------
    lengths: of the payload of each type that is served.

    Members
    -------
    data, strobe: bytes of the line.
    type, tag: of the packet; valid with ``begun``, ``done`` and ``failed``, as far as they came.
    begun: type and length are good; the payload follows, if it has any.
    payload, payload_strobe: its bytes, of a packet that is not yet checked.
    done, failed, code: its end.
    """

    def __init__(self, lengths: Mapping[int, int]):
        self.lengths = dict(lengths)
        super().__init__(
            {
                "data": In(8),
                "strobe": In(1),
                "type": Out(8),
                "tag": Out(8),
                "begun": Out(1),
                "payload": Out(8),
                "payload_strobe": Out(1),
                "done": Out(1),
                "failed": Out(1),
                "code": Out(range(len(ErrorCode))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = checksum()

        escaped = Signal()
        byte = Signal(8)
        sync = Signal()
        taken = Signal()
        m.d.comb += [
            sync.eq(self.strobe & (self.data == SYNC)),
            taken.eq(self.strobe & ~sync & ((self.data != ESCAPE) | escaped)),
            byte.eq(Mux(escaped, self.data ^ FLIP, self.data)),
            crc.data.eq(byte),
            crc.valid.eq(taken),
            crc.start.eq(sync),
        ]
        with m.If(self.strobe):
            m.d.sync += escaped.eq(~sync & ~taken)

        low = Signal(8)
        wanted = Signal(16)
        known = Signal()
        with m.Switch(self.type):
            for kind, expected in self.lengths.items():
                with m.Case(kind):
                    m.d.comb += [known.eq(1), wanted.eq(expected)]
        left = Signal(range(max(*self.lengths.values(), 1) + 1))

        m.d.sync += [
            self.payload.eq(byte),
            self.payload_strobe.eq(0),
            self.begun.eq(0),
            self.done.eq(0),
            self.failed.eq(0),
        ]

        def fail(code: ErrorCode):
            m.d.sync += [self.failed.eq(1), self.code.eq(code)]
            m.next = "HUNT"

        @contextmanager
        def state(name: str) -> Iterator[None]:
            """A state that SYNC leaves, whatever else it does."""
            with m.State(name):
                yield
                with m.If(sync):
                    m.next = "TYPE"

        with m.FSM() as fsm:
            with state("HUNT"):
                pass
            with state("TYPE"), m.If(taken):
                m.d.sync += [self.type.eq(byte), self.tag.eq(0)]
                m.next = "TAG"
            with state("TAG"), m.If(taken):
                m.d.sync += self.tag.eq(byte)
                m.next = "LENGTH"
            with state("LENGTH"), m.If(taken):
                m.d.sync += low.eq(byte)
                m.next = "LENGTH HIGH"
            with state("LENGTH HIGH"), m.If(taken):
                m.d.sync += left.eq(wanted)
                with m.If(~known):
                    fail(ErrorCode.TYPE)
                with m.Elif(Cat(low, byte) != wanted):
                    fail(ErrorCode.LENGTH)
                with m.Else():
                    m.d.sync += self.begun.eq(1)
                    m.next = "PAYLOAD"
                    with m.If(wanted == 0):
                        m.next = "CRC"
            with state("PAYLOAD"), m.If(taken):
                m.d.sync += [self.payload_strobe.eq(1), left.eq(left - 1)]
                with m.If(left == 1):
                    m.next = "CRC"
            with state("CRC"), m.If(taken):
                m.next = "CRC LOW"
            with state("CRC LOW"), m.If(taken):
                m.next = "CHECK"
            with state("CHECK"):
                m.d.sync += self.done.eq(crc.match_detected)
                m.next = "HUNT"
                with m.If(~crc.match_detected):
                    fail(ErrorCode.CRC)
        before = fsm.ongoing("HUNT") | fsm.ongoing("TYPE") | fsm.ongoing("CHECK")
        with m.If(sync & ~before):
            m.d.sync += [self.failed.eq(1), self.code.eq(ErrorCode.TRUNCATED)]
        return m
