"""Cores of several steps on both simulators, and as netlists."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2nn_hw import flow


@pytest.mark.parametrize("coding", ["direct", "rate"])
@pytest.mark.parametrize("engine", ["event", "parallel", "unrolled"])
def test_every_engine_is_exact(engine, coding, tmp_path: Path, stepping, icarus) -> None:
    made = stepping(coding, frames=6)
    result = flow.verify(
        made.network,
        made.frames,
        tmp_path / "out",
        simulator="icarus",
        engine=engine,
        stall="random",
    )
    assert result.passed
    assert {layer.name for layer in result.layers} == {"conv", "flat", "readout"}


def test_both_simulators_agree(tmp_path: Path, stepping, simulator) -> None:
    made = stepping()
    found = [
        flow.verify(made.network, made.frames, tmp_path / name, simulator=simulator(name))
        for name in ("verilator", "icarus")
    ]
    assert all(result.passed for result in found)
    one, other = found
    assert one.interval_cycles["mean"] == one.interval_predicted_mean
    assert one.toggles_per_frame == other.toggles_per_frame


@pytest.mark.parametrize("device", ["LFE5U-25F", "iCE40HX8K"])
def test_the_netlist_is_the_same(device: str, tmp_path: Path, stepping, icarus) -> None:
    made = stepping(frames=4)
    result = flow.verify(
        made.network,
        made.frames,
        tmp_path / "out",
        simulator="icarus",
        netlist=device,
        stall="random",
    )
    assert result.passed
    assert result.netlist is not None
