"""Builds a simulation, runs the bench in it and brings back what it saw."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cocotb_tools.config
import cocotb_tools.runner
from cocotb_tools.runner import Icarus, Runner

from s2nn_hw import cache
from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.manifest import Manifest

from . import verilator
from .activity import Activity
from .benches.bench_network import CORE, VERDICTS
from .harness import TOP, harness
from .observation import Observation
from .scoreboard import Verdict
from .vectors import Vectors

SIMULATORS = ("verilator", "icarus")
DUMP = "activity.dump"
RESULTS = "results.xml"
RUN_LOG = "run.log"
#: Simulation builds that stay in the cache.
KEPT_BUILDS = 32
#: An unfinished build this old was killed.
_STALE_SECONDS = 24 * 3600
#: For a child to end in when it is asked to.
_PATIENCE_SECONDS = 3

_VERILATOR_ARGS = [
    "--trace-saif",
    # The harness marks the few nets that cocotb reads; cocotb's runner would have all of them
    # kept, which makes three times the code.
    "--no-public-flat-rw",
    "-O3",
    # Unknown values start as zero, so that activity is the same in every run.
    *("--x-assign", "0", "--x-initial", "0"),
    "--no-timing",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
]

#: The library's own checks look each changed net up once more: dumps take three times as long.
_MAKE_ARGS = ["OPT_FAST=-O2", "OPT_GLOBAL=-O2 -DNDEBUG"]

#: How cocotb's runner says that a command it ran has failed.
CHILD_FAILED = (SystemExit, RuntimeError, subprocess.CalledProcessError)

#: What a build leaves behind of a hundred megabytes: the model, for Verilator or for Icarus.
_PRODUCTS = (TOP, "sim.vvp", "build.log")

Progress = Callable[[str, int, int], None]


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


def unusable(simulator: str) -> str | None:
    """Why the simulator cannot be used here, None if it can."""
    if simulator not in SIMULATORS:
        raise InputError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    if simulator == "verilator":
        return verilator.missing()
    absent = [tool for tool in ("iverilog", "vvp") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} must be installed" if absent else None


def simulate(
    core: Path,
    vectors: Vectors,
    *,
    simulator: str = "verilator",
    progress: Progress | None = None,
) -> Simulation:
    """Run the vectors through the core in a folder.

    Parameters
    ----------
    core: a folder with one emitted core.
    simulator: ``verilator`` or ``icarus``.

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
        work = Path(folder)
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
            dump, snapshot = work / DUMP, None
            begin, end = vectors.dump, vectors.dump_end

            def play(begin: int | None, stop: int | None = None) -> None:
                _play(runner, build, work, core, manifest, vectors, dump=begin, stop=stop)

            if begin is not None and simulator == "verilator":
                play(begin, stop=begin)
                if dump.is_file():
                    snapshot = dump.rename(work / f"snapshot.{DUMP}")
            if begin is not None and end is not None:
                # Dumping is most of the time of a run: all frames are played without it.
                play(begin, stop=end)
                if dump.is_file():
                    dump = dump.rename(work / f"part.{DUMP}")
                begin = None
            play(begin)
            _require_verdicts(work)
            run_seconds = time.perf_counter() - start
            report("simulate", 1, 1)

        verdicts = tuple(Verdict(**v) for v in json.loads((work / VERDICTS).read_text()))
        activity = None
        if vectors.dump is not None:
            if dump.is_file():
                activity = Activity.read(dump, manifest, snapshot)
            elif all(verdict.passed for verdict in verdicts):
                raise ToolError(f"{simulator} wrote no activity: {tail(work / RUN_LOG)}")
        return Simulation(
            verdicts=verdicts,
            seen=Observation.read(work, manifest),
            activity=activity,
            build_seconds=build_seconds,
            run_seconds=run_seconds,
            version=version(simulator),
        )


class _Group:
    """A runner whose commands end with us, and with them all that they started, as make does.

    process: the command that runs, or ran last.
    """

    process: subprocess.Popen[bytes] | None = None

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
                self.process = process
                try:
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


class _Verilator(_Group, cocotb_tools.runner.Verilator):
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
        return [compile_, [*make, *_MAKE_ARGS, *lent]]


class _Icarus(_Group, Icarus):
    """Icarus that obeys the harness's own dump calls, which cocotb switches off with ``-none``."""

    def _test_command(self):  # type: ignore[no-untyped-def]
        return [
            [argument for argument in command if argument != "-none"]
            for command in super()._test_command()
        ]


def verilog_of(core: Path, manifest: Manifest) -> str:
    """The core's Verilog."""
    return (core / manifest.verilog).read_text()


