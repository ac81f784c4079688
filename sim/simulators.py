"""The simulators: which there are, and cocotb's runners for them, as we need them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import cocotb_tools.runner

from s2nn_hw.ir import InputError

from . import verilator

SIMULATORS = ("verilator", "icarus")
#: For a child to end in when it is asked to.
_PATIENCE_SECONDS = 3

#: A second level of optimisation takes twice as long to build, and models are no faster for it.
#: The library's own checks look each changed net up once more: dumps take three times as long.
MAKE_ARGS = ["OPT_FAST=-O1", "OPT_GLOBAL=-O2 -DNDEBUG"]

#: Benches assert nothing; for those that do, cocotb parses every module anew, NumPy's, too.
BENCH_ENVIRONMENT = {"COCOTB_REWRITE_ASSERTION_FILES": ""}

#: How cocotb's runner says that a command it ran has failed.
CHILD_FAILED = (SystemExit, RuntimeError, subprocess.CalledProcessError)


def unusable(simulator: str) -> str | None:
    """Why the simulator cannot be used here, None if it can."""
    if simulator not in SIMULATORS:
        raise InputError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    if simulator == "verilator":
        return verilator.missing()
    absent = [tool for tool in ("iverilog", "vvp") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} must be installed" if absent else None


def version(simulator: str) -> str:
    """Of the simulator."""
    if simulator == "verilator":
        return str(verilator.version())
    text = subprocess.run(
        ["iverilog", "-V"], capture_output=True, text=True, check=False
    ).stdout.split()
    return text[3] if len(text) > 3 else "unknown"


class Group:
    """A runner whose commands end with us, and with them all that they started, as make does."""

    #: The command that runs, or ran last.
    _process: subprocess.Popen[bytes] | None = None
    _ended = False

    def end(self) -> None:
        """End the command that runs, and let none begin."""
        self._ended = True
        if self._process is not None:
            end_group(self._process)

    def _execute_cmds(self, cmds, cwd, stdout=None):  # type: ignore[no-untyped-def]
        for command in cmds:
            with subprocess.Popen(
                command,
                cwd=cwd,
                env=self.env,  # type: ignore[attr-defined]
                stdout=stdout,
                stderr=None if stdout is None else subprocess.STDOUT,
                start_new_session=True,
            ) as process:
                self._process = process
                try:
                    if self._ended:
                        end_group(process)
                    status = process.wait()
                except BaseException:
                    end_group(process)
                    raise
            if status != 0:
                raise RuntimeError(f"command failed with status {status}")


def end_group(leader: subprocess.Popen[bytes]) -> None:
    """Ask, for compilers clear away what is half written; then insist."""
    with suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            leader.wait(_PATIENCE_SECONDS)
        os.killpg(leader.pid, signal.SIGKILL)


class Verilator(Group, cocotb_tools.runner.Verilator):
    """The prepared Verilator, with only the harness's own signals public: several times faster."""

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(verilator.prepare() / "bin" / "verilator")

    def _set_env_build(self) -> None:
        super()._set_env_build()
        self.env.update(verilator.environment())

    def _build_command(self):  # type: ignore[no-untyped-def]
        compile_, make = super()._build_command()
        compile_.remove("--public-flat-rw")
        make = [argument for argument in make if not argument.startswith("VM_TRACE=")]
        # Make would take what was lent for older than the makefile made just now.
        lent = [f"--old-file={path.name}" for path in verilator.objects(Path(self.build_dir))]
        return [compile_, [*make, *MAKE_ARGS, *lent]]


class Icarus(Group, cocotb_tools.runner.Icarus):
    """Icarus that obeys the harness's own dump calls, which cocotb switches off with ``-none``."""

    def _test_command(self):  # type: ignore[no-untyped-def]
        return [
            [argument for argument in command if argument != "-none"]
            for command in super()._test_command()
        ]


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, on one line."""
    try:
        return " | ".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "no log"
