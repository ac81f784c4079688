"""A layer's part on the unrolled engine: line buffers, and logic made for its weights."""

from amaranth.hdl import Module
from amaranth.lib import wiring

from rtl_gen.engines.unrolled import UnrolledEngine
from rtl_gen.feeds import UnrolledPlan
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.rom import Rom
from rtl_gen.plan import LayerPlan
from rtl_gen.unrolled.layer import circuit_of
from s2nn_hw.ir import Layer

from .feed import read_windows
from .unit import Unit


class UnrolledParts:
    """Makes the parts, and joins them in the layer's module; see EventParts.

    Members
    -------
    engine: whose results are the layer's, the only one of its ``engines``.
    units: none, as nothing accumulates.
    widths: bits of every potential.
    """

    def __init__(self, layer: Layer, plan: LayerPlan):
        self.readers = {
            k: WindowReader(feed.windows, channels=range(feed.windows.channels), whole=True)
            for k, feed in enumerate(plan.feeds)
            if isinstance(feed, UnrolledPlan)
        }
        self.units: list[Unit] = []
        self.roms: list[Rom] = []
        made = circuit_of(layer, plan)
        self.widths = made.widths
        self.engine = UnrolledEngine(
            plan.feeds,
            made,
            plan.fabric.tables,
            plan.fabric.table_cell,
            plan.fabric.pair_cell,
            bound=plan.bound,
            counts=plan.counts,
            layer=layer.name,
        )

    @property
    def engines(self) -> list[UnrolledEngine]:
        """The one."""
        return [self.engine]

    def window_readers(self) -> list[tuple[str, WindowReader]]:
        """Every line buffer, with the path of its reader."""
        return [(f"reader{k}", reader) for k, reader in self.readers.items()]

    def build(self, m: Module, inputs: list) -> None:
        """Join them, and the streams of words that come in, one a projection."""
        m.submodules.engine = engine = self.engine
        for k, source in enumerate(inputs):
            if k not in self.readers:
                wiring.connect(m, wiring.flipped(source), getattr(engine, f"i{k}"))
                continue
            read_windows(m, k, inputs, self.readers[k], getattr(engine, f"i{k}"))
