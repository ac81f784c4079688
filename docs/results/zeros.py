"""Zero-skipping beside the parallel engine, by the rate of spikes: ``zeros.md``.

Run it with ``make results ARGS=zeros`` after ``s2nn-hw data get mnist``; it takes half an hour.
Cycles, toggles and area come out the same on any machine.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import s2nn_hw
from s2nn_hw import datasets, flow, golden
from s2nn_hw.ir import INPUT, FrameFormat, Layer, Network

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "examples" / "mnist-conv"

#: The layer that is looked at, and the source of its spikes.
LAYER, SOURCE = "conv2", "pool1"
FRAMES = 10
RATES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
#: Inputs that an engine adds in a cycle: lanes of the one are as many adders as of the other.
LANES = (4, 8, 16)
ENGINES = ("event", "parallel")
#: What is compared, and its name.
WHAT = {
    "cycles": "cycles",
    "area": "cycles times look-up tables",
    "toggles": "toggles",
}
DEVICE = "LFE5U-85F-6"

INTRODUCTION = """# Zero-skipping beside the parallel engine

Made by `make results ARGS=zeros`. `conv2` of `examples/mnist-conv` (64 neurons a pixel, 32 channels
of 14×14 spikes) with what is behind it, on the event engine and on the parallel one, with as many
inputs added in a cycle: `s2nn-hw verify`, {frames} frames, 0 mismatches. Spikes are those of test
images, of which {measured:.1%} are 1, or are drawn at a rate. Cycles are the interval between
frames, toggles those of `conv2`'s module for a frame, both simulated. An engine that takes half
the cycles and twice the area is no better than two of the other: so cycles are compared times the
look-up tables of `conv2`, too, as `s2nn-hw synth --device {device}` counts them. Below a crossing,
found between the two rates around it, the event engine takes less.

"""


def write() -> None:
    """Measure, and write ``zeros.md`` and ``zeros.json``."""
    whole = s2nn_hw.load(EXAMPLE / "model.s2nn")
    network = behind(whole)
    images = datasets.load("mnist").test_images[:FRAMES]
    real = golden.run(whole, whole.input.quantise(images)).pools[SOURCE].astype(np.uint8)
    rng = np.random.default_rng(0)
    shape = (FRAMES, *network.input.shape)
    played = {"images": real} | {
        rate: (rng.random(shape) < rate).astype(np.uint8) for rate in RATES
    }
    measured = float(real.mean())
    text = [INTRODUCTION.format(frames=FRAMES, measured=measured, device=DEVICE)]
    results: dict[str, Any] = {"measured_rate": measured, "lanes": {}}
    for lanes in LANES:
        luts = {engine: area(network, engine, lanes) for engine in ENGINES}
        rows = {
            engine: {
                str(rate): figures(network, frames, engine, lanes, luts[engine])
                for rate, frames in played.items()
            }
            for engine in ENGINES
        }
        crossings = {
            what: crossing(
                *([rows[engine][str(rate)][what] for rate in RATES] for engine in ENGINES)
            )
            for what in WHAT
        }
        results["lanes"][str(lanes)] = {"lut": luts, "rows": rows, "crossing": crossings}
        text.append(table(lanes, luts, rows, crossings, measured))
    (HERE / "zeros.md").write_text("".join(text))
    (HERE / "zeros.json").write_text(json.dumps(results, indent=1) + "\n")


def behind(network: Network) -> Network:
    """The network from the layer on, whose source is its input."""
    at = [node.name for node in network.layers].index(LAYER)
    first = network.layers[at]
    assert isinstance(first, Layer)
    first = replace(first, projections=tuple(replace(p, source=INPUT) for p in first.projections))
    return Network(
        input=FrameFormat(shape=network.shape(SOURCE)),
        layers=(first, *network.layers[at + 1 :]),
    )


def core(network: Network, engine: str, lanes: int) -> Any:
    """Options of a core whose layer is on that engine."""
    of_layer = [layer.name == LAYER for layer in network.weighted]
    return {
        "engine": [engine if here else "event" for here in of_layer],
        "lanes": [lanes if here else 4 for here in of_layer],
    }


def area(network: Network, engine: str, lanes: int) -> int:
    """Look-up tables of the layer."""
    print(engine, lanes, "area", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        options = core(network, engine, lanes)
        found = flow.synth(network, f"{folder}/core", device=DEVICE, seeds=(), **options)
    return int(found.layers[LAYER]["lut"])


def figures(
    network: Network, frames: np.ndarray, engine: str, lanes: int, lut: int
) -> dict[str, float]:
    """What a frame takes."""
    print(engine, lanes, f"{frames.mean():.3f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        found = flow.verify(network, frames, f"{folder}/core", **core(network, engine, lanes))
    assert found.passed, found.checks
    (layer,) = (layer for layer in found.layers if layer.name == LAYER)
    cycles = found.interval_cycles["mean"]
    return {"cycles": cycles, "area": cycles * lut, "toggles": layer.toggles_per_frame}


def crossing(event: Sequence[float], parallel: Sequence[float]) -> float | None:
    """The rate at which both take the same; None where the event engine always takes less."""
    for k in range(1, len(RATES)):
        before, after = (event[n] - parallel[n] for n in (k - 1, k))
        if before < 0 <= after:
            return RATES[k - 1] + (RATES[k] - RATES[k - 1]) * before / (before - after)
    return None


def table(
    lanes: int,
    luts: dict[str, int],
    rows: dict[str, Any],
    crossings: dict[str, float | None],
    measured: float,
) -> str:
    """Of a number of lanes."""
    lines = [
        f"\n## {lanes} inputs a cycle\n\n",
        f"{luts['event']:,} look-up tables on the event engine, {luts['parallel']:,} on the "
        "parallel one.\n\n",
        "| spikes | cycles, event | parallel | ratio | times look-up tables, ratio "
        "| toggles, event | parallel | ratio |\n",
        "|---|---|---|---|---|---|---|---|\n",
    ]
    for rate in rows["event"]:
        event, parallel = (rows[engine][rate] for engine in ENGINES)
        name = f"images, {measured:.1%}" if rate == "images" else f"{float(rate):.0%}"
        cells = [name]
        for what in WHAT:
            if what != "area":
                cells += [f"{event[what]:,.0f}", f"{parallel[what]:,.0f}"]
            cells.append(f"{event[what] / parallel[what]:.2f}")
        lines.append(f"| {' | '.join(cells)} |\n")
    ends = [
        f"{WHAT[what]} at {rate:.1%} of spikes" if rate is not None else f"{WHAT[what]} nowhere"
        for what, rate in crossings.items()
    ]
    return "".join(lines) + f"\nThey cross in {', in '.join(ends)}.\n"
