"""Cores of several steps, and of thresholds by pixel, in Amaranth's simulator."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

import s2nn_hw
from rtl_gen import timing
from rtl_gen.fabric import Fabric
from rtl_gen.network import Core
from rtl_gen.planner import plan
from s2nn_hw.flow.emit import values
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, Layer, Network, Node, Pool

RESETS = ("soft", "hard", "none")


def weights(rng: np.random.Generator, *shape: int) -> tuple[np.ndarray, int]:
    bits = int(rng.integers(1, 5))
    limit = max(1, 2 ** (bits - 1) - 1)
    choices = np.array([-1, 1]) if bits == 1 else np.arange(-limit, limit + 1)
    return rng.choice(choices, shape), bits


def dense(rng: np.random.Generator, source: str, inputs: int, neurons: int) -> Dense:
    values, bits = weights(rng, neurons, inputs)
    return Dense(source=source, weights=values, weight_bits=bits)


def conv(rng: np.random.Generator, source: str, channels: int, neurons: int, kernel: int) -> Conv2d:
    values, bits = weights(rng, neurons, channels, kernel, kernel)
    padding = (kernel // 2, kernel // 2)
    return Conv2d(source=source, weights=values, weight_bits=bits, padding=padding)


def with_membranes(rng: np.random.Generator, network: Network) -> Network:
    """Biases everywhere, and of hidden layers initial potentials, resets and leaks."""
    layers: list[Node] = []
    for node in network.layers:
        if isinstance(node, Layer):
            node = replace(node, bias=rng.integers(-3, 4, node.neurons))
            if node.thresholds is not None:
                shape = network.shape(node.name)
                by_pixel = node.is_map and rng.random() < 0.5
                kinds = rng.integers(-4, 9, (node.neurons, 2, 3))
                if by_pixel:
                    rows, columns = (
                        rng.integers(0, n, size) for n, size in zip((2, 3), shape[1:], strict=True)
                    )
                    node = replace(node, thresholds=kinds[:, rows][:, :, columns])
                node = replace(
                    node,
                    initial=rng.integers(-3, 4, node.neurons) if rng.random() < 0.7 else None,
                    reset=RESETS[rng.integers(3)],
                    leak=int(rng.integers(4)),
                )
        layers.append(node)
    found = replace(network, layers=tuple(layers))
    found.check()
    return found


def dense_network(rng: np.random.Generator, steps: int, coding: str) -> Network:
    sizes = rng.integers(1, 40, 4).tolist()
    layers = []
    source = INPUT
    for k, (inputs, neurons) in enumerate(itertools.pairwise(sizes)):
        last = k == len(sizes) - 2
        name = "readout" if last else f"hidden{k}"
        thresholds = None if last else rng.integers(-4, 9, neurons)
        layers.append(
            Layer(
                name=name, projections=(dense(rng, source, inputs, neurons),), thresholds=thresholds
            )
        )
        source = name
    bits = int(rng.integers(1, 5))
    return with_membranes(
        rng,
        Network(
            input=FrameFormat(shape=(sizes[0],), bits=bits),
            layers=tuple(layers),
            steps=steps,
            coding=coding,
            seed=int(rng.integers(99)),
        ),
    )


def map_network(rng: np.random.Generator, steps: int, coding: str) -> Network:
    """Two convolutions, a pool, a residual connection."""
    height, width = (int(n) for n in rng.integers(1, 6, 2))
    a, b = (int(n) for n in rng.integers(1, 5, 2))
    kind = str(rng.choice(["or", "sum"]))
    layers = (
        Layer(
            name="one", projections=(conv(rng, INPUT, 2, a, 3),), thresholds=rng.integers(-2, 7, a)
        ),
        Layer(
            name="two",
            projections=(conv(rng, "one", a, b, 3), conv(rng, INPUT, 2, b, 1)),
            thresholds=rng.integers(-2, 7, b),
        ),
        Pool(
            name="pool",
            source="two",
            kind=kind,
            kernel=(1, 1) if min(height, width) < 2 else (2, 2),
            stride=(1, 1) if min(height, width) < 2 else (2, 2),
        ),
    )
    size = (height, width) if min(height, width) < 2 else (height // 2, width // 2)
    layers += (
        Layer(
            name="flat",
            projections=(dense(rng, "pool", b * size[0] * size[1], 6),),
            thresholds=rng.integers(-2, 7, 6),
        ),
        Layer(name="readout", projections=(dense(rng, "flat", 6, 3),)),
    )
    return with_membranes(
        rng,
        Network(
            input=FrameFormat(shape=(2, height, width), bits=int(rng.integers(1, 4))),
            layers=layers,
            steps=steps,
            coding=coding,
            seed=int(rng.integers(99)),
        ),
    )


@pytest.mark.parametrize("seed", range(10))
def test_random_cores_are_exact_in_value_and_cycle(seed, drive, stalling):
    rng = np.random.default_rng(seed)
    steps, coding = int(rng.choice([1, 2, 3, 5])), str(rng.choice(["direct", "rate"]))
    network = (dense_network, map_network)[seed % 2](rng, steps, coding)
    engines = [
        str(
            rng.choice(["event", "parallel", "unrolled"] if layer.is_map else ["event", "unrolled"])
        )
        for layer in network.weighted
    ]
    fabric = Fabric(lut_ram=bool(rng.integers(2)), additions=int(rng.integers(1, 3)))
    lanes = None if rng.integers(2) else int(rng.integers(1, 6))
    chosen = plan(network, engine=engines, lanes=lanes, fabric=fabric)
    count = 4
    shape = (count, *network.input.shape)
    frames = rng.integers(0, network.input.maximum, shape, endpoint=True).astype(np.uint8)
    source = stalling(rng, chosen, count, float(rng.choice([0, 0.3, 0.7])))
    run = drive(Core(network, chosen), network.sent(frames), source)

    trace = s2nn_hw.golden.run(network, frames)
    classes, scores = chosen.output.unpack([data for _, _, data in run.delivered])
    case = f"seed {seed}: {engines}, {steps} steps, {coding}"
    np.testing.assert_array_equal(scores, trace.scores, case)
    np.testing.assert_array_equal(classes, trace.classes, case)
    predicted = timing.schedule(chosen, values(network, frames, trace), source)
    np.testing.assert_array_equal(run.accepted, predicted.accepted.reshape(-1), case)
    cycles = [cycle for cycle, _, _ in run.delivered]
    np.testing.assert_array_equal(cycles, predicted.delivered.reshape(-1), case)
