"""Cores made by hand for the bench itself: no generator, so that neither proves the other."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

import s2nn_hw
from rtl_gen.emit import verilog
from s2nn_hw.flow.emit import Core, build
from s2nn_hw.flow.stimulus import Stimulus, stimulus
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network, Pool
from s2nn_hw.manifest import InputPort, Manifest, OutputPort, Probe, sha256
from sim import runner
from sim.harness import READY_PERIOD, SETTLE
from sim.vectors import Vectors

PIXELS, PIXELS_PER_BEAT = 6, 2
INPUT = InputPort(tdata_bits=8, pixel_bits=1, pixels_per_beat=PIXELS_PER_BEAT, pixels=PIXELS)
OUTPUT = OutputPort(tdata_bits=16, class_bits=8, score_bits=8, classes=1)


class Summer(wiring.Component):
    """Counts the ones of a frame of three beats: its score; the class is always 0.

    A stage holds one result; no beat comes in while it waits.  A result is offered in the cycle
    after its frame's last beat was accepted.  ``fault`` names a way to be wrong.
    """

    FAULTS = (
        "none",
        "wrong sum",  # the beats' first pixels alone
        "ignores valid",  # takes what the source shows between beats
        "restless payload",  # data change while they wait
        "drops valid",  # valid falls before ready came
        "dead",  # never ready
        "mute",  # never valid
        "echo",  # every result twice
        "endless",  # results without end
        "no last",  # TLAST never comes
        "late",  # a result waits a cycle more
        "wrong spikes",  # the probe shows one neuron more
    )

    def __init__(self, fault: str):
        assert fault in self.FAULTS
        self.fault = fault
        super().__init__(
            {
                "s_axis_tdata": In(8),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "s_axis_tlast": In(1),
                "m_axis_tdata": Out(16),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
                "frame_error": Out(2),
                "frame_error_clear": In(1),
                # Ports only so that their names survive; the bench sees them as probes.
                "fire_valid": Out(1),
                "fire": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        fault = self.fault
        total = Signal(8)
        held = Signal(8)
        full = Signal()
        age = Signal()
        extra = Signal()
        taken = (self.s_axis_tvalid | (fault == "ignores valid")) & self.s_axis_tready
        left = self.m_axis_tvalid & self.m_axis_tready
        ones = self.s_axis_tdata[0] + (0 if fault == "wrong sum" else self.s_axis_tdata[1])
        ends = taken & self.s_axis_tlast
        m.d.comb += [
            self.s_axis_tready.eq(0 if fault == "dead" else ~full),
            self.m_axis_tlast.eq(fault != "no last"),
            self.m_axis_tdata[8:].eq(held),
            self.m_axis_tvalid.eq(full & (age if fault == "late" else 1)),
            self.fire_valid.eq(ends),
            self.fire.eq((total + ones) & 1 | (2 if fault == "wrong spikes" else 0)),
        ]
        m.d.sync += age.eq(full & ~left)
        with m.If(left & (fault != "endless")):
            m.d.sync += [full.eq(extra), extra.eq(0)]
        with m.If(taken):
            m.d.sync += total.eq(total + ones)
        with m.If(ends):
            m.d.sync += [total.eq(0), held.eq(total + ones), full.eq(fault != "mute")]
            m.d.sync += extra.eq(fault == "echo")
        if fault == "restless payload":
            m.d.comb += self.m_axis_tdata[:8].eq(age)
        if fault == "drops valid":
            with m.If(full & ~self.m_axis_tready):
                m.d.sync += full.eq(0)
        return m


@dataclass(frozen=True)
class Bench:
    """A folder with a hand-made core, and frames (n, pixels) to play to it."""

    folder: Path
    manifest: Manifest
    frames: np.ndarray

    def vectors(self, **changes) -> Vectors:
        """All frames, streamed, with the right answers, unless something is changed."""
        n, beats = len(self.frames), INPUT.beats
        scores = self.frames.sum(axis=1, dtype=np.int64)
        last = np.tile(np.arange(beats) == beats - 1, n)
        values = {
            "digest": self.manifest.digest,
            "data": INPUT.pack(self.frames).reshape(n * beats, -1),
            "last": last,
            "waits": np.zeros(n * beats, np.int64),
            "need": np.zeros(n * beats, np.int64),
            "ready": np.ones(READY_PERIOD, np.bool_),
            "spikes": {"hidden1": np.stack([scores & 1, scores * 0], axis=1).astype(np.uint8)},
            "scores": scores[:, None],
            "classes": np.zeros(n, np.int64),
            "accepted": None,
            "delivered": None,
            "timeout": 500,
        }
        return Vectors(**{**values, **changes})

    def timed(self, waits, need, ready) -> Vectors:
        """With the cycles that follow from Summer's and Vectors' docstrings."""
        accepted, delivered = [], []
        clock, full_until, left = -1, -1, -1
        for k, wait in enumerate(waits.tolist()):
            if need[k]:
                clock = max(clock, left) + SETTLE
            clock = max(clock + 1 + wait, full_until + 1)
            accepted.append(clock)
            if k % INPUT.beats == INPUT.beats - 1:
                left = clock + 1
                while not ready[left % READY_PERIOD]:
                    left += 1
                delivered.append(left)
                full_until = left
        return self.vectors(
            waits=waits,
            need=need,
            ready=ready,
            accepted=np.array(accepted),
            delivered=np.array(delivered),
        )

    def rewritten(self, text: str) -> Bench:
        """The same core with other Verilog."""
        manifest = write(self.folder, self.manifest.top, text, nets=self.manifest.nets)
        return Bench(self.folder, manifest, self.frames)

    def run(self, vectors: Vectors, simulator: str = "icarus") -> runner.Simulation:
        """In a simulator that starts in no time."""
        return runner.simulate(self.folder, vectors, simulator=simulator)


@pytest.fixture
def summer(tmp_path) -> Callable[..., Bench]:
    """A Summer with a fault, and seeded frames."""

    def make(fault: str = "none", frames: int = 20) -> Bench:
        folder = tmp_path / fault.replace(" ", "_")
        folder.mkdir()
        text = verilog(Summer(fault), "summer")
        rng = np.random.default_rng(7)
        bench = write(
            folder,
            "summer",
            text,
            probes=(Probe(layer="hidden1", valid="fire_valid", data="fire", channels=2),),
            nets={"": ("total", "held", "full")},
        )
        return Bench(folder, bench, rng.integers(0, 2, (frames, PIXELS), dtype=np.uint8))

    return make


@pytest.fixture
def handmade(tmp_path) -> Callable[..., Bench]:
    """A core of any Verilog with Summer's ports."""

    def make(top: str, text: str, frames: np.ndarray, nets: dict) -> Bench:
        return Bench(tmp_path, write(tmp_path, top, text, nets=nets), frames)

    return make


