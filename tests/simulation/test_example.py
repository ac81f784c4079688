"""The example of a run: decoded as its docstring says, against the golden model."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from s2nn_hw import flow, golden
from s2nn_hw.flow.emit import build
from s2nn_hw.flow.example import EXAMPLE, example
from s2nn_hw.flow.stimulus import stimulus
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network, Pool


def decoded(entry: dict, steps: int = 1) -> np.ndarray:
    """Values of a layer, or of the input."""
    data = base64.b64decode(entry["values"], validate=True)
    shape, size = tuple(entry["shape"]), int(np.prod(entry["shape"]))
    if "steps" in entry:
        return np.frombuffer(data, np.uint8).reshape(steps, *shape)
    if entry["maximum"] == 1:
        assert len(data) == -(-size // 8)
        bits = [data[k // 8] >> (7 - k % 8) & 1 for k in range(size)]
        return np.array(bits).reshape(shape)
    return np.frombuffer(data, "u1" if entry["maximum"] < 256 else "<u2").reshape(shape)


def example_of(network, core, frames, labels=None) -> dict:
    played = stimulus(network, core, frames, stall="none", seed=0, progress=lambda *_: None)
    return json.loads(example(network, core, played, frames, labels))


@pytest.mark.parametrize("core", ["small", "doubled", "maps", "summed"])
def test_values_are_the_golden_ones(request, core):
    made = request.getfixturevalue(core)
    labels = np.arange(len(made.frames)) % 3 + 1
    data = example_of(made.network, made.core, made.frames, labels)
    check(made, data, 1)
    assert data["label"] == 1
    assert example_of(made.network, made.core, made.frames)["label"] is None


@pytest.mark.parametrize("coding", ["direct", "rate"])
def test_steps(stepping, coding):
    made = stepping(coding)
    data = example_of(made.network, made.core, made.frames)
    check(made, data, 3 if coding == "rate" else 1)
    assert (data["steps"], data["step"]) == (3, 2)
    assert data["input"]["maximum"] == (1 if coding == "rate" else 3)


def check(made, data, input_steps):
    network, manifest = made.network, made.core.manifest
    steps = network.steps
    trace = golden.run(network, made.frames[:1])
    assert data.keys() == {
        *("schema", "digest", "frame", "label", "class", "steps", "step"),
        *("input", "layers", "scores"),
    }
    assert data["schema"] == 1
    assert data["digest"] == manifest.digest
    assert data["frame"] == 0
    assert data["class"] == trace.classes[0]
    assert data["scores"] == trace.scores[0].tolist()
    assert data["input"]["steps"] == input_steps
    sent = network.coded(made.frames[:1])[0]
    assert np.array_equal(decoded(data["input"], input_steps), sent[:input_steps])
    hidden = manifest.layers[:-1]
    assert [entry["name"] for entry in data["layers"]] == [entry.name for entry in hidden]
    for entry in data["layers"]:
        pool = entry["name"] in trace.pools
        assert entry["kind"] == ("pool" if pool else "layer")
        values = (trace.pools if pool else trace.spikes)[entry["name"]]
        assert len(values) == steps
        assert np.array_equal(decoded(entry), values[-1])
        assert entry["maximum"] >= values.max()


def test_pools_of_every_kind():
    """Of spikes the greatest, sums, and sums that a byte does not hold."""
    rng = np.random.default_rng(2)

    def pool(name: str, source: str, kind: str, kernel: int) -> Pool:
        size = (kernel, kernel)
        return Pool(name=name, source=source, kind=kind, kernel=size, stride=size)

    conv = Conv2d(source="input", weights=rng.integers(-3, 4, (3, 1, 1, 1)), weight_bits=3)
    heads = tuple(
        Dense(source=source, weights=rng.integers(-3, 4, (2, inputs)), weight_bits=3)
        for source, inputs in (("most", 27), ("sum", 12), ("wide", 9))
    )
    network = Network(
        input=FrameFormat(shape=(1, 6, 6), bits=8),
        layers=(
            Layer(name="conv", projections=(conv,), thresholds=np.array([1, 0, -200])),
            pool("most", "conv", "or", 2),
            pool("sum", "conv", "sum", 3),
            pool("wide", "input", "sum", 2),
            Layer(name="readout", projections=heads),
        ),
    )
    frames = rng.integers(0, 256, (2, 1, 6, 6), dtype=np.uint8)
    frames[0, 0, :2, :2] = 255
    core = build(network)
    data = example_of(network, core, frames)
    found = {entry["name"]: (entry["maximum"], decoded(entry)) for entry in data["layers"]}
    conv_map = found["conv"][1].reshape(3, 3, 2, 3, 2)
    assert np.array_equal(found["most"][1], conv_map.max(axis=(2, 4)))
    assert found["sum"][0] == 9
    by_three = found["conv"][1].reshape(3, 2, 3, 2, 3)
    assert np.array_equal(found["sum"][1], by_three.sum(axis=(2, 4)))
    assert found["wide"][0] == 1020
    tiles = frames[0].reshape(1, 3, 2, 3, 2).astype(int).sum(axis=(2, 4))
    assert tiles.max() > 255
    assert np.array_equal(found["wide"][1], tiles)


def test_verify_leaves_it(icarus, tmp_path, small):
    out = tmp_path / "a"
    options = {"lanes": 2, "simulator": icarus, "counters": True}
    labels = np.full(len(small.frames), 2)
    result = flow.verify(small.network, small.frames, out, labels=labels, **options)
    data = json.loads((out / EXAMPLE).read_text())
    assert data == example_of(small.network, small.core, small.frames, labels)
    assert data["digest"] == result.digest
    assert data["label"] == 2
