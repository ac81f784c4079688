"""The core: ports, layers in a chain, counters."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.layers.dense import DenseLayer
from rtl_gen.layers.readout import Readout
from rtl_gen.lib.gather import Gather
from rtl_gen.lib.guard import FrameGuard
from rtl_gen.plan import CorePlan
from s2nn_hw.ir import Network

#: Counters wrap around.
COUNTER_BITS = 32


class Core(wiring.Component):
    """A network as a pipeline between two AXI4-Streams.

    Semantics: frames in as InputPort lays them out, results out as OutputPort does, one for each
    whole frame, in order.  A frame of another length leaves nothing but a bit in ``frame_error``.

    Members
    -------
    s_axis_…: frames in.
    m_axis_…: results out.
    frame_error: sticky, bit 0 after a TLAST that came early, bit 1 after one that came late.
    frame_error_clear: clears both.
    count_cycles, count_<layer>_events: if the plan asks for them, cycles since reset and events
        taken; they wrap around at 2**32.
    """

    def __init__(self, network: Network, plan: CorePlan):
        self.network = network
        self.plan = plan
        self.layers: list[DenseLayer | Readout] = []
        for k, (layer, layer_plan) in enumerate(zip(network.layers, plan.layers, strict=True)):
            if layer.is_readout:
                self.layers.append(Readout(layer, layer_plan, plan.output))
            else:
                self.layers.append(DenseLayer(layer, layer_plan, plan.layers[k + 1]))
        members = {
            "s_axis_tdata": In(plan.input.tdata_bits),
            "s_axis_tvalid": In(1),
            "s_axis_tready": Out(1),
            "s_axis_tlast": In(1),
            "m_axis_tdata": Out(plan.output.tdata_bits),
            "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1),
            "m_axis_tlast": Out(1),
            "frame_error": Out(2),
            "frame_error_clear": In(1),
        }
        super().__init__({**members, **{name: Out(COUNTER_BITS) for name in self.counters}})

    @property
    def counters(self) -> tuple[str, ...]:
        """Names of the counter ports."""
        if not self.plan.counters:
            return ()
        return ("count_cycles", *(f"count_{layer.name}_events" for layer in self.network.layers))

    def elaborate(self, platform):
        m = Module()
        m.submodules.guard = guard = FrameGuard(self.plan.input)
        m.submodules.gather = gather = Gather(self.plan.input, self.plan.gather)
        m.d.comb += [
            guard.tdata.eq(self.s_axis_tdata),
            guard.tvalid.eq(self.s_axis_tvalid),
            guard.tlast.eq(self.s_axis_tlast),
            self.s_axis_tready.eq(guard.tready),
            self.frame_error.eq(guard.error),
            guard.error_clear.eq(self.frame_error_clear),
        ]
        wiring.connect(m, guard.o, gather.i)

        source = gather.o
        for layer in self.layers:
            name = layer.layer.name
            # A target that writes Verilog takes the layers one by one.
            part = platform.add_part(layer, name) if hasattr(platform, "add_part") else layer
            m.submodules[name] = part
            wiring.connect(m, source, layer.i)
            source = layer.o
        m.d.comb += [
            self.m_axis_tdata.eq(source.p.data),
            self.m_axis_tvalid.eq(source.valid),
            self.m_axis_tlast.eq(source.p.last),
            source.ready.eq(self.m_axis_tready),
        ]

        if self.plan.counters:
            m.d.sync += self.count_cycles.eq(self.count_cycles + 1)
            for layer in self.layers:
                count = getattr(self, f"count_{layer.layer.name}_events")
                m.d.sync += count.eq(count + layer.events)
        return m
