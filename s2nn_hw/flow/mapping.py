"""From a design to its netlist and its timing on a device, through the tools or the cache."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from s2nn_hw.ir import ToolError
from s2nn_hw.toolchain import finish, netlist, nextpnr, process, yosys
from s2nn_hw.toolchain.results import Results, key
from s2nn_hw.toolchain.tools import Tool

from .emit import Core, Progress

if TYPE_CHECKING:
    from rtl_gen.platforms import Part

#: Behind the name of a file that is kept so.
SQUEEZED = ".gz"

#: Some ten megabytes each, and some ten kilobytes.
_NETLISTS = Results("netlists", keep=64)
_PLACED = Results("placed", keep=256)


@dataclass(frozen=True, kw_only=True)
class Design:
    """What is to be mapped to a part.

    Parameters
    ----------
    files: name → text; reads: commands of yosys that read them.
    top: module.
    memories: file → bits a word, of those that the Verilog reads.
    constraints: (name, text) of files for nextpnr; options: its arguments that name them.
    pins: whether its ports are the part's pins, rather than a core's alone.
    clock: net of the clock that is told of, None where there is but one.
    synthesis: command of yosys in the place of the family's, None for that.
    routed: file in which the options have nextpnr write what it made, None if they do not.
    """

    part: Part
    files: Mapping[str, str]
    reads: tuple[str, ...]
    top: str
    memories: Mapping[str, int]
    constraints: tuple[tuple[str, str], ...]
    options: tuple[str, ...]
    pins: bool
    clock: str | None = None
    synthesis: str | None = None
    routed: str | None = None

    @classmethod
    def of_core(cls, core: Core, part: Part) -> Design:
        """A core alone."""
        manifest, family = core.manifest, part.family
        return cls(
            part=part,
            files={name: core.files[name] for name in sorted(manifest.files)},
            reads=(f"read_verilog {manifest.verilog}",),
            top=manifest.top,
            memories={
                m.file: m.row_bits
                for layer in manifest.layers
                for m in layer.memories
                if m.file is not None
            },
            constraints=family.constraints,
            options=family.options,
            pins=False,
        )


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A synthesised netlist: its folder in the cache, with script, log and report.

    name: of what decides it.
    seconds: it took; 0 if it was there.
    """

    folder: Path
    name: str
    cached: bool
    seconds: float


