"""Between a serial line and the core: any board's, and the simulation's."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from s2nn_hw.ir import InputError
from s2nn_hw.manifest import InputPort, LoadPort, Manifest, OutputPort
from s2nn_hw.protocol import (
    CORE_FLAGS,
    FRAMING,
    LOST,
    MAX_PAYLOAD,
    MAX_WINDOW,
    PROTOCOL_FLAGS,
    UNLOADED,
    ErrorCode,
    Identity,
    Request,
    digest_bytes,
    frame_bytes,
    load_port,
    result_bytes,
)

from .reader import PacketReader
from .replies import ASK, Replies
from .store import FrameStore
from .uart import Pace, UartReceiver, UartTransmitter
from .unpacker import Unpacker
from .writer import PacketWriter

#: Answers other than results that may wait for the line.
QUEUE = 4
#: Frames that there is room for, however long they are: one comes in while another is computed.
MIN_WINDOW = 2
#: Bytes of block RAM for frames, unless two need more.
STORE_BYTES = 2048


def identity(manifest: Manifest, store_bytes: int = STORE_BYTES) -> Identity:
    """What a board with this core says of itself; InputError if a frame is too long for it."""
    frame, result = frame_bytes(manifest.input), result_bytes(manifest.output)
    if max(frame, result) > MAX_PAYLOAD:
        raise InputError(
            f"a frame and a result must have at most {MAX_PAYLOAD} bytes on the line, "
            f"not {frame} and {result}"
        )
    return Identity(
        digest=digest_bytes(manifest.network),
        frame_bytes=frame,
        result_bytes=result,
        window=frames_kept(frame, store_bytes),
    )


def frames_kept(frame: int, store_bytes: int) -> int:
    """Frames of so many bytes that may be under way."""
    return max(MIN_WINDOW, min(MAX_WINDOW, store_bytes // frame))


class BoardShell(wiring.Component):
    """Serves the protocol of s2nn_hw.protocol on a serial line with a core.

    Semantics: INFER hands its frame to the core once its CRC was found right, and the core's result
    is its answer; up to ``window`` frames may be under way, each kept in the frame store until the
    core has taken it, so that the next one comes in meanwhile.  One more is answered by an error
    and dropped.  The other requests are answered between results; of QUEUE that wait no more are
    remembered, which sets a flag.  Flags are sticky.  LOAD hands its packet of weights to the core
    once its CRC was found right, and is answered by the flags, of which one tells that weights are
    missing.

    Latency: the line's, a few cycles, and the core's.
    Throughput: the line's, if the core's interval is shorter than a frame on it.

    Parameters
    ----------
    identity: what it says of itself, and its window.
    input, output: the core's ports.
    pace: of the line.
    load: the core's port for weights, None if it has none.

    Members
    -------
    rx, tx: pins.
    heartbeat, busy, error: lights: on and off every second or so; a frame was under way just now; a
        flag is set.
    s_axis_…, m_axis_…, frame_error, frame_error_clear, and w_axis_…, loaded if weights are: the
        core's, the other way round.
    """

    def __init__(
        self,
        identity: Identity,
        input: InputPort,
        output: OutputPort,
        pace: Pace,
        load: LoadPort | None = None,
    ):
        self.load = load
        self.identity = identity
        self.input = input
        self.output = output
        self.pace = pace
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "heartbeat": Out(1),
                "busy": Out(1),
                "error": Out(1),
                "s_axis_tdata": Out(input.tdata_bits),
                "s_axis_tvalid": Out(1),
                "s_axis_tready": In(1),
                "s_axis_tlast": Out(1),
                "m_axis_tdata": In(output.tdata_bits),
                "m_axis_tvalid": In(1),
                "m_axis_tready": Out(1),
                "m_axis_tlast": In(1),
                "frame_error": In(CORE_FLAGS),
                "frame_error_clear": Out(1),
                **(
                    {}
                    if load is None
                    else {
                        "w_axis_tdata": Out(load.tdata_bits),
                        "w_axis_tvalid": Out(1),
                        "w_axis_tready": In(1),
                        "w_axis_tlast": Out(1),
                        "loaded": In(1),
                    }
                ),
            }
        )

    def elaborate(self, platform):
        m = Module()
        window = self.identity.window
        m.submodules.receiver = receiver = UartReceiver(self.pace)
        m.submodules.transmitter = transmitter = UartTransmitter(self.pace)
        m.submodules.reader = reader = PacketReader(
            {
                Request.IDENTIFY: 0,
                Request.INFER: self.identity.frame_bytes,
                Request.READ_FLAGS: 0,
                Request.CLEAR_FLAGS: 0,
                **({} if self.load is None else {Request.LOAD: frame_bytes(load_port(self.load))}),
            }
        )
        m.submodules.store = store = FrameStore(
            frame_bytes=self.identity.frame_bytes, window=window
        )
        m.submodules.unpacker = unpacker = Unpacker(self.input)
        m.submodules.queue = queue = SyncFIFO(width=ASK.size, depth=QUEUE)
        m.submodules.replies = replies = Replies(self.identity, self.output)
        m.submodules.writer = writer = PacketWriter()
        m.submodules.tags = tags = Memory(shape=8, depth=window, init=[])
        tag_write, tag_read = tags.write_port(), tags.read_port(domain="comb")

        wiring.connect(m, store.o, unpacker.i)
        wiring.connect(m, replies.header, writer.header)
        wiring.connect(m, replies.payload, writer.payload)
        wiring.connect(m, writer.o, transmitter.i)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            reader.data.eq(receiver.data),
            reader.strobe.eq(receiver.strobe),
            store.data.eq(reader.payload),
            self.s_axis_tdata.eq(unpacker.o.p.data),
            self.s_axis_tvalid.eq(unpacker.o.valid),
            self.s_axis_tlast.eq(unpacker.o.p.last),
            unpacker.o.ready.eq(self.s_axis_tready),
            replies.result.payload.eq(self.m_axis_tdata),
            replies.result.valid.eq(self.m_axis_tvalid),
            self.m_axis_tready.eq(replies.result.ready),
            replies.tag.eq(tag_read.data),
            replies.ask.payload.eq(queue.r_data),
            replies.ask.valid.eq(queue.r_rdy),
            queue.r_en.eq(replies.ask.ready),
        ]

        # Frames under way, and which tag is whose.
        under_way = Signal(range(window + 1))
        taking = Signal()
        infer = reader.type == Request.INFER
        newest = Signal(range(window))
        oldest = Signal(range(window))
        m.d.comb += [
            store.begin.eq(reader.begun & infer),
            store.write.eq(reader.payload_strobe & taking),
            store.commit.eq(reader.done & infer & taking),
            tag_write.addr.eq(newest),
            tag_write.data.eq(reader.tag),
            tag_write.en.eq(store.commit),
            tag_read.addr.eq(oldest),
        ]
        with m.If(store.begin):
            m.d.sync += taking.eq(under_way != window)
        with m.If(store.commit):
            m.d.sync += newest.eq(Mux(newest == window - 1, 0, newest + 1))
        with m.If(replies.answered):
            m.d.sync += oldest.eq(Mux(oldest == window - 1, 0, oldest + 1))
        m.d.sync += under_way.eq(under_way + store.commit - replies.answered)

        unloaded = self._load(m, reader)

        # What is to be answered otherwise than by a result.
        refused = reader.done & infer & ~taking
        failed = Signal()
        ask = Signal(ASK)
        m.d.comb += [
            failed.eq(reader.failed | refused),
            ask.code.eq(Mux(refused, ErrorCode.WINDOW, reader.code)),
            ask.kind.eq(Mux(failed, 0, reader.type)),
            ask.tag.eq(reader.tag),
            queue.w_data.eq(ask),
            queue.w_en.eq(failed | (reader.done & ~infer)),
        ]

        flags = Signal(PROTOCOL_FLAGS)
        m.d.comb += [
            replies.flags.eq(Cat(flags, unloaded, self.frame_error)),
            self.frame_error_clear.eq(replies.flags_clear),
        ]
        events = [failed & (ask.code == code) for code in ErrorCode]
        assert len(events) == FRAMING
        assert FRAMING + 1 == LOST
        assert LOST + 1 == PROTOCOL_FLAGS == UNLOADED
        events += [receiver.framing, queue.w_en & ~queue.w_rdy]
        m.d.sync += flags.eq(Mux(replies.flags_clear, 0, flags) | Cat(events))

        # A light is on for long enough to be seen.
        clock = Signal(max(int(self.pace.frequency).bit_length(), 5))
        m.d.sync += clock.eq(clock + 1)
        m.d.comb += self.heartbeat.eq(clock[-1])
        m.d.sync += self.error.eq(Cat(flags, self.frame_error).any())
        with m.If(under_way != 0):
            m.d.sync += self.busy.eq(1)
        with m.Elif(clock[:-4] == 0):
            m.d.sync += self.busy.eq(0)
        return m

    def _load(self, m: Module, reader: PacketReader):
        """Packets of weights, once they are whole; returns whether weights are missing."""
        if self.load is None:
            return Const(0, 1)
        port = load_port(self.load)
        # One goes to the core while the next comes in; it takes a fraction of the time.
        m.submodules.weights = store = FrameStore(frame_bytes=frame_bytes(port), window=2)
        m.submodules.weights_unpacker = unpacker = Unpacker(port)
        wiring.connect(m, store.o, unpacker.i)
        wanted = reader.type == Request.LOAD
        m.d.comb += [
            store.data.eq(reader.payload),
            store.begin.eq(reader.begun & wanted),
            store.write.eq(reader.payload_strobe & wanted),
            store.commit.eq(reader.done & wanted),
            self.w_axis_tdata.eq(unpacker.o.p.data),
            self.w_axis_tvalid.eq(unpacker.o.valid),
            self.w_axis_tlast.eq(unpacker.o.p.last),
            unpacker.o.ready.eq(self.w_axis_tready),
        ]
        return ~self.loaded
