"""The ports of a core under a bus model that is not ours: cocotbext-axi."""

from __future__ import annotations

import json
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiStreamBus, AxiStreamSink, AxiStreamSource

#: What to play, and what came of it.
PLAY, SEEN = "play.json", "seen.json"
CLOCK_NS = 10


def pauses(seed: int, share: float):
    """Whether to pause, cycle by cycle; in runs, too."""
    rng = random.Random(seed)
    while True:
        paused = rng.random() < share
        yield from [paused] * rng.choice([1, 1, 2, 7])


@cocotb.test()
async def ports(dut) -> None:
    """Round by round: send frames, collect results, look at frame_error and clear it.

    A round may begin with a frame of which a reset of one cycle cuts off the rest.
    """
    play = json.loads(Path(PLAY).read_text())
    dut.rst.value = 1
    dut.frame_error_clear.value = 0
    Clock(dut.clk, CLOCK_NS, unit="ns").start()
    source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst)
    sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
    source.set_pause_generator(pauses(play["seed"], play["pauses"][0]))
    sink.set_pause_generator(pauses(play["seed"] + 1, play["pauses"][1]))
    # At power-up, too, a cycle must do.
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)

    seen = []
    for turn in play["rounds"]:
        if turn["cut"]:
            await source.send(bytes.fromhex(turn["cut"]))
            await ClockCycles(dut.clk, turn["cycles"])
            dut.rst.value = 1
            await RisingEdge(dut.clk)
            dut.rst.value = 0
            source.clear()
            sink.clear()
            await ClockCycles(dut.clk, 2)
        for frame in turn["frames"]:
            await source.send(bytes.fromhex(frame))
        limit = play["cycles"] * (len(turn["frames"]) + 1) * CLOCK_NS
        results = [
            bytes((await with_timeout(sink.recv(), limit, "ns")).tdata).hex()
            for _ in range(turn["results"])
        ]
        await with_timeout(source.wait(), limit, "ns")
        # What comes too much must have the time to come.
        await ClockCycles(dut.clk, play["cycles"])
        while not sink.empty():
            results.append(bytes(sink.recv_nowait().tdata).hex())
        errors = [int(dut.frame_error.value)]
        dut.frame_error_clear.value = 1
        await RisingEdge(dut.clk)
        dut.frame_error_clear.value = 0
        await ClockCycles(dut.clk, 2)
        errors.append(int(dut.frame_error.value))
        seen.append({"results": results, "errors": errors})
    Path(SEEN).write_text(json.dumps(seen))
