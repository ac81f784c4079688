"""The bench of a circuit with flat ports: a clock; the harness does the rest."""

from __future__ import annotations

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from sim.flat import RESET_CYCLES


@cocotb.test()
async def flat(dut) -> None:
    """Run until the harness has played all."""
    Clock(dut.clk, 10, unit="ns").start()
    for _ in range(RESET_CYCLES):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.done)
