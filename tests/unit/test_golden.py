"""The golden model against sums written out in numpy and in Python."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2nn_hw import golden
from s2nn_hw.ir import Dense, FrameFormat, InputError, Layer, Network, from_arrays


def by_hand(net: Network, frame: np.ndarray[Any, Any]) -> tuple[dict[str, list[int]], list[int]]:
    """One frame in Python integers, neuron by neuron, as DESIGN.md's semantics read."""
    values = {"input": [int(x) for x in frame.ravel()]}
    for layer in net.layers:
        potentials = []
        for j in range(layer.neurons):
            u = 0
            for p in layer.projections:
                for i, x in enumerate(values[p.source]):
                    u += int(p.weights[j, i]) * x
            potentials.append(u)
        if layer.thresholds is None:
            return {k: v for k, v in values.items() if k != "input"}, potentials
        values[layer.name] = [
            int(u >= int(theta)) for u, theta in zip(potentials, layer.thresholds, strict=True)
        ]
    raise AssertionError("a network ends in a readout")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=6))
    bits = draw(st.integers(1, 8))
    weight_bits = draw(st.sampled_from([1, 2, 3, 4, 8]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = max(1, 2 ** (weight_bits - 1) - 1)
    weights, thresholds = [], []
    for inputs, neurons in itertools.pairwise(sizes):
        w = rng.integers(-top, top, (neurons, inputs), endpoint=True)
        weights.append(np.where(w == 0, 1, w) if weight_bits == 1 else w)
        reach = top * inputs * (2**bits - 1)
        thresholds.append(rng.integers(-reach - 1, reach + 1, neurons, endpoint=True))
    return from_arrays(weights, [*thresholds[:-1], None], input_bits=bits, weight_bits=weight_bits)


@given(networks(), st.integers(1, 7), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_equals_the_sums_by_hand(net: Network, count: int, batch: int, seed: int) -> None:
    frames = np.random.default_rng(seed).integers(
        0, net.input.maximum, (count, net.input.size), endpoint=True
    )
    trace = golden.run(net, frames, batch=batch)
    for k, frame in enumerate(frames):
        spikes, scores = by_hand(net, frame)
        assert trace.scores[k].tolist() == scores
        assert {name: rows[k].tolist() for name, rows in trace.spikes.items()} == spikes
        assert trace.classes[k] == scores.index(max(scores))


def test_a_residual_adds_before_the_threshold() -> None:
    net = Network(
        input=FrameFormat(shape=(2,)),
        layers=(
            Layer(
                name="a",
                projections=(
                    Dense(source="input", weights=np.eye(2, dtype=np.int8), weight_bits=2),
                ),
                thresholds=np.array([1, 1]),
            ),
            Layer(
                name="b",
                projections=(
                    Dense(source="a", weights=np.ones((1, 2), np.int8), weight_bits=2),
                    Dense(source="input", weights=np.ones((1, 2), np.int8), weight_bits=2),
                ),
                thresholds=np.array([3]),
            ),
            Layer(
                name="c",
                projections=(Dense(source="b", weights=np.ones((1, 1), np.int8), weight_bits=2),),
                thresholds=None,
            ),
        ),
    )
    trace = golden.run(net, [[0, 0], [1, 0], [1, 1]])
    assert trace.spikes["b"].ravel().tolist() == [0, 0, 1]
    assert trace.scores.ravel().tolist() == [0, 0, 1]


def test_equality_fires_and_the_first_maximum_wins() -> None:
    net = from_arrays([[[2], [2]], [[1, 0], [0, 1], [1, 0]]], [[2, 3], None])
    trace = golden.run(net, [[1]])
    assert trace.spikes["hidden1"].tolist() == [[1, 0]]
    assert trace.scores.tolist() == [[1, 0, 1]]
    assert trace.classes.tolist() == [0]


def test_thresholds_at_both_extremes() -> None:
    """Always and never, up to the ends of 64 bits."""
    least, greatest = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    net = from_arrays([[[1]] * 4, [[1] * 4]], [[least, 0, 2, greatest], None])
    trace = golden.run(net, [[0], [1]])
    assert trace.spikes["hidden1"].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0]]


def test_types_and_progress() -> None:
    net = from_arrays([[[1]], [[1]]], [[1], None])
    seen: list[int] = []
    trace = golden.run(net, np.ones((5, 1), np.uint8), batch=2, progress=seen.append)
    assert seen == [2, 4, 5]
    assert trace.spikes["hidden1"].dtype == np.uint8
    assert trace.scores.dtype == trace.classes.dtype == np.int64


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((0, 2), int), "at least one image"),
        (np.zeros((1, 3), int), "must have shape"),
        ([[0, 2]], "a pixel must be 0…1"),
        ([[0.0, 1.0]], "pixels must be integers"),
    ],
)
def test_wrong_images_are_told(images: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        golden.run(from_arrays([[[1, 1]]], [None]), images)
