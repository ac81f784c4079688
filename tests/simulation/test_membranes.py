"""Cores of several steps on both simulators, and as netlists."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2nn_hw import flow


@pytest.mark.parametrize("coding", ["direct", "rate"])
@pytest.mark.parametrize("engine", ["event", "parallel", "unrolled"])
def test_both_simulators_agree(engine, coding, tmp_path: Path, stepping, simulator) -> None:
    made = stepping(coding)
    found = [
        flow.verify(
            made.network,
            made.frames,
            tmp_path / name,
            simulator=simulator(name),
            engine=engine,
            stall=stall,
        )
        for name, stall in (("verilator", "random"), ("icarus", "slow-sink"), ("icarus", "none"))
    ]
    assert all(result.passed for result in found)
    steady = found[-1]
    assert steady.interval_cycles["mean"] == steady.interval_predicted_mean
    assert {layer.name for layer in steady.layers} == {"conv", "flat", "readout"}


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
