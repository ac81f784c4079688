"""Circuits with flat ports, such as other generators make, played frame by frame."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from s2nn_hw.ir import InputError, ToolError

from .builds import built
from .harness import TOP
from .simulators import BENCH_ENVIRONMENT, CHILD_FAILED, tail, unusable

INPUTS, OUTPUTS = "inputs.txt", "outputs.txt"
RUN_LOG, RESULTS = "run.log", "results.xml"
#: Cycles for which a circuit that is started may say nothing.
PATIENCE = 100_000
RESET_CYCLES = 4


@dataclass(frozen=True, kw_only=True)
class FlatPorts:
    """Ports of a circuit.

    Parameters
    ----------
    top: module.
    clock: None where it is combinational.
    data, result: names; data_bits, result_bits: their widths.
    started: whether a frame is taken when ``start`` is high and ``ready`` was, after a reset
        ``rst_n``, and its result stands when it is ready again; else one is taken in every cycle.
    """

    top: str
    clock: str | None
    data: str
    data_bits: int
    result: str
    result_bits: int
    started: bool


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came out: in every cycle, or, of a circuit that is started, of every frame.

    values: of the result port, None where a bit of it is unknown.
    cycles: in which each was seen; from that of one to that of the next is the interval.
    """

    values: tuple[int | None, ...]
    cycles: tuple[int, ...]


def play(
    files: Mapping[str, str],
    ports: FlatPorts,
    frames: Sequence[int],
    *,
    after: int = 0,
    simulator: str = "icarus",
) -> Played:
    """Give the frames to a circuit.

    Parameters
    ----------
    files: name → Verilog.
    frames: values of the data port.
    after: cycles for which it is watched after the last frame.

    Raises InputError where the simulator cannot be used, ToolError where it cannot build the
    circuit, or the circuit stops.
    """
    reason = unusable(simulator)
    if reason:
        raise InputError(f"{simulator}: {reason}")
    with tempfile.TemporaryDirectory(prefix="s2nn-hw-") as folder:
        work = Path(folder)
        width = -(-ports.data_bits // 4)
        lines = [f"{frame:0{width}x}" for frame in frames] + ["0" * width] * after
        (work / INPUTS).write_text("\n".join(lines) + "\n")
        texts = {"harness.v": _harness(ports), **files}
        with built(texts, simulator) as (runner, build, _), suppress(*CHILD_FAILED):
            runner.test(
                test_module="sim.benches.bench_flat",
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                build_dir=build,
                test_dir=work,
                results_xml=str(work / RESULTS),
                extra_env=BENCH_ENVIRONMENT,
                log_file=work / RUN_LOG,
            )
        text = (work / OUTPUTS).read_text() if (work / OUTPUTS).is_file() else ""
        words = [line.split() for line in text.splitlines()]
        if len(words) != (len(frames) if ports.started else len(lines)):
            raise ToolError(
                f"{ports.top}: {len(words)} of {len(lines)} results in simulation: "
                f"{tail(work / RUN_LOG)}"
            )
    return Played(
        values=tuple(_number(value) for _, value in words),
        cycles=tuple(int(cycle) for cycle, _ in words),
    )


def _number(text: str) -> int | None:
    try:
        return int(text, 2)
    except ValueError:
        return None


def _harness(ports: FlatPorts) -> str:
    """The module TOP around the circuit, which plays and writes down each cycle."""
    connections = [f".{ports.data}(data)", f".{ports.result}(result)"]
    if ports.clock is not None:
        connections.append(f".{ports.clock}(clk)")
    if ports.started:
        connections += [".rst_n(!rst)", ".start(start)", ".sample_ready(1'b1)", ".ready(ready)"]
    step = _STARTED.format(patience=PATIENCE) if ports.started else _STREAMED
    return f"""`timescale 1ns/1ps
module {TOP};
  reg clk /*verilator public_flat_rw*/;
  reg rst /*verilator public_flat_rw*/;
  reg done /*verilator public_flat_rw*/;
  reg [{ports.data_bits - 1}:0] data, word;
  wire [{max(ports.result_bits, 1) - 1}:0] result;
  reg start, busy, waiting;
  wire ready;
  integer inputs, outputs, cycle, idle;
  {ports.top} dut ({", ".join(connections)});
  initial begin
    clk = 0; rst = 1; done = 0; start = 0; busy = 0; waiting = 0; cycle = 0; idle = 0; data = 0;
    inputs = $fopen("{INPUTS}", "r");
    outputs = $fopen("{OUTPUTS}", "w");
{"" if ports.started else _FIRST}  end
  always @(posedge clk) if (!rst && !done) begin
{step}    cycle = cycle + 1;
  end
endmodule
"""


_FIRST = """    if ($fscanf(inputs, "%h\\n", word) == 1) data = word;
"""

_STREAMED = """    $fwrite(outputs, "%0d %b\\n", cycle, result);
    if ($fscanf(inputs, "%h\\n", word) == 1) data <= word;
    else begin $fclose(outputs); done <= 1; end
"""

_STARTED = """    idle = idle + 1;
    if (start) begin start <= 0; busy <= 1; end
    else if (busy && !ready) busy <= 0;
    else if (!busy && ready) begin
      if (waiting) $fwrite(outputs, "%0d %b\\n", cycle, result);
      idle = 0;
      waiting <= 1;
      if ($fscanf(inputs, "%h\\n", word) == 1) begin data <= word; start <= 1; end
      else begin $fclose(outputs); done <= 1; end
    end
    if (idle > {patience}) begin $fclose(outputs); done <= 1; end
"""
