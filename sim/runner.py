"""Builds a simulation, runs the bench in it and brings back what it saw."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.manifest import Manifest

from .activity import Activity
from .benches.bench_network import CORE, VERDICTS
from .builds import built
from .harness import TOP, harness
from .observation import Observation
from .scoreboard import Verdict
from .simulators import (
    BENCH_ENVIRONMENT,
    CHILD_FAILED,
    SIMULATORS,
    Icarus,
    Verilator,
    tail,
    unusable,
    version,
)
from .vectors import Vectors

__all__ = ["SIMULATORS", "Simulation", "simulate", "unusable"]

DUMP = "activity.dump"
RESULTS = "results.xml"
RUN_LOG = "run.log"

Progress = Callable[[str, int, int], None]
#: Is given a dump of the activity and, of Verilator, the snapshot; neither stays.
Export = Callable[[Path, Path | None], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """A run that came to its end, whatever the verdicts.

    activity: toggles, None if no dump was asked for, or the core died before it began.
    build_seconds: 0 if an earlier build served.
    """

    verdicts: tuple[Verdict, ...]
    seen: Observation
    activity: Activity | None
    build_seconds: float
    run_seconds: float
    version: str


def simulate(
    core: Path,
    vectors: Vectors,
    *,
    simulator: str = "verilator",
    export: Export | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Run the vectors through the core in a folder.

    Parameters
    ----------
    core: a folder with one emitted core.
    simulator: ``verilator`` or ``icarus``.
    export: called once there is a dump.

    Raises InputError on vectors of another core, none at all, or an absent simulator;
    ToolError when no verdict came about.
    """
    reason = unusable(simulator)
    if reason:
        raise InputError(f"{simulator}: {reason}")
    manifest = Manifest.read(core)
    vectors.check(manifest)
    report = progress or (lambda stage, done, total: None)
    with tempfile.TemporaryDirectory(prefix="s2nn-hw-") as folder:
        work, aside = Path(folder) / "all", Path(folder) / "dumped"
        copy_memories(core, manifest, work)
        vectors.write(work)

        report("build", 0, 1)
        start = time.perf_counter()
        texts = {"harness.v": harness(manifest), manifest.verilog: verilog_of(core, manifest)}
        with built(texts, simulator) as (runner, build, fresh):
            build_seconds = time.perf_counter() - start if fresh else 0.0
            report("build", 1, 1)
            report("simulate", 0, 1)
            start = time.perf_counter()
            model = _Model(build=build, core=core, manifest=manifest, vectors=vectors)
            second = copy.copy(runner)
            with ThreadPoolExecutor(1) as threads:
                dumping = threads.submit(model.dump, second, aside)
                try:
                    model.play(runner, work, dump=None if vectors.cut else vectors.dump)
                except BaseException:
                    second.end()
                    raise
                snapshot = dumping.result()
            _require_verdicts(work)
            run_seconds = time.perf_counter() - start
            report("simulate", 1, 1)

        verdicts = tuple(Verdict(**v) for v in json.loads((work / VERDICTS).read_text()))
        activity = None
        if vectors.dump is not None:
            dumped = aside if vectors.cut else work
            if (dumped / DUMP).is_file():
                activity = Activity.read(dumped / DUMP, manifest, snapshot)
                if export is not None:
                    export(dumped / DUMP, snapshot)
            elif all(verdict.passed for verdict in verdicts):
                raise ToolError(f"{simulator} wrote no activity: {tail(dumped / RUN_LOG)}")
        return Simulation(
            verdicts=verdicts,
            seen=Observation.read(work, manifest),
            activity=activity,
            build_seconds=build_seconds,
            run_seconds=run_seconds,
            version=version(simulator),
        )


def verilog_of(core: Path, manifest: Manifest) -> str:
    """The core's Verilog."""
    return (core / manifest.verilog).read_text()


def copy_memories(core: Path, manifest: Manifest, work: Path) -> None:
    """Put what the core reads where it looks for it: into the folder it runs in."""
    work.mkdir(exist_ok=True)
    for name in manifest.files:
        if name != manifest.verilog:
            shutil.copyfile(core / name, work / name)


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A build of a core, and what is played to it."""

    build: Path
    core: Path
    manifest: Manifest
    vectors: Vectors

    def play(
        self, runner: Verilator | Icarus, work: Path, dump: int | None, stop: int | None = None
    ) -> None:
        """Run the bench; what comes of it is in the work folder's files.

        dump: index of the beat with which the activity dump begins, stop: with which the run
        ends; None for never.
        """
        manifest, vectors = self.manifest, self.vectors
        # The exit status says less than the files: it is 0 for a bench that never ran.
        with suppress(*CHILD_FAILED):
            runner.test(
                test_module="sim.benches.bench_network",
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                build_dir=self.build,
                test_dir=work,
                plusargs=[
                    f"+expect={len(vectors.scores) * manifest.output.beats}",
                    f"+timeout={vectors.timeout}",
                    f"+quiet={vectors.quiet}",
                    f"+dump={-1 if dump is None else dump}",
                    f"+stop={-1 if stop is None else stop}",
                    f"+watch={-1 if vectors.watch is None else vectors.watch}",
                    *(["+clear"] if vectors.errors else []),
                    *(["+levels"] if vectors.levels else []),
                ],
                results_xml=str(work / RESULTS),
                extra_env={**BENCH_ENVIRONMENT, CORE: str(self.core.resolve())},
                log_file=work / RUN_LOG,
            )

    def dump(self, runner: Verilator | Icarus, work: Path) -> Path | None:
        """Dump the vectors' part, if it ends before they do, and a snapshot of its beginning.

        A dump makes a run several times longer, so all frames are played beside it without one.
        Returns where the snapshot is, None if there is none: Verilator alone needs it.
        """
        begin, end = self.vectors.dump, self.vectors.dump_end
        if begin is None:
            return None
        first = self.vectors.warm if self.vectors.cut else 0
        copy_memories(self.core, self.manifest, work)
        self.vectors.write_played(work, first)
        snapshot = None
        if isinstance(runner, Verilator):
            self.play(runner, work, dump=begin - first, stop=begin - first)
            if (work / DUMP).is_file():
                snapshot = (work / DUMP).rename(work / f"snapshot.{DUMP}")
        if end is not None:
            self.play(runner, work, dump=begin - first, stop=end - first)
        return snapshot


def _require_verdicts(work: Path) -> None:
    """cocotb must have run one test, and its outcome must be the verdicts'."""
    log = work / RUN_LOG
    try:
        cases = list(ElementTree.parse(work / RESULTS).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    if len(cases) != 1 or not (work / VERDICTS).is_file():
        raise ToolError(f"the bench gave no verdict: {tail(log)}")
    failed = cases[0].find("failure") is not None or cases[0].find("error") is not None
    verdicts = json.loads((work / VERDICTS).read_text())
    if failed == all(verdict["passed"] for verdict in verdicts) or not verdicts:
        raise ToolError(f"the bench contradicts its verdicts: {tail(log)}")