def write(folder: Path, top: str, text: str, *, probes=(), nets=None) -> Manifest:
    """Verilog and manifest of a core with Summer's ports."""
    (folder / f"{top}.v").write_text(text)
    manifest = Manifest(
        top=top,
        digest=sha256(text.encode()),
        network="0" * 64,
        options={},
        files={f"{top}.v": sha256(text.encode())},
        input=INPUT,
        output=OUTPUT,
        layers=(),
        probes=probes,
        counters=(),
        nets=nets or {},
        timing={},
        versions={},
    )
    (folder / f"{top}.json").write_text(manifest.to_json())
    return manifest


@pytest.fixture(scope="session")
def simulator() -> Callable[[str], str]:
    """Skips, by name, a test whose simulator is absent; where CI is set that is a failure."""

    def need(name: str) -> str:
        reason = runner.unusable(name)
        if reason:
            if os.environ.get("CI"):
                pytest.fail(f"{name}: {reason}")
            pytest.skip(f"{name}: {reason}")
        return name

    return need


@pytest.fixture
def icarus(simulator) -> str:
    """Starts in no time."""
    return simulator("icarus")


@pytest.fixture(params=["verilator", "icarus"])
def each(request, simulator) -> str:
    """Both."""
    return simulator(request.param)


@dataclass(frozen=True, kw_only=True)
class Emitted:
    """A core of the generator in a folder, and frames (n, *shape) for it."""

    network: s2nn_hw.Network
    core: Core
    folder: Path
    frames: np.ndarray

    def stimulus(self, stall: str = "none", seed: int = 0) -> Stimulus:
        """What flow.verify would play."""
        return stimulus(
            self.network, self.core, self.frames, stall=stall, seed=seed, progress=lambda *_: None
        )

    def run(self, vectors: Vectors, simulator: str = "icarus") -> runner.Simulation:
        """Play the vectors."""
        return runner.simulate(self.folder, vectors, simulator=simulator)


