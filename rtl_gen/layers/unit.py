"""What serves one window at a time."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from rtl_gen.engines.event import EventEngine
from rtl_gen.engines.parallel import ParallelEngine
from rtl_gen.lib.accumulator import Accumulators
from rtl_gen.lib.delay import delayed

#: What an engine tells its accumulators.
_INNER = ("rows", "valid", "ends", "closes", "final", "drop")


class Unit(wiring.Component):
    """An engine and its accumulators.

    Latency: ``latency`` cycles from taking a window's last input to its potentials.

    Parameters
    ----------
    discards: whether malformed frames end here.

    Members
    -------
    i0, …, reserve, free, events: as the engine's.
    done: potentials are complete and wanted,
    fire or scores: ... see Accumulators,
    last, drop: ... they are the frame's last, and the frame is malformed.
    """

    def __init__(
        self, engine: EventEngine | ParallelEngine, accumulators: Accumulators, *, discards: bool
    ):
        self.engine = engine
        self.accumulators = accumulators
        self.discards = discards
        self.result = "scores" if accumulators.with_scores else "fire"
        members = engine.signature.members
        super().__init__(
            {
                **{name: members[name] for name in members if name not in _INNER},
                "done": Out(1),
                "last": Out(1),
                "drop": Out(1),
                self.result: accumulators.signature.members[self.result],
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from taking a window's last input to its potentials."""
        return self.engine.latency + self.accumulators.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.engine = engine = self.engine
        m.submodules.accumulators = accumulators = self.accumulators
        outer = wiring.Signature(
            {n: member for n, member in engine.signature.members.items() if n not in _INNER}
        )
        for path, member, value in outer.flatten(self):
            inner = engine
            for step in path:
                inner = inner[step] if isinstance(step, int) else getattr(inner, step)
            m.d.comb += inner.eq(value) if member.flow == wiring.In else value.eq(inner)
        m.d.comb += [accumulators.ends.eq(engine.ends), accumulators.closes.eq(engine.closes)]
        for lane in range(engine.lanes):
            m.d.comb += accumulators.rows[lane].eq(engine.rows[lane])
        drop = delayed(m, engine.drop, accumulators.latency, "drop")
        m.d.comb += [
            self.last.eq(delayed(m, engine.final, accumulators.latency, "final")),
            self.drop.eq(drop),
            self.done.eq(accumulators.done & ~(drop & self.discards)),
            getattr(self, self.result).eq(getattr(accumulators, self.result)),
        ]
        return m
