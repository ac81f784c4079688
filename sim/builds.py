"""Simulation builds, which stay in the cache as long as they are used."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import cocotb_tools.config

from s2nn_hw import cache
from s2nn_hw.ir import ToolError

from . import verilator
from .harness import TOP
from .simulators import CHILD_FAILED, MAKE_ARGS, Icarus, Verilator, tail, version

#: Simulation builds that stay in the cache.
KEPT_BUILDS = 32
#: An unfinished build this old was killed.
_STALE_SECONDS = 24 * 3600

_VERILATOR_ARGS = [
    "--trace-saif",
    # Nets of any width: by default none of more than 4,096 bits is written down, as the membranes
    # of a dense layer may have.
    *("--trace-max-width", "0"),
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

#: What a build leaves behind of a hundred megabytes: the model, for Verilator or for Icarus.
_PRODUCTS = (TOP, "sim.vvp", "build.log")


@contextmanager
def built(
    texts: Mapping[str, str], simulator: str
) -> Iterator[tuple[Verilator | Icarus, Path, bool]]:
    """A runner with its build of these files, by name, whose top is TOP.

    It is from the cache if nothing that decides it has changed; the flag tells whether it is not.
    """
    logging.getLogger("cocotb_tools.runner").setLevel(logging.WARNING)
    runner = Verilator() if simulator == "verilator" else Icarus()
    runner.log.setLevel(logging.CRITICAL)
    parts = [simulator, version(simulator), *texts.values()]
    if simulator == "verilator":
        # The model looks for cocotb's library where it was when it was linked.
        libraries = [importlib.metadata.version("cocotb"), str(cocotb_tools.config.libs_dir)]
        parts += [verilator.prepare().name, *libraries, *_VERILATOR_ARGS, *MAKE_ARGS]
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


def _compile(runner: Verilator | Icarus, build: Path, files: Sequence[str], simulator: str) -> None:
    log = build / "build.log"
    if simulator == "verilator":
        runtime = verilator.Runtime([*_VERILATOR_ARGS, *MAKE_ARGS])
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


def _prune(builds: Path) -> None:
    """Remove the builds that were not used for longest, and what killed builds left."""
    complete = []
    for path in builds.iterdir():
        with suppress(OSError):  # another process finishes its build, or prunes, too
            age = path.stat().st_mtime
            if (path / "complete").is_file():
                complete.append((age, path))
            elif time.time() - age > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
    for _, path in sorted(complete, reverse=True)[KEPT_BUILDS:]:
        shutil.rmtree(path, ignore_errors=True)