@pytest.fixture(scope="session")
def emitted(tmp_path_factory) -> Callable[..., Emitted]:
    """Emits a random network of the sizes given, once a session; nobody changes its folder."""

    @functools.cache
    def make(
        *sizes: int,
        input_bits: int = 1,
        weight_bits: int = 4,
        lanes: int = 2,
        frames: int = 24,
        counters: bool = True,
        seed: int = 8,
        engine: str = "event",
        **options: Any,
    ) -> Emitted:
        rng = np.random.default_rng(seed)
        limit = max(1, 2 ** (weight_bits - 1) - 1)
        values = np.arange(-limit, limit + 1) if weight_bits > 1 else np.array([-1, 1])
        weights = [rng.choice(values, (n, m)) for m, n in itertools.pairwise(sizes)]
        thresholds = [rng.integers(-3, 4, n) for n in sizes[1:-1]]
        network = s2nn_hw.from_arrays(weights, [*thresholds, None], input_bits, weight_bits)
        density = rng.choice([0.0, 0.1, 0.5, 1.0], (frames, 1), p=[0.1, 0.3, 0.5, 0.1])
        pixels = rng.integers(1, 2**input_bits, (frames, sizes[0]))
        pixels = (pixels * (rng.random(pixels.shape) < density)).astype(np.uint8)
        core = build(
            network,
            engine=engine,
            lanes=lanes,
            top="s2nn_core",
            counters=counters,
            **options,
        )
        folder = tmp_path_factory.mktemp("core")
        core.write(folder)
        return Emitted(network=network, core=core, folder=folder, frames=pixels)

    return make


@pytest.fixture(scope="session")
def maps(tmp_path_factory) -> Emitted:
    """Convolutions of two windows at a time, one of them with a join, a pool of sums, a readout."""
    rng = np.random.default_rng(6)

    def conv(source: str, shape: tuple[int, ...], **options) -> Conv2d:
        weights = rng.integers(-3, 4, shape).astype(np.int8)
        return Conv2d(source=source, weights=weights, weight_bits=3, **options)

    network = Network(
        input=FrameFormat(shape=(2, 6, 7)),
        layers=(
            Layer(
                name="conv1",
                projections=(conv("input", (4, 2, 3, 3), padding=(1, 1)),),
                thresholds=rng.integers(-1, 4, 4),
            ),
            Layer(
                name="join",
                projections=(
                    conv("conv1", (4, 4, 3, 3), padding=(1, 1)),
                    conv("input", (4, 2, 1, 1)),
                ),
                thresholds=rng.integers(-1, 4, 4),
            ),
            Pool(name="pool", source="join", kind="sum", kernel=(3, 3), stride=(2, 2)),
            Layer(
                name="readout",
                projections=(
                    Dense(
                        source="pool",
                        weights=rng.integers(-3, 4, (3, 4 * 2 * 3)).astype(np.int8),
                        weight_bits=3,
                    ),
                ),
            ),
        ),
    )
    density = rng.choice([0.1, 0.4, 0.9], (12, 1, 1, 1))
    frames = (rng.random((12, 2, 6, 7)) < density).astype(np.uint8)
    core = build(network, engine="event", lanes=2, top="s2nn_core", counters=True)
    folder = tmp_path_factory.mktemp("maps")
    core.write(folder)
    return Emitted(network=network, core=core, folder=folder, frames=frames)


