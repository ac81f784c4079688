"""The bench for any network: driven by the manifest, judged by the golden model's answers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from s2nn_hw.manifest import Manifest
from sim.observation import Observation
from sim.scoreboard import judge
from sim.vectors import Expected

#: Tells the bench where the core lies; its own folder is the one it runs in.
CORE = "S2NN_HW_CORE"
VERDICTS = "verdicts.json"
RESET_CYCLES = 4


@cocotb.test()
async def network(dut) -> None:
    """Play all beats, then compare everything that was seen."""
    manifest = Manifest.read(Path(os.environ[CORE]))

    Clock(dut.clk, 10, unit="ns").start()
    for _ in range(RESET_CYCLES):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.done)

    seen, expected = Observation.read(Path(), manifest), Expected.read(Path())
    verdicts = judge(manifest, seen, expected)
    Path(VERDICTS).write_text(json.dumps([verdict.as_dict() for verdict in verdicts]))
    failed = [f"{verdict.name}: {verdict.detail}" for verdict in verdicts if not verdict.passed]
    if not verdicts or failed:
        raise RuntimeError("; ".join(failed) or "nothing was checked")
