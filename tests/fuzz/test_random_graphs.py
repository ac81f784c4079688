"""Random graphs of every kind of layer: the Verilog is the golden model, in value and cycle.

``make fuzz`` tries hundreds, CI some; S2NN_HW_FUZZ is their number.  What is drawn depends on the
number of the shard alone.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, note, reject, seed, settings
from hypothesis import strategies as st

import sim.runner
from rtl_gen.lanes import ENGINES, lanes_of
from s2nn_hw import golden
from s2nn_hw.flow.emit import build
from s2nn_hw.flow.outcome import findings
from s2nn_hw.flow.stimulus import stimulus
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, InputError, Layer, Network, Pool, Window
from sim.stall import PATTERNS

FRAMES = 4
SHARDS = 12
#: The first graph of a shard is the simplest that can be drawn.
GRAPHS = int(os.environ.get("S2NN_HW_FUZZ", "24"))
#: A shard's graphs, the same each time.
SHARE = settings(
    max_examples=-(-GRAPHS // SHARDS),
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> np.ndarray:
    if bits == 1:
        return rng.choice(np.array([-1, 1], np.int8), shape)
    limit = max(1, 2 ** (bits - 1) - 1)
    return rng.integers(-limit, limit + 1, shape).astype(np.int8)


@st.composite
def windows(draw, size: tuple[int, int]) -> Window:
    """Kernel, stride and padding that fit a map."""
    pairs = {}
    kernel = [draw(st.integers(1, min(4, n + 1))) for n in size]
    pairs["padding"] = tuple(draw(st.integers(0, k - 1)) for k in kernel)
    kernel = [min(k, n + 2 * p) for k, n, p in zip(kernel, size, pairs["padding"], strict=True)]
    pairs["kernel"] = tuple(max(k, p + 1) for k, p in zip(kernel, pairs["padding"], strict=True))
    pairs["stride"] = tuple(draw(st.sampled_from([1, 1, 1, 2, 3])) for _ in size)
    return Window(**pairs)


@st.composite
def networks(draw) -> Network:
    """A graph of up to six layers and pools, and a readout of all that nothing else reads."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 8)), draw(st.integers(1, 8)))
    input_ = FrameFormat(shape=shape, bits=draw(st.sampled_from([1, 1, 1, 2, 3])))
    shapes: dict[str, tuple[int, ...]] = {INPUT: shape}
    maxima = {INPUT: input_.maximum}
    nodes: list[Layer | Pool] = []
    read: set[str] = set()

    def projection(source: str, neurons: int, window: Window) -> Conv2d:
        channels = shapes[source][0]
        groups = draw(
            st.sampled_from([g for g in range(1, channels + 1) if channels % g == neurons % g == 0])
        )
        bits = draw(st.integers(1, 4))
        return Conv2d(
            source=source,
            weights=weights(rng, (neurons, channels // groups, *window.kernel), bits),
            weight_bits=bits,
            stride=window.stride,
            padding=window.padding,
            groups=groups,
        )

    def firing(name: str, projections: tuple[Conv2d | Dense, ...]) -> Layer:
        ranges = [p.potential_range(maxima[p.source]) for p in projections]
        low, high = (int(np.sum([r[k] for r in ranges], axis=0).mean()) for k in (0, 1))
        thresholds = rng.integers(low // 4, max(high // 3, low // 4) + 2, projections[0].neurons)
        return Layer(name=name, projections=projections, thresholds=thresholds)

    for k in range(draw(st.sampled_from([0, 1, 2, 2, 3, 3, 4, 6]))):
        name = f"l{k}"
        maps = [s for s, found in shapes.items() if len(found) == 3]
        unread = [s for s in maps if s not in read] or maps
        source = draw(st.sampled_from(unread if draw(st.integers(0, 2)) else maps))
        kind = draw(st.sampled_from(["conv", "conv", "conv", "join", "join", "pool", "dense"]))
        if kind == "pool":
            whole = Window(kernel=shapes[source][1:], stride=shapes[source][1:])
            window = draw(st.one_of(st.just(whole), windows(shapes[source][1:])))
            pool = Pool(
                name=name,
                source=source,
                kind="sum" if maxima[source] > 1 else draw(st.sampled_from(["or", "sum"])),
                kernel=window.kernel,
                stride=window.stride,
                padding=window.padding,
            )
            if pool.maximum(maxima[source]) > 63:
                continue
            nodes.append(pool)
            shapes[name] = pool.output_shape(shapes[source], maxima[source])
            maxima[name] = pool.maximum(maxima[source])
        elif kind == "dense":
            bits = draw(st.integers(1, 4))
            neurons = draw(st.integers(1, 9))
            size = int(np.prod(shapes[source]))
            dense = Dense(
                source=source, weights=weights(rng, (neurons, size), bits), weight_bits=bits
            )
            nodes.append(firing(name, (dense,)))
            shapes[name], maxima[name] = (neurons,), 1
        else:
            window = draw(windows(shapes[source][1:]))
            neurons = draw(st.integers(1, 6))
            first = projection(source, neurons, window)
            shape = first.output_shape(shapes[source], name)
            projections = [first]
            if kind == "join":
                for other in reversed(maps):
                    # A window that gives the same shape of another map, if there is one.
                    strides = [
                        max(1, round(n / m))
                        for n, m in zip(shapes[other][1:], shape[1:], strict=True)
                    ]
                    short = Window(kernel=(1, 1), stride=tuple(strides))
                    if short.output(shapes[other][1:], name) == shape[1:]:
                        projections.append(projection(other, neurons, short))
                        break
            nodes.append(firing(name, tuple(projections)))
            shapes[name], maxima[name] = shape, 1
        read.update(p.source for p in getattr(nodes[-1], "projections", (nodes[-1],)))
    classes = draw(st.integers(1, 5))
    ends = [s for s in shapes if s not in read]
    heads = []
    for source in ends:
        bits = draw(st.integers(1, 4))
        size = int(np.prod(shapes[source]))
        heads.append(
            Dense(source=source, weights=weights(rng, (classes, size), bits), weight_bits=bits)
        )
    nodes.append(Layer(name="readout", projections=tuple(heads)))
    shapes["readout"] = (classes,)
    network = Network(
        input=input_,
        layers=tuple(draw(membranes(node, shapes[node.name], rng)) for node in nodes),
        steps=draw(st.sampled_from([1, 1, 1, 2, 3])),
        coding=draw(st.sampled_from(["direct", "direct", "rate"])),
        seed=draw(st.integers(0, 9)),
    )
    network.check()
    return network


@st.composite
def membranes(draw, node: Layer | Pool, shape: tuple[int, ...], rng: np.random.Generator):
    """The node with what its neurons may have beside a threshold."""
    if isinstance(node, Pool) or draw(st.sampled_from([True, True, False])):
        return node
    node = dataclasses.replace(node, bias=rng.integers(-3, 4, node.neurons))
    if node.thresholds is None:
        return node
    thresholds = node.thresholds
    if node.is_map and draw(st.booleans()):
        kinds = thresholds[:, None, None] + rng.integers(-2, 3, (node.neurons, 2, 3))
        rows, columns = (rng.integers(0, n, m) for n, m in zip((2, 3), shape[1:], strict=True))
        thresholds = kinds[:, rows][:, :, columns]
    return dataclasses.replace(
        node,
        thresholds=thresholds,
        initial=draw(st.sampled_from([None, rng.integers(-3, 4, node.neurons)])),
        reset=draw(st.sampled_from(["soft", "soft", "hard", "none"])),
        leak=draw(st.sampled_from([0, 0, 1, 3])),
    )


def described(network: Network) -> str:
    lines = [
        f"input {network.input.shape}, {network.input.bits} bits, {network.steps} steps, "
        f"{network.coding}"
    ]
    for node in network.layers:
        if isinstance(node, Pool):
            lines.append(f"{node.name}: {node.kind} of {node.source}, {node.window}")
            continue
        parts = [
            f"{type(p).__name__} {p.weights.shape} of {p.source}, {p.weight_bits} bits"
            + (f", {p.window}, {p.groups} groups" if isinstance(p, Conv2d) else "")
            for p in node.projections
        ]
        own = f"{node.reset}, leak {node.leak}, by pixel {node.by_pixel}"
        lines.append(f"{node.name} {network.shape(node.name)} ({own}): " + " + ".join(parts))
    return "\n".join(lines)


def loadable(layer: Layer) -> bool:
    """Whether its weights can be loaded before the first frame."""
    first = layer.projections[0]
    return len(layer.projections) == 1 and not (isinstance(first, Conv2d) and first.groups > 1)


@st.composite
def mixtures(draw, network: Network) -> dict[str, list]:
    """Engine, lanes and memory of each layer, as plans have them."""
    layers = network.weighted
    engines, memory, most = {}, [], []
    for layer in layers:
        kinds = ["event", "unrolled", *(["parallel"] if layer.is_map else [])]
        engines[layer.name] = draw(st.sampled_from(kinds))
        loads = engines[layer.name] == "event" and loadable(layer)
        memory.append(draw(st.sampled_from(["rom", "ram"] if loads else ["rom"])))
        most.append(draw(st.sampled_from([1, 1, 2, 3, 5])))
    loaded = [layer.name for layer, name in zip(layers, memory, strict=True) if name == "ram"]
    usable = [
        lanes_of(network, engines, n, loaded)[k.name] for n, k in zip(most, layers, strict=True)
    ]
    return {"engine": list(engines.values()), "lanes": usable, "memory": memory}


def frames(network: Network, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (FRAMES, *network.input.shape)
    density = rng.choice([0.1, 0.4, 0.8], (FRAMES, 1, 1, 1))
    values = rng.integers(0, network.input.maximum, shape, endpoint=True)
    return (values * (rng.random(shape) < density)).astype(np.uint8)


def verdict(network: Network, played: np.ndarray, work: Path, *, stall: str, seed: int, **options):
    """The checks of flow.verify(), without its figures: counting toggles takes half of its time."""
    core = build(network, **options)
    work = work / "out"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    core.write(work)
    stimulated = stimulus(
        network, core, played, stall=stall, seed=seed, progress=lambda stage, done, total: None
    )
    vectors = dataclasses.replace(stimulated.vectors, dump=None)
    simulation = sim.runner.simulate(work, vectors, simulator="icarus")
    return findings(core, stimulated, simulation)["checks"]


@pytest.fixture
def icarus():
    reason = sim.runner.unusable("icarus")
    if reason and os.environ.get("CI"):
        pytest.fail(f"icarus: {reason}")
    if reason:
        pytest.skip(f"icarus: {reason}")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_graphs(shard, tmp_path, icarus):
    @seed(shard)
    @SHARE
    @given(data=st.data())
    def graph(data):
        network = data.draw(networks())
        options = {
            "lanes": data.draw(st.sampled_from([1, 1, 2, 2, 3, 4, 5, 8])),
            "windows": data.draw(st.sampled_from([None, None, 1, 2])),
            "engine": data.draw(st.sampled_from(["event", "parallel", "unrolled", "mixed"])),
            "family": data.draw(st.sampled_from([None, "ecp5", "ice40"])),
            "memory": data.draw(st.sampled_from(["rom", "rom", "ram"])),
            "stall": data.draw(st.sampled_from(sorted(PATTERNS))),
            "seed": data.draw(st.integers(0, 999)),
        }
        if options["family"] is not None:
            options["freq"] = data.draw(st.sampled_from([None, 30, 300]))
        if options["engine"] == "mixed":
            # As a plan is: each layer its own engine, lanes and memory.
            options |= data.draw(mixtures(network))
        elif options["engine"] != "event" or not all(map(loadable, network.weighted)):
            options["memory"] = "rom"
        note(f"shard {shard}, {options}\n{described(network)}")
        played = frames(network, options["seed"])
        if options["seed"] % 2:
            network = golden.observed(network, played[:3])
        try:
            found = verdict(network, played, tmp_path, **options)
        except InputError as error:
            if "lanes must be 1…" not in str(error):  # the first layer may have fewer inputs
                raise
            reject()
        assert not [f"{check.name}: {check.detail}" for check in found if not check.passed]

    graph()


@st.composite
def chains(draw) -> Network:
    """Two convolutions one behind the other, and a readout."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(3, 7)), draw(st.integers(3, 7))
    channels = draw(st.integers(1, 4))
    input_ = FrameFormat(shape=(channels, *size), bits=draw(st.sampled_from([1, 1, 2])))
    source, most, layers = INPUT, input_.maximum, []
    for name in ("first", "second"):
        window, bits, neurons = (
            draw(windows(size)),
            draw(st.integers(1, 4)),
            draw(st.integers(1, 6)),
        )
        conv = Conv2d(
            source=source,
            weights=weights(rng, (neurons, channels, *window.kernel), bits),
            weight_bits=bits,
            stride=window.stride,
            padding=window.padding,
        )
        low, high = (int(n.mean()) for n in conv.potential_range(most))
        thresholds = rng.integers(low // 4, max(high // 3, low // 4) + 2, neurons)
        layers.append(Layer(name=name, projections=(conv,), thresholds=thresholds))
        source, channels, size, most = name, neurons, window.output(size, name), 1
    inputs = channels * size[0] * size[1]
    head = Dense(source=source, weights=weights(rng, (4, inputs), 3), weight_bits=3)
    network = Network(input=input_, layers=(*layers, Layer(name="readout", projections=(head,))))
    network.check()
    return network


@pytest.mark.parametrize("second", ENGINES)
@pytest.mark.parametrize("first", ENGINES)
def test_every_engine_behind_every_other(first, second, tmp_path, icarus):
    @seed(ENGINES.index(first) * len(ENGINES) + ENGINES.index(second))
    @SHARE
    @given(data=st.data())
    def pair(data):
        network = data.draw(chains())
        last = data.draw(st.sampled_from(["event", "unrolled"]))
        engines = dict(zip((k.name for k in network.weighted), (first, second, last), strict=True))
        most = data.draw(st.integers(1, 6))
        options = {
            "engine": list(engines.values()),
            "lanes": list(lanes_of(network, engines, most).values()),
            "stall": data.draw(st.sampled_from(sorted(PATTERNS))),
            "seed": data.draw(st.integers(0, 999)),
            "family": data.draw(st.sampled_from([None, "ecp5", "ice40", "gowin"])),
        }
        note(f"{options}\n{described(network)}")
        found = verdict(network, frames(network, options["seed"]), tmp_path, **options)
        assert not [f"{check.name}: {check.detail}" for check in found if not check.passed]

    pair()