@pytest.fixture(scope="session")
def summed(tmp_path_factory) -> Emitted:
    """A convolution, whose sum over the whole map is joined with the two dense layers behind it."""
    rng = np.random.default_rng(9)

    def weights(*shape: int):
        return rng.integers(-3, 4, shape).astype(np.int8)

    conv = Conv2d(source="input", weights=weights(7, 2, 3, 3), weight_bits=3, padding=(1, 1))
    hidden = Dense(source="pool", weights=weights(5, 7), weight_bits=3)
    heads = (
        Dense(source="hidden", weights=weights(3, 5), weight_bits=3),
        Dense(source="pool", weights=weights(3, 7), weight_bits=3),
    )
    network = Network(
        input=FrameFormat(shape=(2, 6, 5)),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=rng.integers(-1, 4, 7)),
            Pool(name="pool", source="conv", kind="sum", kernel=(6, 5), stride=(6, 5)),
            Layer(name="hidden", projections=(hidden,), thresholds=rng.integers(-9, 9, 5)),
            Layer(name="readout", projections=heads),
        ),
    )
    density = rng.choice([0.0, 0.1, 0.4, 0.9], (12, 1, 1, 1))
    frames = (rng.random((12, 2, 6, 5)) < density).astype(np.uint8)
    core = build(network, lanes=2, top="s2nn_core", counters=True)
    folder = tmp_path_factory.mktemp("summed")
    core.write(folder)
    return Emitted(network=network, core=core, folder=folder, frames=frames)


@pytest.fixture(scope="session")
def stepping(tmp_path_factory) -> Callable[..., Emitted]:
    """Emits a core of three steps: a map and a dense layer that leak and are reset otherwise."""

    @functools.cache
    def make(coding: str = "direct", frames: int = 12, engine: str = "event") -> Emitted:
        network = _stepping(coding)
        pixels = np.random.default_rng(5).integers(0, 4, (frames, 2, 4, 5), dtype=np.uint8)
        core = build(network, engine=engine, top="s2nn_core", counters=True)
        folder = tmp_path_factory.mktemp("stepping")
        core.write(folder)
        return Emitted(network=network, core=core, folder=folder, frames=pixels)

    return make


def _stepping(coding: str) -> Network:
    """A map and a dense layer that leak and are reset in different ways."""
    rng = np.random.default_rng(4)

    def dense(source: str, inputs: int, neurons: int) -> Dense:
        return Dense(source=source, weights=rng.integers(-3, 4, (neurons, inputs)), weight_bits=3)

    edge = np.zeros((3, 4, 5), np.int64)
    edge[:, 0] = 1
    edge[:, :, -1] -= 1
    return Network(
        input=FrameFormat(shape=(2, 4, 5), bits=2),
        layers=(
            Layer(
                name="conv",
                projections=(
                    Conv2d(
                        source="input",
                        weights=rng.integers(-3, 4, (3, 2, 3, 3)),
                        weight_bits=3,
                        padding=(1, 1),
                    ),
                ),
                thresholds=edge + np.array([6, 4, 8])[:, None, None],
                initial=np.array([2, -1, 3]),
                leak=2,
            ),
            Layer(
                name="flat",
                projections=(dense("conv", 60, 6),),
                thresholds=np.array([3, 5, 2, 4, 1, 6]),
                bias=np.array([1, 0, -1, 2, 0, -2]),
                reset="hard",
            ),
            Layer(name="readout", projections=(dense("flat", 6, 3),), bias=np.array([1, 0, -1])),
        ),
        steps=3,
        coding=coding,
        seed=1,
    )


@pytest.fixture(scope="session")
def small(emitted) -> Emitted:
    """The core that most tests share: one bit a pixel, two lanes, two layers."""
    return emitted(40, 9, 3)


@pytest.fixture(scope="session")
def unrolled(emitted) -> Emitted:
    """A core of nothing but pipelines, a frame in five beats."""
    return emitted(40, 9, 3, lanes=8, engine="unrolled", family="ecp5", freq=300)


@pytest.fixture(scope="session")
def loaded(emitted) -> Emitted:
    """A core whose first layer's weights are loaded, three words a row."""
    return emitted(40, 40, 3, lanes=1, memory=("ram", "rom"), family="ice40")


@pytest.fixture(scope="session")
def planes(emitted) -> Emitted:
    """The same of three bits a pixel: what is added is shifted."""
    return emitted(40, 9, 3, input_bits=3)


@pytest.fixture(scope="session")
def doubled(emitted) -> Emitted:
    """The same of four bits a pixel: potentials double."""
    return emitted(40, 9, 3, input_bits=4)