def synthesise(design: Design, tool: Tool) -> Mapped:
    """The netlist.  Raises ToolError where yosys failed, or lost a memory."""
    family = design.part.family
    if design.synthesis is not None:
        # What it makes of others' sums abc would prove to itself for many minutes.
        before = (*family.before, "scratchpad -set abc9.verify false")
        family = replace(family, before=before, synthesis=design.synthesis)
    script = yosys.script(family, design.reads, design.top, pins=design.pins)
    moved = repr(family.output_registers)
    texts = [text for item in design.files.items() for text in item]
    name = key([tool.version, script, finish.version(family), moved, *texts])
    found = _NETLISTS.find(name)
    if found is not None:
        return Mapped(folder=found, name=name, cached=True, seconds=0.0)
    making = _NETLISTS.begin()
    try:
        for file, text in design.files.items():
            (making / file).write_text(text)
        (making / yosys.SCRIPT).write_text(script)
        command = (*tool.command, yosys.SCRIPT)
        job = process.Job(name="yosys", command=command, folder=making, log=yosys.LOG)
        (ended,) = process.run([job])
        if ended.status != 0:
            raise job.failure(ended.status)
        contents = {file: design.files[file] for file in design.memories}
        yosys.check_memories(making / yosys.MEMORIES, contents, design.memories)
        yosys.cells(making / yosys.STAT)  # what is kept is whole
        netlists = [n for n in (yosys.NETLIST, yosys.UNBOUND) if (making / n).exists()]
        finish.finish(making, design.part.family, design.top, netlists)
        for file in (*design.files, yosys.MEMORIES):
            (making / file).unlink()
        made = _NETLISTS.put(making, name)
    finally:
        _NETLISTS.drop(making)
    return Mapped(folder=made, name=name, cached=False, seconds=round(ended.seconds, 3))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Placed and routed netlists.

    homes: seed → folder in the cache, with log, report and what was routed, of those that were.
    names: seed → of what decides it, likewise.
    reports: seed → what its report says, None of one that was not.
    cached: seeds that were there.
    seconds: all took; 0 if all were there.
    """

    homes: dict[int, Path] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    reports: dict[int, nextpnr.Placed | None] = field(default_factory=dict)
    cached: tuple[int, ...] = ()
    seconds: float = 0.0

    @property
    def best(self) -> int | None:
        """The seed that gave the fastest clock, None if nothing was placed."""
        reached = {seed: found.fmax_mhz for seed, found in self.reports.items() if found}
        return max(reached, key=lambda seed: reached[seed], default=None)


def place(
    design: Design,
    mapped: Mapped,
    tool: Tool,
    *,
    mhz: float,
    seeds: Sequence[int],
    jobs: int,
    progress: Progress,
    router: str | None = None,
) -> Placed:
    """Place and route with each seed, ``jobs`` at a time.

    Raises ToolError if all failed; one that did, among several, is one that was not routed.
    """
    start = time.perf_counter()
    source = yosys.NETLIST if design.pins else yosys.UNBOUND
    constraints = [text for item in design.constraints for text in item]
    clock = _clock(design, mapped)
    names: dict[int, str] = {}
    homes: dict[int, Path] = {}
    commands: dict[int, tuple[str, ...]] = {}
    for seed in seeds:
        arguments = nextpnr.arguments(
            design.part, netlist=source, mhz=mhz, seed=seed, router=router
        )
        commands[seed] = (*tool.command, *arguments, *design.options)
        names[seed] = key([tool.version, mapped.name, *arguments, *design.options, *constraints])
        found = _PLACED.find(names[seed])
        if found is not None:
            homes[seed] = found
    cached = tuple(homes)
    missing = [seed for seed in seeds if seed not in homes]
    making: dict[int, Path] = {}
    seed_of: dict[int, int] = {}
    failed: dict[int, process.Ended] = {}

    def ended(result: process.Ended) -> None:
        seed = seed_of[id(result.job)]
        if result.status == 0:
            nextpnr.read(making[seed] / nextpnr.REPORT, clock)  # what is kept is whole
            (making[seed] / source).unlink()
            if design.routed is not None:
                _squeeze(making[seed] / design.routed)
            homes[seed] = _PLACED.put(making[seed], names[seed])
        else:
            failed[seed] = result
        progress("place and route", len(homes) + len(failed), len(seeds))

    progress("place and route", len(homes), len(seeds))
    try:
        runs = []
        for seed in missing:
            making[seed] = _PLACED.begin()
            _link(mapped.folder / source, making[seed] / source)
            for file, text in design.constraints:
                (making[seed] / file).write_text(text)
            run = process.Job(
                name=f"{tool.name} seed {seed}",
                command=commands[seed],
                folder=making[seed],
                log=nextpnr.LOG,
            )
            runs.append(run)
            seed_of[id(run)] = seed
        if tool.packaged and len(runs) > 1 and jobs > 1:
            _compile(tool, making[missing[0]])
        if runs:
            process.run(runs, limit=jobs, ended=ended)
        if not homes:
            first = failed[min(failed)]
            raise first.job.failure(first.status)
    finally:
        for folder in making.values():
            _PLACED.drop(folder)
    routed = {seed: homes[seed] for seed in seeds if seed in homes}
    reports = {seed: nextpnr.read(home / nextpnr.REPORT, clock) for seed, home in routed.items()}
    return Placed(
        homes=routed,
        names={seed: names[seed] for seed in routed},
        reports={seed: reports.get(seed) for seed in seeds},
        cached=cached,
        seconds=round(time.perf_counter() - start, 3) if missing else 0.0,
    )


def _clock(design: Design, mapped: Mapped) -> tuple[str, ...]:
    """All names of the net of the clock that is told of; none where there is but one."""
    if design.clock is None:
        return ()
    return netlist.names(mapped.folder / yosys.NETLIST, design.top, design.clock)


def _squeeze(path: Path) -> None:
    """Keep a tenth of a file's bytes; nextpnr writes much of the same."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ToolError(f"{path.name}: nextpnr wrote no such file: {error.strerror}") from error
    path.with_name(path.name + SQUEEZED).write_bytes(gzip.compress(data, mtime=0))
    path.unlink()


def _compile(tool: Tool, folder: Path) -> None:
    """Let a WebAssembly tool compile itself, before several do at once."""
    command = (*tool.command, "--version")
    job = process.Job(name=tool.name, command=command, folder=folder, log="version.log")
    (ended,) = process.run([job])
    if ended.status != 0:
        raise job.failure(ended.status)
    (folder / job.log).unlink()


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without
        shutil.copyfile(source, target)
