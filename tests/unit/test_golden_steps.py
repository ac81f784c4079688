"""Networks of several steps, of biases and of thresholds by pixel, against plain Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import s2nn_hw
from s2nn_hw import golden
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, InputError, Layer, Network, Pool

RESETS = ("soft", "hard", "none")


def dense(rng: np.random.Generator, source: str, inputs: int, neurons: int) -> Dense:
    weights = rng.integers(-3, 4, (neurons, inputs))
    return Dense(source=source, weights=weights, weight_bits=3)


def stepped(number: int, **options: Any) -> Network:
    """A map, a pool, two dense layers and a readout, all with biases."""
    rng = np.random.default_rng(number)
    bits = int(rng.integers(1, 3))
    pooled = ("or", "sum")[number % 2]
    layers: list[Layer | Pool] = [
        Layer(
            name="conv",
            projections=(
                Conv2d(
                    source=INPUT,
                    weights=rng.integers(-3, 4, (3, 2, 3, 3)),
                    weight_bits=3,
                    padding=(1, 1),
                ),
            ),
            thresholds=rng.integers(-2, 6, (3, 4, 4) if rng.integers(2) else 3),
        ),
        Pool(name="pool", source="conv", kind=pooled, kernel=(2, 2), stride=(2, 2)),
        Layer(
            name="one",
            projections=(dense(rng, "pool", 12, 5),),
            thresholds=rng.integers(-2, 6, 5),
        ),
        Layer(
            name="two",
            projections=(dense(rng, "one", 5, 4), dense(rng, "pool", 12, 4)),
            thresholds=rng.integers(-2, 6, 4),
        ),
        Layer(name="readout", projections=(dense(rng, "two", 4, 3),)),
    ]
    for k, layer in enumerate(layers):
        if isinstance(layer, Pool):
            continue
        spiking = not layer.is_readout
        layers[k] = replace(
            layer,
            bias=rng.integers(-2, 3, layer.neurons),
            initial=rng.integers(-2, 3, layer.neurons) if spiking and rng.integers(2) else None,
            reset=RESETS[rng.integers(3)],
            leak=int(rng.integers(3)),
        )
    found = Network(input=FrameFormat(shape=(2, 4, 4), bits=bits), layers=tuple(layers), **options)
    found.check()
    return found


def by_hand(network: Network, fed: np.ndarray) -> tuple[dict[str, list[Any]], np.ndarray]:
    """Spikes by layer and step, and the scores, of one frame, neuron by neuron."""
    membranes: dict[str, dict[tuple[int, ...], int]] = {}
    seen: dict[str, list[Any]] = {node.name: [] for node in network.layers}
    scores = np.zeros(network.classes, np.int64)
    for frame in fed:
        values: dict[str, np.ndarray] = {INPUT: frame.astype(np.int64)}
        for node in network.layers:
            if isinstance(node, Pool):
                x = values[node.source]
                out = np.zeros(network.shape(node.name), np.int64)
                for c, y, z in np.ndindex(out.shape):
                    window = x[c, 2 * y : 2 * y + 2, 2 * z : 2 * z + 2]
                    out[c, y, z] = window.max() if node.kind == "or" else window.sum()
                values[node.name] = out
                seen[node.name].append(out)
                continue
            out = np.zeros(network.shape(node.name), np.int64)
            for at in np.ndindex(out.shape):
                u = 0 if node.bias is None else int(node.bias[at[0]])
                for p in node.projections:
                    x = values[p.source]
                    if isinstance(p, Conv2d):
                        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
                        window = padded[:, at[1] : at[1] + 3, at[2] : at[2] + 3]
                        u += int((window * p.weights[at[0]]).sum())
                    else:
                        u += int((x.ravel() * p.weights[at[0]]).sum())
                if node.thresholds is None:
                    scores[at] += u
                    continue
                theta = int(node.thresholds[at if node.thresholds.ndim > 1 else at[0]])
                kept = membranes.setdefault(node.name, {})
                start = 0 if node.initial is None else int(node.initial[at[0]])
                v = kept.get(at, start)
                if node.leak:
                    v -= v // 2**node.leak
                v += u
                out[at] = v >= theta
                if v >= theta:
                    v = {"soft": v - theta, "hard": 0, "none": v}[node.reset]
                kept[at] = v
                low, high = network.membrane_range(node)
                assert low[at[0]] <= v <= high[at[0]]
            values[node.name] = out
            seen[node.name].append(out)
    return seen, scores


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from(("direct", "rate")))
def test_every_spike_and_score_is_that_of_plain_python(seed: int, steps: int, coding: str) -> None:
    network = stepped(seed, steps=steps, coding=coding, seed=seed)
    frames = np.random.default_rng(seed).integers(
        0, network.input.maximum, (3, 2, 4, 4), endpoint=True, dtype=np.uint8
    )
    trace = golden.run(network, frames, batch=2)
    fed = network.coded(frames)
    assert fed.shape == (3, steps, 2, 4, 4)
    for k in range(len(frames)):
        seen, scores = by_hand(network, fed[k])
        np.testing.assert_array_equal(trace.scores[k], scores)
        for name, values in {**trace.spikes, **trace.pools}.items():
            np.testing.assert_array_equal(values[k * steps : (k + 1) * steps], seen[name])
    low, high = network.score_range()
    assert (low <= trace.scores).all()
    assert (trace.scores <= high).all()


def test_what_a_frame_is_coded_to_follows_seed_and_index() -> None:
    network = stepped(2, steps=500, coding="rate", seed=5)
    frames = np.full((2, 2, 4, 4), 0, np.uint8)
    frames[:, 1] = network.input.maximum
    fed = network.coded(frames)
    assert not fed[:, :, 0].any()
    assert fed[:, :, 1].all()
    two = replace(network, input=FrameFormat(shape=(2, 4, 4), bits=2))
    frames[:] = 2
    fed = two.coded(frames)
    assert abs(fed.mean() - 2 / 3) < 0.01
    assert (fed[0] != fed[1]).any()
    assert (replace(two, seed=6).coded(frames) != fed).any()
    np.testing.assert_array_equal(two.coded(frames[:1]), fed[:1])
    assert two.maximum(INPUT) == 1
    assert two.bits(INPUT) == 1


def test_the_draws_are_written_down() -> None:
    """Another version of numpy must not give others."""
    network = Network(
        input=FrameFormat(shape=(4,), bits=8),
        layers=(Layer(name="out", projections=(dense(np.random.default_rng(0), INPUT, 4, 2),)),),
        steps=2,
        coding="rate",
        seed=3,
    )
    words = [int(w) for w in np.random.Philox(key=3, counter=[0, 0, 0, 1]).random_raw(2)]
    draws = [word >> 16 * k & 0xFFFF for word in words for k in range(4)]
    frame = np.array([0, 100, 200, 255], np.uint8)
    wanted = [int(r) * 255 < int(p) * 65536 for r, p in zip(draws, [*frame, *frame], strict=True)]
    np.testing.assert_array_equal(network.coded(np.stack([frame] * 2))[1].ravel(), wanted)


def test_a_file_holds_steps_and_membranes(tmp_path: Path) -> None:
    for seed in range(6):
        before = stepped(seed, steps=3, coding="rate", seed=9)
        before = golden.observed(before, np.ones((4, 2, 4, 4), np.uint8))
        s2nn_hw.save(before, tmp_path / "m.s2nn")
        after = s2nn_hw.load(tmp_path / "m.s2nn")
        assert after.digest() == before.digest()
        assert (after.steps, after.coding, after.seed) == (3, "rate", 9)
        assert len(after.activity["conv"]) == 12 == len(after.samples[INPUT])
        for a, b in zip(after.weighted, before.weighted, strict=True):
            assert (a.reset, a.leak) == (b.reset, b.leak)
            for what in ("thresholds", "bias", "initial"):
                x, y = getattr(a, what), getattr(b, what)
                assert (x is None) == (y is None)
                np.testing.assert_array_equal(x, y)


def test_all_of_it_is_in_the_digest() -> None:
    base = stepped(1, steps=2)
    layer = base.layers[2]
    assert isinstance(layer, Layer)
    assert layer.bias is not None

    def changed(**what: Any) -> Network:
        layers = list(base.layers)
        layers[2] = replace(layer, **what)
        return replace(base, layers=tuple(layers))

    others = [
        replace(base, steps=3),
        replace(base, coding="rate"),
        replace(base, coding="rate", seed=1),
        changed(bias=layer.bias + 1),
        changed(initial=np.full(5, 7)),
        changed(reset=next(r for r in RESETS if r != layer.reset)),
        changed(leak=layer.leak + 1),
    ]
    assert len({base.digest(), *(other.digest() for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("the network's steps must be 1…1024, not 0", {"steps": 0}),
        ("the network's steps must be 1…1024, not True", {"steps": True}),
        ("the network's seed must be 0…18446744073709551615, not -1", {"seed": -1}),
        ("the coding must be direct or rate, not 'ttfs'", {"coding": "ttfs"}),
    ],
)
def test_steps_that_cannot_be_are_told(what: str, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=what):
        replace(stepped(1), **options).check()


@pytest.mark.parametrize(
    ("at", "what", "options"),
    [
        (2, "layer 'one': bias must be 5 integers, not int64 of shape", {"bias": [1, 2]}),
        (2, "layer 'one': initial must be 5 integers, not float64", {"initial": np.zeros(5)}),
        (2, "layer 'one': reset must be soft, hard, none, not 'zero'", {"reset": "zero"}),
        (2, "layer 'one': leak must be 0…52, not -1", {"leak": -1}),
        (2, "layer 'one': leak must be 0…52, not 1.5", {"leak": 1.5}),
        (2, "layer 'one': thresholds must be 5 integers", {"thresholds": np.ones((5, 1, 1), int)}),
        (0, "layer 'conv': thresholds must be 3 integers", {"thresholds": np.ones((3, 2, 4), int)}),
        (4, "layer 'readout': a readout must have no initial", {"initial": [1, 2, 3]}),
        (2, "layer 'one': a threshold must be below 2\\^53", {"thresholds": [2**60] * 5}),
        (2, "layer 'one': potentials must stay below 2\\^53", {"bias": [2**52] * 5}),
    ],
)
def test_membranes_that_cannot_be_are_told(at: int, what: str, options: dict[str, Any]) -> None:
    base = stepped(1, steps=3)
    layers = list(base.layers)
    layers[at] = replace(layers[at], **options)
    with pytest.raises(InputError, match=what):
        replace(base, layers=tuple(layers)).check()
