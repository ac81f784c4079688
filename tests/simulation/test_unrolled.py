"""Unrolled cores in both simulators, as Verilog and as netlists, and one with a wrong wire."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import flow, golden
from s2nn_hw.flow.emit import build
from s2nn_hw.flow.stimulus import stimulus
from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network
from s2nn_hw.manifest import sha256
from sim import runner

TOP = "s2nn_core"


def chain() -> Network:
    rng = np.random.default_rng(3)
    weights = [rng.integers(-3, 4, (n, m)) for n, m in ((12, 40), (9, 12), (5, 9))]
    return s2nn_hw.from_arrays(weights, [rng.integers(-2, 5, 12), rng.integers(-2, 4, 9), None])


def maps() -> Network:
    """A convolution, a strided one joined with another branch, a readout of the map."""
    rng = np.random.default_rng(4)

    def conv(source: str, shape: tuple[int, ...], **options) -> Conv2d:
        weights = rng.integers(-3, 4, shape).astype(np.int8)
        return Conv2d(source=source, weights=weights, weight_bits=3, **options)

    head = Dense(source="b", weights=rng.integers(-3, 4, (3, 27)).astype(np.int8), weight_bits=3)
    return Network(
        input=FrameFormat(shape=(2, 5, 5), bits=2),
        layers=(
            Layer(
                name="a",
                projections=(conv("input", (3, 2, 3, 3), padding=(1, 1)),),
                thresholds=rng.integers(-2, 8, 3),
            ),
            Layer(
                name="b",
                projections=(
                    conv("a", (3, 3, 3, 3), padding=(1, 1), stride=(2, 2)),
                    conv("input", (3, 2, 1, 1), stride=(2, 2)),
                ),
                thresholds=rng.integers(-2, 5, 3),
            ),
            Layer(name="readout", projections=(head,), thresholds=None),
        ),
    )


def images(network: Network, frames: int = 20) -> np.ndarray:
    rng = np.random.default_rng(6)
    shape = (frames, *network.input.shape)
    return rng.integers(0, network.input.maximum, shape, endpoint=True).astype(np.uint8)


@pytest.mark.parametrize(
    ("made", "engine", "stall"),
    [
        (chain, "unrolled", "none"),
        (chain, "unrolled", "random"),
        (maps, "unrolled", "random"),
        (maps, "mixed", "none"),
    ],
)
def test_both_simulators_to_the_toggle(made, engine, stall, tmp_path, simulator):
    network = made()
    engines = "unrolled" if engine == "unrolled" else ["unrolled", "event", "unrolled"]
    results = [
        flow.verify(
            network,
            images(network),
            tmp_path / name,
            engine=engines,
            counters=True,
            stall=stall,
            seed=5,
            simulator=name,
        )
        for name in ("verilator", "icarus")
    ]
    assert all(result.passed for result in results), results[0].checks
    assert results[0].toggles_per_frame == results[1].toggles_per_frame
    assert results[0].modules == results[1].modules


@pytest.mark.parametrize("device", ["LFE5U-25F", "iCE40UP5K"])
def test_the_netlist_does_the_same(device, tmp_path, icarus):
    pytest.importorskip("pyosys")
    result = flow.verify(
        chain(),
        images(chain()),
        tmp_path / "out",
        engine="unrolled",
        netlist=device,
        stall="random",
        simulator="icarus",
    )
    assert result.passed, result.checks
    assert flow.certify(tmp_path / "out").passed


def test_a_wrong_wire_is_seen(tmp_path, icarus):
    """What the certificate's check finds, the bench finds, too."""
    network = chain()
    core = build(network, engine="unrolled")
    played = stimulus(
        network, core, images(network), stall="none", seed=0, progress=lambda *_: None
    )
    text = core.files[f"{TOP}.v"]
    start = text.index(f"module {TOP}_hidden2_engine_pipeline(")
    outputs = re.compile(r"if \(moves\) o <= \{ ([^,]+), ([^,]+), ").search(text, start)
    assert outputs is not None
    wrong = text[: outputs.start(1)] + outputs[2] + text[outputs.end(1) :]
    core.write(tmp_path)
    (tmp_path / f"{TOP}.v").write_text(wrong)
    manifest = dataclasses.replace(
        core.manifest, files={**core.manifest.files, f"{TOP}.v": sha256(wrong.encode())}
    )
    (tmp_path / f"{TOP}.json").write_text(manifest.to_json())
    vectors = dataclasses.replace(played.vectors, dump=None)
    found = runner.simulate(tmp_path, vectors, simulator="icarus")
    assert "spikes hidden2" in {v.name for v in found.verdicts if not v.passed}
    assert golden.run(network, images(network)).spikes["hidden2"].any()
