"""Builds a simulation, runs its bench, and believes nothing but the bench's own result file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from s2nn_hw.report.check import Check

from .observation import Observation
from .scoreboard import Expected
from .vectors import Vectors

Progress = Callable[[str, int, int], None]


class SimulationError(Exception):
    """The simulator or its bench failed to do their job; one sentence, and where the log is."""


class VerificationError(SimulationError):
    """The bench ran and the core is wrong.

    checks: every check, the failed ones among them.
    observation: what was seen.
    """

    def __init__(self, message: str, checks: tuple[Check, ...], observation: Observation):
        super().__init__(message)
        self.checks = checks
        self.observation = observation


def simulate(
    build: Path,
    vectors: Vectors,
    work: Path,
    *,
    expected: Expected,
    simulator: str = "verilator",
    activity: bool = True,
    timeout: float = 3600.0,
    progress: Progress | None = None,
) -> tuple[Observation, tuple[Check, ...]]:
    """Run a core on vectors and compare it with what the golden model says.

    Parameters
    ----------
    build: folder of an emitted core.
    vectors: made for this core.
    work: empty or new folder for logs, dumps and results.
    expected: see scoreboard.
    simulator: ``verilator`` or ``icarus``.
    activity: count toggles.
    timeout: seconds of wall clock for the run, after which it is killed.
    progress: called with a stage (``build simulator``, ``simulate``), beats done and beats in all.

    Returns the observation and every check, all of them passed.

    Raises
    ------
    InputError: vectors of another core, an unknown or missing simulator.
    VerificationError: a check failed; carries both.
    SimulationError: anything else: no compiler, a crash, a bench that ran no test, a timeout.
    """
    raise NotImplementedError
