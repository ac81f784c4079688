"""A serial line of eight data bits, no parity, one stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from s2nn_hw.ir import InputError
from s2nn_hw.protocol import MIN_CYCLES_A_BIT


class Pace:
    """How a clock is divided to bits, however odd their ratio.

    Semantics: an accumulator of ``bits`` bits grows by ``step`` a cycle; it overflows once a bit,
    on average, and never more than a cycle beside the ideal moment.  ``step`` is so long that the
    rate is met to better than 1 in 8000.

    Parameters
    ----------
    frequency: of the clock, Hz.
    baud: bits a second; InputError if a bit would be shorter than four cycles.
    """

    def __init__(self, frequency: float, baud: int):
        if baud < 1 or frequency < MIN_CYCLES_A_BIT * baud:
            raise InputError(
                f"baud must be 1…{frequency / MIN_CYCLES_A_BIT:.0f}, "
                f"a quarter of the {frequency / 1e6:g} MHz clock, not {baud}"
            )
        self.frequency = frequency
        self.bits = 12 + int(frequency / baud).bit_length()
        self.step = round(baud * 2**self.bits / frequency)

    @property
    def middle(self) -> int:
        """Where to begin for the first overflow to come half a bit after an edge.

        An edge is seen up to a cycle late, and an overflow comes up to a cycle late.
        """
        return (1 << (self.bits - 1)) + self.step


class UartReceiver(wiring.Component):
    """From a line to bytes.

    Semantics: a falling edge begins a byte if the line is still low in the middle of the start bit.
    Each bit is sampled in its middle, to a cycle.  After a stop bit that is low nothing
    begins before the line was high.

    Latency: ``data`` is there with ``strobe``, some cycles after the middle of the stop bit.
    Throughput: bytes without a gap, their sender's clock up to 2 % fast or slow.

    Members
    -------
    rx: the pin, asynchronous.
    data, strobe: a byte, for one cycle.
    framing: for one cycle: there was no stop bit, and no byte.
    """

    rx: In(1, init=1)
    data: Out(8)
    strobe: Out(1)
    framing: Out(1)

    def __init__(self, pace: Pace):
        self.pace = pace
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)

        phase = Signal(self.pace.bits)
        tick = Signal()
        left = Signal(range(9))
        following = Signal(self.pace.bits)
        m.d.comb += Cat(following, tick).eq(phase + Const(self.pace.step, self.pace.bits))
        m.d.sync += phase.eq(following)
        with m.FSM():
            with m.State("QUIET"):
                m.d.sync += [phase.eq(self.pace.middle), left.eq(8)]
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(tick):
                m.next = "DATA"
                with m.If(line):  # a glitch
                    m.next = "QUIET"
            with m.State("DATA"), m.If(tick):
                m.d.sync += [self.data.eq(Cat(self.data[1:], line)), left.eq(left - 1)]
                with m.If(left == 1):
                    m.next = "STOP"
            with m.State("STOP"), m.If(tick):
                m.d.comb += [self.strobe.eq(line), self.framing.eq(~line)]
                # At once: a fast sender's next start bit comes early.
                m.next = "QUIET"
                with m.If(~line):
                    m.next = "BREAK"
            with m.State("BREAK"), m.If(line):
                m.next = "QUIET"
        return m


class UartTransmitter(wiring.Component):
    """From bytes to a line.

    Latency: the start bit begins in the cycle after a byte was taken.
    Throughput: bytes without a gap.

    Members
    -------
    tx: the pin, a register.
    i: bytes.
    """

    tx: Out(1, init=1)
    i: In(stream.Signature(8))

    def __init__(self, pace: Pace):
        self.pace = pace
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        phase = Signal(self.pace.bits)
        tick = Signal()
        rest = Signal(9)
        left = Signal(range(11))
        following = Signal(self.pace.bits)
        m.d.comb += [
            Cat(following, tick).eq(phase + Const(self.pace.step, self.pace.bits)),
            self.i.ready.eq((left == 0) | ((left == 1) & tick)),
        ]
        m.d.sync += phase.eq(following)
        with m.If(tick & (left != 0)):
            m.d.sync += [self.tx.eq(rest[0]), rest.eq(Cat(rest[1:], 1)), left.eq(left - 1)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [self.tx.eq(0), rest.eq(Cat(self.i.payload, 1)), left.eq(10)]
            with m.If(left == 0):
                m.d.sync += phase.eq(0)
        return m
