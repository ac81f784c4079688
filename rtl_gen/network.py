"""The core: ports, the graph of layers, counters."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.circuit import circuit
from rtl_gen.layers.pool import PoolLayer
from rtl_gen.layers.readout import Readout
from rtl_gen.layers.spiking import SpikingLayer
from rtl_gen.lib.fork import Fork
from rtl_gen.lib.gather import Gather
from rtl_gen.lib.guard import FrameGuard
from rtl_gen.lib.loader import Loader
from rtl_gen.lib.replay import Replay
from rtl_gen.lib.shared import add_part
from rtl_gen.names import instance
from rtl_gen.plan import CorePlan, LayerPlan, PoolPlan
from s2nn_hw.ir import INPUT, Layer, Network

#: A layer or pool.
Built = SpikingLayer | Readout | PoolLayer

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
    w_axis_…: if weights are loaded, these, see Loader; a frame waits until they are,
    loaded: ... which they are.
    count_cycles, count_<layer>_events: if the plan asks for them, cycles since reset and events
        taken; they wrap around at 2**32.
    """

    def __init__(self, network: Network, plan: CorePlan):
        self.network = network = circuit(network)
        self.plan = plan
        self.layers: dict[str, Built] = {
            node.name: built(network, plan, node.name) for node in network.layers
        }
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
        if plan.load is not None:
            members |= {
                "w_axis_tdata": In(plan.load.tdata_bits),
                "w_axis_tvalid": In(1),
                "w_axis_tready": Out(1),
                "w_axis_tlast": In(1),
                "loaded": Out(1),
            }
        super().__init__({**members, **{name: Out(COUNTER_BITS) for name in self.counters}})

    @property
    def ports(self) -> tuple[str, ...]:
        """All names, in the order in which Verilog declares them."""
        return ("clk", "rst", *self.signature.members)

    @property
    def counters(self) -> tuple[str, ...]:
        """Names of the counter ports."""
        if not self.plan.counters:
            return ()
        return ("count_cycles", *(f"count_{layer.name}_events" for layer in self.network.weighted))

    def elaborate(self, platform):
        m = Module()
        guard = FrameGuard(self.plan.input)
        gather = Gather(self.plan.input, self.plan.gather)
        add_part(m, platform, "guard", guard)
        add_part(m, platform, "gather", gather)
        ready = self._load(m, platform)
        m.d.comb += [
            guard.tdata.eq(self.s_axis_tdata),
            guard.tvalid.eq(self.s_axis_tvalid if ready is None else self.s_axis_tvalid & ready),
            guard.tlast.eq(self.s_axis_tlast),
            self.s_axis_tready.eq(guard.tready if ready is None else guard.tready & ready),
            self.frame_error.eq(guard.error),
            guard.error_clear.eq(self.frame_error_clear),
        ]
        wiring.connect(m, guard.o, gather.i)
        given = gather.o
        if self.plan.replays:
            replay = Replay(
                positions=self.plan.gather * self.plan.input.pixels_per_beat,
                planes=self.plan.input.pixel_bits,
                words=self.plan.words,
                steps=self.plan.steps,
            )
            add_part(m, platform, "replay", replay)
            wiring.connect(m, given, replay.i)
            given = replay.o

        for name, layer in self.layers.items():
            add_part(m, platform, instance(name), layer)
        readers = self.plan.readers(INPUT)
        words = [given]
        if len(readers) > 1:
            fork = Fork(given.payload.shape(), len(readers))
            add_part(m, platform, "fork", fork)
            wiring.connect(m, given, fork.i)
            words = list(fork.o)
        for source, (reader, k) in zip(words, readers, strict=True):
            _join(m, source, self.layers[reader].input(k))
        for name in self.layers:
            for at, (reader, k) in enumerate(self.plan.readers(name)):
                _join(m, self.layers[name].output(at), self.layers[reader].input(k))
        for node in self.plan.layers:
            if isinstance(node, LayerPlan) and node.follows:
                (before,) = node.sources
                m.d.comb += self.layers[before].gate.eq(self.layers[node.layer].gate_before)
        result = self.layers[self.network.readout.name].o
        m.d.comb += [
            self.m_axis_tdata.eq(result.p.data),
            self.m_axis_tvalid.eq(result.valid),
            self.m_axis_tlast.eq(result.p.last),
            result.ready.eq(self.m_axis_tready),
        ]

        if self.plan.counters:
            m.d.sync += self.count_cycles.eq(self.count_cycles + 1)
            for layer in self.network.weighted:
                count = getattr(self, f"count_{layer.name}_events")
                m.d.sync += count.eq(count + self.layers[layer.name].events)
        return m

    @property
    def loadable(self) -> list[SpikingLayer | Readout]:
        """The layers whose weights are loaded, in the order of their addresses."""
        return [
            layer
            for layer in self.layers.values()
            if not isinstance(layer, PoolLayer) and layer.plan.word
        ]

    def _load(self, m: Module, platform):
        """The port for weights; returns whether they are loaded, None where all are constants."""
        if self.plan.load is None:
            return None
        layers = self.loadable
        loader = Loader(self.plan.load, [len(layer.parts.words) for layer in layers])
        add_part(m, platform, "loader", loader)
        m.d.comb += [
            loader.tdata.eq(self.w_axis_tdata),
            loader.tvalid.eq(self.w_axis_tvalid),
            loader.tlast.eq(self.w_axis_tlast),
            self.w_axis_tready.eq(loader.tready),
            self.loaded.eq(loader.loaded),
        ]
        for k, layer in enumerate(layers):
            m.d.comb += [
                layer.load.eq(getattr(loader, f"write{k}")),
                layer.load_address.eq(loader.address),
                layer.load_data.eq(loader.data),
            ]
        return loader.loaded


def built(network: Network, plan: CorePlan, name: str) -> Built:
    """The layer or pool of that name; ``network`` as it is built, see circuit()."""
    node, node_plan = network.node(name), plan.node(name)
    readers = [plan.node(reader) for reader, _ in plan.readers(name)]
    if isinstance(node_plan, PoolPlan):
        return PoolLayer(node_plan, len(readers))
    assert isinstance(node, Layer)
    if node.is_readout:
        return Readout(node, node_plan, plan.output)
    feeds = [
        None if isinstance(reader, PoolPlan) else reader.feeds[k]
        for reader, (_, k) in zip(readers, plan.readers(name), strict=True)
    ]
    return SpikingLayer(node, node_plan, feeds)


def _join(m: Module, source, sink) -> None:
    """Words to a reader, who may know of planes that are always empty."""
    m.d.comb += [
        sink.valid.eq(source.valid),
        source.ready.eq(sink.ready),
        sink.p.last.eq(source.p.last),
        sink.p.drop.eq(source.p.drop),
    ]
    for b in range(len(source.p.planes)):
        m.d.comb += sink.p.planes[b].eq(source.p.planes[b])
