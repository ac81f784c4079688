"""What the board has to say, one packet after another."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from s2nn_hw.manifest import OutputPort
from s2nn_hw.protocol import ANSWER, ERROR, ErrorCode, Identity, Request, result_bytes

from .writer import HEADER

#: The type of a request to be answered, or 0 for an error; which error; whose.
ASK = data.StructLayout({"kind": range(len(Request) + 1), "code": range(len(ErrorCode)), "tag": 8})

FLAG_BYTES = 2


class Replies(wiring.Component):
    """Turns requests, errors and results into packets, in this order where several wait.

    Semantics: the flags that are sent are those of the cycle in which the request is taken, and in
    which ``flags_clear`` is high if it asks for that.  A result takes ``tag``.

    Latency: a cycle from a request or result to its header, two after another result.
    Throughput: a byte every other cycle.

    Members
    -------
    ask: requests and errors.
    flags, flags_clear: the sticky flags, two bytes.
    result: beats of the core; ``tag``: of the one that is offered.
    answered: for one cycle: a result was sent; the next may have another ``tag`` after it.
    header, payload: packets.
    """

    def __init__(self, identity: Identity, port: OutputPort):
        self.identity = identity.to_bytes()
        self.port = port
        super().__init__(
            {
                "ask": In(stream.Signature(ASK)),
                "flags": In(8 * FLAG_BYTES),
                "flags_clear": Out(1),
                "result": In(stream.Signature(port.tdata_bits)),
                "tag": In(8),
                "answered": Out(1),
                "header": Out(stream.Signature(HEADER)),
                "payload": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kind = Signal.like(self.ask.p.kind)
        code = Signal.like(self.ask.p.code)
        flags = Signal(8 * FLAG_BYTES)
        header = self.header.payload

        # Bytes are taken into a register, which no path goes through: the line is slow enough.
        at = Signal(range(max(len(self.identity), FLAG_BYTES, self.port.tdata_bits // 8)))
        left = Signal(range(max(len(self.identity), result_bytes(self.port)) + 1))
        source = Signal(8)
        there = Signal()
        step = Signal()
        m.d.comb += step.eq(there & (left != 0) & ~self.payload.valid)
        with m.If(step):
            m.d.sync += [
                self.payload.payload.eq(source),
                self.payload.valid.eq(1),
                left.eq(left - 1),
                at.eq(at + 1),
            ]
        with m.Elif(self.payload.ready):
            m.d.sync += self.payload.valid.eq(0)

        m.d.sync += self.answered.eq(0)
        with m.FSM():
            with m.State("CHOOSE"):
                m.d.sync += at.eq(0)
                with m.If(self.ask.valid):
                    m.d.comb += [
                        self.ask.ready.eq(1),
                        self.flags_clear.eq(self.ask.p.kind == Request.CLEAR_FLAGS),
                    ]
                    length = Signal.like(left)
                    m.d.comb += length.eq(FLAG_BYTES)
                    with m.Switch(self.ask.p.kind):
                        with m.Case(0):
                            m.d.comb += length.eq(1)
                        with m.Case(Request.IDENTIFY):
                            m.d.comb += length.eq(len(self.identity))
                    m.d.sync += [
                        kind.eq(self.ask.p.kind),
                        code.eq(self.ask.p.code),
                        flags.eq(self.flags),
                        header.type.eq(Mux(self.ask.p.kind == 0, ERROR, ANSWER | self.ask.p.kind)),
                        header.tag.eq(self.ask.p.tag),
                        header.length.eq(length),
                        left.eq(length),
                    ]
                    m.next = "ANSWER"
                # In the cycle of ``answered`` the tag is still the last one's.
                with m.Elif(self.result.valid & ~self.answered):
                    m.d.sync += [
                        header.type.eq(ANSWER | Request.INFER),
                        header.tag.eq(self.tag),
                        header.length.eq(result_bytes(self.port)),
                        left.eq(result_bytes(self.port)),
                    ]
                    m.next = "RESULT"
            with m.State("ANSWER"):
                m.d.comb += [self.header.valid.eq(1), there.eq(1), source.eq(code)]
                with m.Switch(kind):
                    with m.Case(Request.IDENTIFY), m.Switch(at):
                        for k, byte in enumerate(self.identity):
                            with m.Case(k):
                                m.d.comb += source.eq(Const(byte, 8))
                    with m.Case(Request.READ_FLAGS, Request.CLEAR_FLAGS, Request.LOAD):
                        m.d.comb += source.eq(Mux(at == 0, flags[:8], flags[8:]))
                with m.If(self.header.ready):
                    m.next = "CHOOSE"
            with m.State("RESULT"):
                ends = at == self.port.tdata_bits // 8 - 1
                m.d.comb += [
                    self.header.valid.eq(1),
                    # Between two beats of a result there may be a gap.
                    there.eq(self.result.valid),
                    source.eq(self.result.payload.word_select(at, 8)),
                    self.result.ready.eq(step & ends),
                ]
                with m.If(step):
                    m.d.sync += at.eq(Mux(ends, 0, at + 1))
                with m.If(self.header.ready):
                    m.d.sync += self.answered.eq(1)
                    m.next = "CHOOSE"
        return m
