"""A layer's part on the parallel engine: line buffers, memories and a unit."""

from amaranth.hdl import Module
from amaranth.lib import wiring

from rtl_gen.engines.parallel import ParallelEngine, Taps
from rtl_gen.lib.accumulator import Accumulators, neurons
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.rom import Rom
from rtl_gen.plan import LayerPlan, ParallelPlan
from s2nn_hw.ir import Conv2d, Layer

from .unit import Unit
from .weights import full_matrix, step_rows


class ParallelParts:
    """Makes the parts, and joins them in the layer's module; see EventParts.

    Weights of a projection that takes but one step are constants in its logic.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, offsets: list[int]):
        self.readers: list[WindowReader] = []
        self.roms: list[Rom] = []
        projections, matrices, lanes = [], [], []
        for k, (projection, feed) in enumerate(zip(layer.projections, plan.feeds, strict=True)):
            assert isinstance(projection, Conv2d)
            assert isinstance(feed, ParallelPlan)
            windows = feed.windows
            taps = Taps(
                channels=windows.channels,
                taps=windows.window.taps,
                planes=windows.planes,
                inputs=feed.inputs,
                rows=tuple(step_rows(projection, feed)),
                neurons=projection.neurons,
                weight_bits=projection.weight_bits,
            )
            projections.append(taps)
            whole = full_matrix(projection)
            matrices.append(whole)
            lanes += [whole[:, s :: feed.inputs] for s in range(feed.inputs)]
            self.readers.append(WindowReader(windows, channels=range(windows.channels), whole=True))
            if feed.steps > 1:
                name = f"{plan.layer}_weights{k}"
                self.roms.append(Rom(name=name, rows=taps.rows, bits=taps.row_bits, ports=1))
        value_bits = max(2, *(taps.weight_bits for taps in projections))
        self.unit = Unit(
            ParallelEngine(projections, value_bits=value_bits),
            Accumulators(
                neurons(matrices, lanes, offsets),
                weight_bits=value_bits,
                planes=plan.planes,
                scores=False,
            ),
            discards=False,
            name="",
        )
        self.units = [self.unit]

    def window_readers(self) -> list[tuple[str, WindowReader]]:
        """Every line buffer, with the path of its reader."""
        return [(f"reader{k}", reader) for k, reader in enumerate(self.readers)]

    def build(self, m: Module, inputs: list) -> None:
        """Join them, and the streams of words that come in, one a projection."""
        self.unit.build(m)
        engine = self.unit.engine
        for k, (reader, words) in enumerate(zip(self.readers, inputs, strict=True)):
            m.submodules[f"reader{k}"] = reader
            m.d.comb += [
                reader.i.eq(words.payload),
                reader.push.eq(words.valid & words.ready),
                words.ready.eq(reader.room),
            ]
            wiring.connect(m, reader.o, getattr(engine, f"i{k}"))
        for n, (rom, (k, _)) in enumerate(zip(self.roms, engine.stored(), strict=True)):
            m.submodules[f"weights{n}"] = rom
            m.d.comb += [
                rom.en[0].eq(1),
                rom.addr[0].eq(engine.addr[: rom.address_bits]),
                getattr(engine, f"data{k}").eq(rom.data[0]),
            ]
