"""Windows and frames, gathered from what comes in piece by piece."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal


def gathered_window(m: Module, k: int, source, *, channels: int, taps: int, planes: int, hand_over):
    """The next window of projection ``k``, of the entries in ``source``.

    Returns its bits plane by plane, input c * taps + t being channel c at tap t; whether it is
    whole; whether it is the frame's last; whether the frame is malformed.  A whole window stays
    until ``hand_over``.
    """
    window = Signal(channels * taps * planes, name=f"gathered{k}")
    full = Signal(name=f"full{k}")
    last = Signal(name=f"last{k}")
    drop = Signal(name=f"malformed{k}")
    m.d.comb += source.ready.eq(~full | hand_over)
    take = source.valid & source.ready
    at = [take & (source.p.base == t) for t in range(taps)]
    came = Cat(
        source.p.bits[b * channels + c] & at[t]
        for b in range(planes)
        for c in range(channels)
        for t in range(taps)
    )
    m.d.sync += window.eq(came | Mux(hand_over, 0, window))
    with m.If(take):
        m.d.sync += [full.eq(source.p.closes), last.eq(source.p.final), drop.eq(source.p.drop)]
    with m.Elif(hand_over):
        m.d.sync += full.eq(0)
    return window, full, last, drop


def gathered_frame(
    m: Module,
    k: int,
    source,
    *,
    positions: int,
    order: Sequence[int],
    planes: int,
    hand_over,
    at_once: bool,
):
    """The next frame of projection ``k``, of the words in ``source``; see FramePlan.

    Returns its bits plane by plane, whether it is whole, whether it is malformed.  A whole frame
    stays until ``hand_over``; ``at_once``: words are taken in no other cycles than these.
    """
    words = len(order) // positions
    full = Signal(name=f"full{k}")
    drop = Signal(name=f"malformed{k}")
    m.d.comb += source.ready.eq(hand_over if at_once else ~full | hand_over)
    take = source.valid & source.ready
    word = Signal(range(max(words, 2)), name=f"word{k}")
    where = {}
    for w in range(words):
        kept = Signal(positions * planes, name=f"gathered{k}_{w}" if words > 1 else f"gathered{k}")
        # What is there but not valid is written over before it is needed.
        here = hand_over if at_once else take
        with m.If(here & (word == w) if words > 1 else here):
            m.d.sync += kept.eq(Cat(source.p.planes[b] for b in range(planes)))
        for p in range(positions):
            where[order[w * positions + p]] = (kept, p)
    with m.If(take):
        m.d.sync += [
            full.eq(source.p.last),
            drop.eq(source.p.drop),
            word.eq(Mux(source.p.last, 0, word + 1)),
        ]
    with m.Elif(hand_over):
        m.d.sync += full.eq(0)
    inputs = sorted(where.keys() - {-1})
    bits = Cat(where[i][0][b * positions + where[i][1]] for b in range(planes) for i in inputs)
    return bits, full, drop
