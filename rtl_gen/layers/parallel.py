"""A layer's part on the parallel engine: line buffers, memories and a unit."""

from amaranth.hdl import Const, Module

from rtl_gen.engines.parallel import ParallelEngine, Taps
from rtl_gen.feeds import ParallelPlan
from rtl_gen.lib.accumulator import Accumulators
from rtl_gen.lib.neuron import Lane, neurons
from rtl_gen.lib.reader import WindowReader
from rtl_gen.lib.rom import Rom
from rtl_gen.plan import LayerPlan
from s2nn_hw.ir import Conv2d, Layer

from .feed import read_windows
from .unit import Unit
from .weights import full_matrix, step_bits, step_rows


class ParallelParts:
    """Makes the parts, and joins them in the layer's module; see EventParts.

    Weights of a projection that takes but one step are constants in its logic.
    """

    def __init__(self, layer: Layer, plan: LayerPlan, offsets: list[int]):
        self.readers: list[WindowReader] = []
        self.roms: list[Rom] = []
        self._rows: list[list[int]] = []
        projections, matrices, lanes, kinds = [], [], [], []
        for k, (projection, feed) in enumerate(zip(layer.projections, plan.feeds, strict=True)):
            assert isinstance(projection, Conv2d)
            assert isinstance(feed, ParallelPlan)
            windows = feed.windows
            taps = Taps(
                channels=windows.channels,
                taps=windows.window.taps,
                planes=windows.planes,
                inputs=feed.inputs,
                steps=feed.steps,
            )
            projections.append(taps)
            whole = full_matrix(projection)
            matrices.append(whole)
            lanes += [whole[:, s :: feed.inputs] for s in range(feed.inputs)]
            kinds += [Lane(weight_bits=step_bits(projection))] * feed.inputs
            self.readers.append(WindowReader(windows, channels=range(windows.channels), whole=True))
            self._rows.append(step_rows(projection, feed))
            if feed.steps > 1:
                bits = feed.inputs * projection.neurons * step_bits(projection)
                name = f"{plan.layer}_weights{k}"
                rows = self._rows[k]
                blocks = plan.fabric.whole(len(rows), 1)
                self.roms.append(Rom(name=name, rows=rows, bits=bits, ports=1, blocks=blocks))
        self.unit = Unit(
            ParallelEngine(projections),
            Accumulators(
                neurons(matrices, lanes, offsets),
                kinds,
                planes=plan.planes,
                scores=plan.sums,
                masked=True,
                mask_stage=plan.mask_stage,
                additions=plan.fabric.additions,
                layer=layer.name,
            ),
            discards=False,
            name="",
        )
        self.units = [self.unit]

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of every potential."""
        return self.units[0].widths

    @property
    def engines(self) -> list[ParallelEngine]:
        """That of the unit."""
        return [self.unit.engine]

    def window_readers(self) -> list[tuple[str, WindowReader]]:
        """Every line buffer, with the path of its reader."""
        return [(f"reader{k}", reader) for k, reader in enumerate(self.readers)]

    def build(self, m: Module, inputs: list) -> None:
        """Join them, and the streams of words that come in, one a projection."""
        self.unit.build(m)
        engine = self.unit.engine
        for k, reader in enumerate(self.readers):
            read_windows(m, k, inputs, reader, getattr(engine, f"i{k}"))
        for n, rom in enumerate(self.roms):
            m.submodules[f"weights{n}"] = rom
            m.d.comb += rom.addr[0].eq(engine.addr[: rom.address_bits])
        roms = iter(self.roms)
        lane = 0
        for taps, rows in zip(engine.projections, self._rows, strict=True):
            wide = len(self.unit.accumulators.row(lane))
            one = taps.steps == 1
            row = Const(rows[0], taps.inputs * wide) if one else next(roms).data[0]
            for s in range(taps.inputs):
                m.d.comb += self.unit.accumulators.row(lane).eq(row[s * wide : (s + 1) * wide])
                lane += 1
