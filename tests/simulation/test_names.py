"""Any valid name of a layer works: whatever else is called so in the Verilog."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

import s2nn_hw
from s2nn_hw import flow
from s2nn_hw.ir import Network

NAMES = (
    # of Verilog
    *("module", "reg", "logic"),
    # of the core's ports, signals and other instances
    *("clk", "rst", "s_axis_tdata", "count_cycles", "guard", "gather", "fork", "events"),
    *("i0__valid", "layer_reg"),
    # of other layers' parts, once their paths are joined to one word
    *("a", "a_engine", "a_weights0_rom1", "a_weights0_rom2"),
)


def test_every_name_works(tmp_path, icarus):
    rng = np.random.default_rng(3)
    sizes = [9] * len(NAMES)
    weights = [rng.integers(-3, 4, (n, 9)) for n in (*sizes, 3)]
    chain = s2nn_hw.from_arrays(weights, [*(rng.integers(-1, 2, 9) for _ in sizes), None])
    names = dict(zip((layer.name for layer in chain.layers), NAMES, strict=False))
    layers = tuple(
        dataclasses.replace(
            layer,
            name=names.get(layer.name, layer.name),
            projections=tuple(
                dataclasses.replace(p, source=names.get(p.source, p.source))
                for p in layer.projections
            ),
        )
        for layer in chain.layers
    )
    network = Network(input=chain.input, layers=layers)
    frames = rng.integers(0, 2, (6, 9))
    result = flow.verify(
        network, frames, tmp_path / "out", simulator=icarus, lanes=2, counters=True, stall="random"
    )
    assert result.passed, result.checks
    assert {layer.name for layer in result.layers} >= set(NAMES)
    assert all(layer.toggles_per_frame is not None for layer in result.layers)
    modules = re.findall(r"^module (\S+?) ?\(", (tmp_path / "out/s2nn_core.v").read_text(), re.M)
    assert len(set(modules)) == len(modules)
    assert "s2nn_core_a_engine" in modules
