"""A layer's part on the unrolled engine: line buffers, and logic made for its weights."""

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring

from rtl_gen.engines.unrolled import UnrolledEngine
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.register import registered
from rtl_gen.lib.rom import Rom
from rtl_gen.plan import LayerPlan, UnrolledPlan, signed_width
from rtl_gen.unrolled.layer import circuit_of
from s2nn_hw.ir import Layer


class UnrolledUnit:
    """The engine as a layer sees it; see Unit."""

    def __init__(self, engine: UnrolledEngine, widths: tuple[int, ...]):
        self.engine = engine
        self.widths = widths
        self.neurons = ()
        self.result = engine.o
        self.latency = engine.latency
        self.done, self.last, self.drop = engine.done, engine.last, engine.drop


class UnrolledParts:
    """Makes the parts, and joins them in the layer's module; see EventParts."""

    def __init__(self, layer: Layer, plan: LayerPlan, _offsets: list[int]):
        self.roms: list[Rom] = []
        self.readers = {
            k: WindowReader(feed.windows, channels=range(feed.windows.channels), whole=True)
            for k, feed in enumerate(plan.feeds)
            if isinstance(feed, UnrolledPlan)
        }
        made = circuit_of(layer, plan)
        low = np.minimum(made.weights, 0).sum(axis=1)
        high = np.maximum(made.weights, 0).sum(axis=1)
        if made.thresholds is not None:
            # One beyond what a potential reaches is as good as one at its edge.
            edge = np.clip(made.thresholds, low, high + 1)
            low, high = low - edge, high - edge
        engine = UnrolledEngine(
            plan.feeds,
            made,
            plan.fabric.tables,
            plan.fabric.table_cell,
            discards=layer.is_readout,
            counts=plan.counts,
        )
        self.unit = UnrolledUnit(
            engine,
            tuple(
                signed_width(int(least), int(most)) for least, most in zip(low, high, strict=True)
            ),
        )
        self.units = [self.unit]

    def window_readers(self) -> list[tuple[str, WindowReader]]:
        """Every line buffer, with the path of its reader."""
        return [(f"reader{k}", reader) for k, reader in self.readers.items()]

    def build(self, m: Module, inputs: list) -> None:
        """Join them, and the streams of words that come in, one a projection."""
        m.submodules.engine = engine = self.unit.engine
        for k, source in enumerate(inputs):
            if k not in self.readers:
                wiring.connect(m, wiring.flipped(source), getattr(engine, f"i{k}"))
                continue
            m.submodules[f"reader{k}"] = reader = self.readers[k]
            words = registered(m, source, f"register{k}" if len(inputs) > 1 else "register")
            m.d.comb += [
                reader.i.eq(words.payload),
                reader.push.eq(words.valid & words.ready),
                words.ready.eq(reader.room),
            ]
            wiring.connect(m, reader.o, getattr(engine, f"i{k}"))
