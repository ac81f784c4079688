"""A simulated board: its serial line, at the other end of which a host may be."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.manifest import Manifest

from .benches.bench_board import BENCH, COMMAND, READ, REPLY, WRITE
from .builds import built
from .harness import TOP
from .runner import RESULTS, RUN_LOG, copy_memories, verilog_of
from .simulators import BENCH_ENVIRONMENT, CHILD_FAILED, tail, unusable

SOCKET = "line.sock"
#: For a simulation to begin, and to end after its last word.
_SECONDS_TO_START, _SECONDS_TO_END = 60, 10


def harness(manifest: Manifest, shell: str) -> str:
    """Verilog that joins a shell, whose module is ``shell``, to the core, and has its pins."""
    d_in, d_out = manifest.input.tdata_bits, manifest.output.tdata_bits
    streams = "sm" if manifest.load is None else "smw"
    shared = (
        *(
            f"{port}_axis_t{name}"
            for port in streams
            for name in ("data", "valid", "ready", "last")
        ),
        *("frame_error", "frame_error_clear"),
        *(() if manifest.load is None else ("loaded",)),
    )
    load = ""
    if manifest.load is not None:
        load = f"""  wire [{manifest.load.tdata_bits - 1}:0] w_axis_tdata;
  wire w_axis_tvalid, w_axis_tready, w_axis_tlast, loaded;
"""
    joined = ", ".join(f".{name}({name})" for name in shared)
    return f"""`timescale 1ns/1ps
module {TOP};
  reg clk /*verilator public_flat_rw*/;
  reg rst /*verilator public_flat_rw*/;
  reg rx /*verilator public_flat_rw*/;
  wire tx /*verilator public_flat_rw*/;
  initial begin clk = 0; rst = 1; rx = 1; end

  wire [{d_in - 1}:0] s_axis_tdata;
  wire s_axis_tvalid, s_axis_tready, s_axis_tlast;
  wire [{d_out - 1}:0] m_axis_tdata;
  wire m_axis_tvalid, m_axis_tready, m_axis_tlast;
  wire [1:0] frame_error;
  wire frame_error_clear, heartbeat, busy, error;
{load}
  {shell} shell (
    .clk(clk), .rst(rst), .rx(rx), .tx(tx),
    .heartbeat(heartbeat), .busy(busy), .error(error),
    {joined}
  );
  {manifest.top} core (
    .clk(clk), .rst(rst),
    {joined}
  );
endmodule
"""


class SimulatedLine:
    """A serial line to a board that is simulated, in step with whoever uses it.

    Semantics: time passes in ``read`` alone, until something came or, with all sent, nothing for
    ``silence`` cycles.  The bench plays the pin bit by bit, at a clock of its own.

    Parameters
    ----------
    core: folder of the emitted core.
    shell: its Verilog; shell_module: the name of its module.
    cycles_a_bit: of the line.
    silence: see above.

    Raises InputError on an absent simulator, ToolError if the simulation ends by itself.
    """

    name = "sim"

    def __init__(
        self,
        core: Path,
        shell: str,
        *,
        shell_module: str,
        cycles_a_bit: int,
        silence: int,
        simulator: str = "verilator",
    ):
        reason = unusable(simulator)
        if reason:
            raise InputError(f"{simulator}: {reason}")
        manifest = Manifest.read(core)
        self.silence = silence
        with ExitStack() as stack:
            folder = tempfile.TemporaryDirectory(prefix="s2nn-hw-")
            self._work = Path(stack.enter_context(folder))
            copy_memories(core, manifest, self._work)
            texts = {
                "harness.v": harness(manifest, shell_module),
                "shell.v": shell,
                manifest.verilog: verilog_of(core, manifest),
            }
            self._runner, build, _ = stack.enter_context(built(texts, simulator))
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            try:
                listener.bind(str(self._work / SOCKET))
            except OSError as error:  # the name is too long
                raise ToolError(f"{self._work / SOCKET}: {error}") from error
            listener.listen(1)
            listener.settimeout(0.1)
            self._thread = threading.Thread(
                target=self._simulate, args=(build, cycles_a_bit), daemon=True
            )
            self._thread.start()
            stack.callback(self._end)
            self._socket = stack.enter_context(self._accepted(listener))
            self._stack = stack.pop_all()

    def _simulate(self, build: Path, cycles_a_bit: int) -> None:
        with suppress(*CHILD_FAILED):
            self._runner.test(
                test_module="sim.benches.bench_board",
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                build_dir=build,
                test_dir=self._work,
                results_xml=str(self._work / RESULTS),
                extra_env={
                    **BENCH_ENVIRONMENT,
                    BENCH: json.dumps(
                        {"socket": str(self._work / SOCKET), "cycles_a_bit": cycles_a_bit}
                    ),
                },
                log_file=self._work / RUN_LOG,
            )

    def _accepted(self, listener: socket.socket) -> socket.socket:
        for _ in range(_SECONDS_TO_START * 10):
            try:
                connection, _ = listener.accept()
                connection.settimeout(None)
                return connection
            except TimeoutError:
                if not self._thread.is_alive():
                    break
        raise ToolError(f"the simulation did not begin: {tail(self._work / RUN_LOG)}")

    def write(self, data: bytes) -> None:
        """Give bytes to be sent."""
        self._say(WRITE, len(data), data)

    def read(self) -> bytes:
        """What came, at least a byte; empty if nothing did."""
        self._say(READ, self.silence)
        (size,) = REPLY.unpack(self._hear(REPLY.size))
        return self._hear(size)

    def allow(self, size: int) -> None:
        """Nothing: silence begins when all was sent."""

    def _say(self, command: int, value: int, data: bytes = b"") -> None:
        try:
            self._socket.sendall(COMMAND.pack(command, value) + data)
        except OSError as error:
            raise self._broken() from error

    def _hear(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                piece = self._socket.recv(size - len(data))
            except OSError as error:
                raise self._broken() from error
            if not piece:
                raise self._broken()
            data += piece
        return data

    def _broken(self) -> ToolError:
        self._thread.join(_SECONDS_TO_END)
        return ToolError(f"the simulation ended early: {tail(self._work / RUN_LOG)}")

    def close(self) -> None:
        """End the simulation."""
        self._stack.close()

    def _end(self) -> None:
        """It ends when its socket is closed; else it is made to."""
        self._thread.join(_SECONDS_TO_END)
        if self._thread.is_alive():
            self._runner.end()
            self._thread.join(_SECONDS_TO_END)

    def __enter__(self) -> SimulatedLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