def copy_memories(core: Path, manifest: Manifest, work: Path) -> None:
    """Put what the core reads where it looks for it: into the folder it runs in."""
    for name in manifest.files:
        if name.endswith(".hex"):
            shutil.copyfile(core / name, work / name)


@contextmanager
def built(texts: Mapping[str, str], simulator: str) -> Iterator[tuple[Runner, Path, bool]]:
    """A runner with its build of these files, by name, whose top is TOP.

    It is from the cache if nothing that decides it has changed; the flag tells whether it is not.
    """
    logging.getLogger("cocotb_tools.runner").setLevel(logging.WARNING)
    runner = _Verilator() if simulator == "verilator" else _Icarus()
    runner.log.setLevel(logging.CRITICAL)
    parts = [simulator, version(simulator), *texts.values()]
    if simulator == "verilator":
        # The model looks for cocotb's library where it was when it was linked.
        libraries = [importlib.metadata.version("cocotb"), str(cocotb_tools.config.libs_dir)]
        parts += [verilator.prepare().name, *libraries, *_VERILATOR_ARGS, *_MAKE_ARGS]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    builds = cache.folder() / "builds"
    build = builds / f"{simulator}-{key}"
    fresh = not os.path.isfile(build / "complete")  # also where nobody may look
    if fresh:
        cache.writable()
        builds.mkdir(exist_ok=True)
        making = Path(tempfile.mkdtemp(dir=builds, prefix=f"{build.name}."))
        try:
            for name, text in texts.items():
                (making / name).write_text(text)
            _compile(runner, making, list(texts), simulator)
            _strip(making)
            (making / "complete").touch()
            try:
                making.rename(build)
            except OSError:  # another process was first
                if not (build / "complete").is_file():
                    raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
        _prune(builds)
    with suppress(OSError):  # a cache that is only read
        os.utime(build)
    yield runner, build, fresh


def _compile(runner: Runner, build: Path, files: Sequence[str], simulator: str) -> None:
    log = build / "build.log"
    if simulator == "verilator":
        runtime = verilator.Runtime([*_VERILATOR_ARGS, *_MAKE_ARGS])
        runtime.lend(build)
    try:
        runner.build(
            sources=[build / name for name in files],
            hdl_toplevel=TOP,
            build_args=_VERILATOR_ARGS if simulator == "verilator" else [],
            build_dir=build,
            always=True,
            timescale=None if simulator == "verilator" else ("1ns", "1ps"),
            log_file=log,
        )
    except CHILD_FAILED as error:
        raise ToolError(f"{simulator} could not build the core: {tail(log)}") from error
    if simulator == "verilator":
        runtime.keep(build)


def _strip(build: Path) -> None:
    """Remove what running the model does not need."""
    for path in build.iterdir():
        if path.name not in _PRODUCTS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _play(
    runner: Runner,
    build: Path,
    work: Path,
    core: Path,
    manifest: Manifest,
    vectors: Vectors,
    *,
    dump: int | None,
    stop: int | None,
) -> None:
    """Run the bench; what comes of it is in the work folder's files.

    dump: index of the beat with which the activity dump begins, stop: with which the run ends;
    None for never.
    """
    # The exit status says less than the files: it is 0 for a bench that never ran.
    with suppress(*CHILD_FAILED):
        runner.test(
            test_module="sim.benches.bench_network",
            hdl_toplevel=TOP,
            hdl_toplevel_lang="verilog",
            build_dir=build,
            test_dir=work,
            plusargs=[
                f"+expect={len(vectors.scores) * manifest.output.beats}",
                f"+timeout={vectors.timeout}",
                f"+quiet={vectors.quiet}",
                f"+dump={-1 if dump is None else dump}",
                f"+stop={-1 if stop is None else stop}",
                *(["+clear"] if vectors.errors else []),
                *(["+levels"] if vectors.levels else []),
            ],
            results_xml=str(work / RESULTS),
            extra_env={CORE: str(core.resolve())},
            log_file=work / RUN_LOG,
        )


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


def version(simulator: str) -> str:
    """Of the simulator."""
    if simulator == "verilator":
        return str(verilator.version())
    text = subprocess.run(
        ["iverilog", "-V"], capture_output=True, text=True, check=False
    ).stdout.split()
    return text[3] if len(text) > 3 else "unknown"


def _prune(builds: Path) -> None:
    """Remove the builds that were not used for longest, and what killed builds left."""
    complete = []
    for path in builds.iterdir():
        if (path / "complete").is_file():
            complete.append(path)
        elif time.time() - path.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
    complete.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in complete[KEPT_BUILDS:]:
        shutil.rmtree(path, ignore_errors=True)


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, on one line."""
    try:
        return " | ".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "no log"
