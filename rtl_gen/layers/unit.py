"""What serves one window at a time."""

from amaranth.hdl import Module, Signal

from rtl_gen.engines.event import EventEngine
from rtl_gen.engines.parallel import ParallelEngine
from rtl_gen.lib.accumulator import Accumulators
from rtl_gen.lib.delay import delayed
from rtl_gen.lib.potentials import StoredPotentials


class Unit:
    """An engine and its accumulators, parts of a layer's module.

    Latency: ``latency`` cycles from taking a window's last input to its potentials.

    Parameters
    ----------
    discards: whether malformed frames end here.
    name: what the parts' names end in; empty for the only unit.

    Members
    -------
    done: potentials are complete and wanted,
    result: ... the spikes or scores, see Accumulators,
    last, drop: ... they are the frame's last, and the frame is malformed.
    """

    def __init__(
        self,
        engine: EventEngine | ParallelEngine,
        accumulators: Accumulators | StoredPotentials,
        *,
        discards: bool,
        name: str,
    ):
        self.engine = engine
        self.accumulators = accumulators
        self.discards = discards
        self.name = name
        self.neurons = accumulators.neurons
        self.widths = tuple(accumulators.widths)
        scores = isinstance(accumulators, Accumulators) and accumulators.with_scores
        self.result = accumulators.scores if scores else accumulators.fire
        self.done, self.last, self.drop = (
            Signal(name=f"{what}{name}") for what in ("done", "last", "drop")
        )

    @property
    def latency(self) -> int:
        """Cycles from taking a window's last input to its potentials."""
        return self.engine.latency + self.accumulators.latency

    def build(self, m: Module) -> None:
        """Add the parts to the layer's module, and join them."""
        engine, accumulators, delay = self.engine, self.accumulators, self.accumulators.latency
        m.submodules[f"engine{self.name}"] = engine
        m.submodules[f"accumulators{self.name}"] = accumulators
        m.d.comb += [accumulators.ends.eq(engine.ends), accumulators.closes.eq(engine.closes)]
        for lane in range(engine.lanes):
            m.d.comb += accumulators.there(lane).eq(getattr(engine, f"there{lane}"))
        m.d.comb += [
            self.last.eq(delayed(m, engine.final, delay, f"final{self.name}")),
            self.drop.eq(delayed(m, engine.drop, delay, f"drop{self.name}")),
            self.done.eq(accumulators.done & ~(self.drop & self.discards)),
        ]
