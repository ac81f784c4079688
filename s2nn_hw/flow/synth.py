"""What a core takes of an FPGA, and how fast it is there: open tools from Verilog to timing."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError, Network, ToolError, integer
from s2nn_hw.toolchain import netlist, nextpnr, process, tools, yosys
from s2nn_hw.toolchain.results import Results, key

from .emit import Core, Engine, Lanes, Progress, build
from .folder import output_folder

if TYPE_CHECKING:
    from rtl_gen.platforms import Part
    from s2nn_hw.manifest import Manifest

SYNTH = "synth.json"

#: Some ten megabytes each, and some ten kilobytes.
_NETLISTS = Results("netlists", keep=16)
_PLACED = Results("placed", keep=256)

#: More would be a mistake of typing.
_SEED_LIMIT = 1000
_MHZ_LIMIT = 2000

#: Modules that there are by the hundred.
_NEURON = re.compile(r"\bneuron_\d+")

Area = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class SynthResult:
    """The outcome of synth(); its fields are those of ``synth --json``.

    board: None for a core alone.
    device: part, as ``--device`` takes it.
    family: of the device, for people.
    lut, ff, carry, bram, spram, dsp: ``used`` of the netlist, ``capacity`` of the device, and
        ``percent`` of it, None where there is none.  ``lut`` are sites of look-up tables, those of
        carries and of memories in look-up tables among them.
    layers: name of a layer → the same resources, used by it and all in it; ``other`` is the rest.
    modules: the same of each module alone, by its path below the top, whose own name stands for
        itself; ``neuron_*`` are all the neurons of a layer.
    floor: least ``lut`` and ``ff`` of all accumulators: one of each a bit, and a look-up table a
        bit of the adders that join lanes.
    weights: ``bits`` stored; ``bram``, ``spram`` and the ``ram_bits`` that these hold; ``share``
        of them that weights fill, None where all are in look-up tables; the same of each memory.
    fmax_mhz: of each of ``seeds``, None where it could not be routed, the ``best``, and the
        ``target``; None where the family has no place and route.
    timing_met: whether the best reaches the target; likewise.
    critical_path: of the best seed, from register to register; empty likewise.
    utilization: of the best seed, type of site of which there are any → ``used``, ``available``.
    interval_cycles: predicted, the mean of ``interval_of`` "sample frames", else their "bound".
    inferences_per_second: the best fmax over the interval.
    seconds: emit, synthesise, place (0 if cached).
    cached: whose results were there before: ``synthesise``, ``seed 1``.
    bitstream: None without a board.
    digest: of the build.
    """

    board: str | None
    device: str
    family: str
    lut: dict[str, float | None]
    ff: dict[str, float | None]
    carry: dict[str, float | None]
    bram: dict[str, float | None]
    spram: dict[str, float | None]
    dsp: dict[str, float | None]
    layers: dict[str, Area]
    modules: dict[str, Area]
    floor: Area
    weights: dict[str, Any]
    fmax_mhz: dict[str, Any] | None
    timing_met: bool | None
    critical_path: tuple[nextpnr.Step, ...]
    utilization: dict[str, dict[str, int]]
    interval_cycles: float
    interval_of: str
    inferences_per_second: float | None
    seconds: dict[str, float]
    cached: tuple[str, ...]
    versions: dict[str, str]
    bitstream: str | None
    network: str
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __getitem__(self, name: str) -> Any:
        """A field by its JSON name."""
        return self.as_dict()[name]


def synth(
    network: Network,
    out: str | os.PathLike[str],
    *,
    device: str,
    freq: float | None = None,
    seeds: int | None = None,
    jobs: int | None = None,
    source: str = "packages",
    engine: Engine = "event",
    lanes: Lanes = None,
    top: str = "s2nn_core",
    counters: bool = False,
    progress: Progress | None = None,
) -> SynthResult:
    """Emit the core into ``out``, map it to a device, place and route it there.

    The core is taken alone: no pins but the clock, and no path from or to a port counts.  What
    the tools made is kept in the cache folder and taken from there when nothing that decides it
    has changed; their scripts, logs and reports are in ``out``.

    Parameters
    ----------
    device: its name, with a speed or package behind it where there are several.
    freq: MHz to aim at; None: what is usual for the device.
    seeds: place and route so many times, from different starts; None: once.
    jobs: so many at a time; None: one a core of this machine.
    source: ``packages``, or ``path`` for the tools on PATH.
    engine, lanes, top, counters: see emit().
    progress: called with a stage, and how much of how much is done.

    Raises InputError on wrong input, a tool that is absent, and a network that does not fit: which
    resource, by how much and what would.  Raises ToolError where a tool failed, with its log.
    """
    from rtl_gen.platforms import fit, part

    report = progress or (lambda stage, done, total: None)
    network.check()
    chosen = part(device)
    family = chosen.family
    target = _target(chosen, freq)
    wanted = _wanted(chosen, seeds)
    limit = _cores() if jobs is None else integer(jobs, "jobs", least=1)
    synthesiser = tools.yosys(source)
    placer = None if family.nextpnr is None else tools.nextpnr(family.nextpnr, source)

    with output_folder(out) as folder:
        start = time.perf_counter()
        seconds: dict[str, float] = {}
        report("emit", 0, 1)
        core = build(network, engine=engine, lanes=lanes, top=top, counters=counters)
        core.write(folder)
        report("emit", 1, 1)
        seconds["emit"] = round(time.perf_counter() - start, 3)
        reason = fit.hopeless(core.manifest, chosen)
        if reason:
            raise InputError(reason)

        report("synthesise", 0, 1)
        mapped = _mapped(core, chosen, synthesiser)
        seconds["synthesise"] = mapped.seconds
        report("synthesise", 1, 1)
        for name in (yosys.SCRIPT, yosys.LOG, yosys.NETLIST):
            shutil.copyfile(mapped.folder / name, folder / name)
        area = _area(core, chosen, mapped.folder)
        if fit.excess(area.used, chosen.device):
            raise InputError(fit.message(chosen, area.used, core.manifest))

        placed = _Placed()
        if placer is not None:
            placed = _place(chosen, mapped, placer, target, wanted, limit, report)
            for seed, home in placed.homes.items():
                shutil.copyfile(home / nextpnr.LOG, folder / f"nextpnr-{seed}.log")
                shutil.copyfile(home / nextpnr.REPORT, folder / f"nextpnr-{seed}.json")
        seconds["place"] = placed.seconds
        result = SynthResult(
            board=None,
            device=chosen.name,
            family=family.title,
            **_resources(chosen, area),
            layers=area.layers,
            modules=area.modules,
            floor=fit.floor(core.manifest.layers),
            weights=area.weights,
            **_timed(core.manifest, placed, target),
            seconds=seconds,
            cached=(*(("synthesise",) if mapped.cached else ()), *placed.cached),
            versions=_versions(core.manifest, synthesiser, placer),
            bitstream=None,
            network=network.digest(),
            digest=core.manifest.digest,
        )
        (folder / SYNTH).write_text(json.dumps(result.as_dict(), indent=1) + "\n")
    return result


def _target(part: Part, freq: float | None) -> float:
    """MHz to aim at."""
    if freq is None:
        return part.device.mhz
    _require_place(part, "freq")
    if isinstance(freq, bool) or not isinstance(freq, int | float) or not 0 < freq <= _MHZ_LIMIT:
        raise InputError(f"freq must be more than 0 and at most {_MHZ_LIMIT} MHz, not {freq!r}")
    return float(freq)


def _wanted(part: Part, seeds: int | None) -> range:
    """The seeds to place with."""
    if seeds is None:
        return range(1, 2)
    _require_place(part, "seeds")
    number = integer(seeds, "seeds", least=1)
    if number > _SEED_LIMIT:
        raise InputError(f"seeds must be at most {_SEED_LIMIT}, not {number}")
    return range(1, number + 1)


def _require_place(part: Part, option: str) -> None:
    if part.family.nextpnr is None:
        raise InputError(
            f"{part.name}: {option} must be left out, for there is no open place and route of "
            f"{part.family.title} here: its area is all that can be told"
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class _Mapped:
    """A synthesised netlist in its folder of the cache."""

    folder: Path
    name: str
    cached: bool
    seconds: float


def _mapped(core: Core, part: Part, tool: tools.Tool) -> _Mapped:
    """Synthesise, unless an earlier result serves."""
    manifest = core.manifest
    script = yosys.script(part.family, manifest.verilog, manifest.top)
    inputs = {name: core.files[name] for name in sorted(manifest.files)}
    name = key([tool.version, script, *(f"{n}\0{digest}" for n, digest in manifest.files.items())])
    found = _NETLISTS.find(name)
    if found is not None:
        return _Mapped(folder=found, name=name, cached=True, seconds=0.0)
    making = _NETLISTS.begin()
    try:
        for file, text in inputs.items():
            (making / file).write_text(text)
        (making / yosys.SCRIPT).write_text(script)
        job = process.Job(
            name="yosys",
            command=(*tool.command, yosys.SCRIPT),
            folder=making,
            log=yosys.LOG,
        )
        (ended,) = process.run([job])
        if ended.status != 0:
            raise job.failure(ended.status)
        yosys.check_memories(
            making / yosys.MEMORIES,
            {m.file: core.files[m.file] for layer in manifest.layers for m in layer.memories},
            {m.file: m.row_bits for layer in manifest.layers for m in layer.memories},
        )
        for file in (*inputs, yosys.MEMORIES):
            (making / file).unlink()
        made = _NETLISTS.put(making, name)
    finally:
        _NETLISTS.drop(making)
    return _Mapped(folder=made, name=name, cached=False, seconds=round(ended.seconds, 3))


@dataclass(frozen=True, kw_only=True)
class _Area:
    """What a netlist takes, in all, by layer, by module and of its memories."""

    used: Area
    layers: dict[str, Area]
    modules: dict[str, Area]
    weights: dict[str, Any]


def _area(core: Core, part: Part, folder: Path) -> _Area:
    manifest, family = core.manifest, part.family
    counts = yosys.cells(folder / yosys.STAT)
    used = yosys.area(counts, family)
    found = netlist.cells_of_modules(folder / yosys.NETLIST, manifest.top, manifest.nets)
    total: Counter[str] = sum(found.values(), Counter())
    if total != Counter(counts):
        raise ToolError(f"{yosys.NETLIST}: holds other cells than {yosys.STAT} counts")

    def known(area: Mapping[str, int]) -> Area:
        from rtl_gen.platforms import RESOURCES

        return {name: area.get(name, 0) for name in RESOURCES}

    modules: dict[str, Counter[str]] = {}
    for path, cells in found.items():
        name = _NEURON.sub("neuron_*", path) or manifest.top
        modules.setdefault(name, Counter()).update(yosys.area(cells, family))
    homes = {layer.name: layer.module for layer in manifest.layers}
    inside = netlist.together(found, homes.values())
    layers = {name: yosys.area(inside[home], family) for name, home in homes.items()}
    rest = used.copy()
    for area in layers.values():
        rest.subtract(area)
    return _Area(
        used=known(used),
        layers={name: known(area) for name, area in (*layers.items(), ("other", rest))},
        modules={path: known(area) for path, area in sorted(modules.items())},
        weights=_weights(manifest, part, found),
    )


def _weights(
    manifest: Manifest, part: Part, found: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """Where the weights are, and how much of the block RAM that they occupy they fill."""
    family = part.family
    memories = [memory for layer in manifest.layers for memory in layer.memories]
    inside = netlist.together(found, (memory.path for memory in memories))

    def row(bits: int, held: int, area: Mapping[str, int]) -> dict[str, Any]:
        bram, spram = area.get("bram", 0), area.get("spram", 0)
        room = bram * family.bram_bits + spram * family.spram_bits
        share = round(held / room, 4) if room else None
        return {"bits": bits, "bram": bram, "spram": spram, "ram_bits": room, "share": share}

    rows, held, total = [], 0, Counter[str]()
    for memory in memories:
        area = yosys.area(inside[memory.path], family)
        bits = memory.rows * memory.row_bits
        in_ram = bits if area["bram"] or area["spram"] else 0
        rows.append({"path": memory.path, **row(bits, in_ram, area)})
        held += in_ram
        total.update(area)
    return {**row(sum(r["bits"] for r in rows), held, total), "memories": rows}


def _resources(part: Part, area: _Area) -> dict[str, dict[str, float | None]]:
    """Used, capacity and percent of each resource."""
    result: dict[str, dict[str, float | None]] = {}
    for name, used in area.used.items():
        capacity = part.device.capacity.get(name, 0)
        percent = round(100 * used / capacity, 2) if capacity else None
        result[name] = {"used": used, "capacity": capacity, "percent": percent}
    return result


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """Placed and routed netlists: seed → folder in the cache, and what its report says."""

    homes: dict[int, Path] = field(default_factory=dict)
    reports: dict[int, nextpnr.Placed | None] = field(default_factory=dict)
    cached: tuple[str, ...] = ()
    seconds: float = 0.0


def _place(
    part: Part,
    mapped: _Mapped,
    tool: tools.Tool,
    mhz: float,
    seeds: Iterable[int],
    limit: int,
    report: Progress,
) -> _Placed:
    """Place and route with each seed, unless an earlier result serves."""
    start = time.perf_counter()
    seeds = list(seeds)
    names: dict[int, str] = {}
    homes: dict[int, Path] = {}
    commands: dict[int, tuple[str, ...]] = {}
    for seed in seeds:
        arguments = nextpnr.arguments(part, netlist=yosys.UNBOUND, mhz=mhz, seed=seed)
        commands[seed] = (*tool.command, *arguments)
        constraints = [text for item in part.family.constraints for text in item]
        names[seed] = key([tool.version, mapped.name, *arguments, *constraints])
        found = _PLACED.find(names[seed])
        if found is not None:
            homes[seed] = found
    cached = tuple(f"seed {seed}" for seed in homes)
    missing = [seed for seed in seeds if seed not in homes]
    failed: dict[int, process.Ended] = {}
    making: dict[int, Path] = {}
    report("place and route", len(homes), len(seeds))
    try:
        jobs = {}
        for seed in missing:
            making[seed] = _PLACED.begin()
            jobs[seed] = process.Job(
                name=f"{tool.name} seed {seed}",
                command=commands[seed],
                folder=making[seed],
                log=nextpnr.LOG,
            )
            _link(mapped.folder / yosys.UNBOUND, making[seed] / yosys.UNBOUND)
            for name, text in part.family.constraints:
                (making[seed] / name).write_text(text)
        seed_of = {id(job): seed for seed, job in jobs.items()}
        if tool.packaged and len(jobs) > 1 and limit > 1:
            _compiled(tool, making[missing[0]])

        def ended(result: process.Ended) -> None:
            seed = seed_of[id(result.job)]
            if result.status == 0:
                nextpnr.read(making[seed] / nextpnr.REPORT)  # what is kept is good
                (making[seed] / yosys.UNBOUND).unlink()
                homes[seed] = _PLACED.put(making[seed], names[seed])
            else:
                failed[seed] = result
            report("place and route", len(homes) + len(failed), len(seeds))

        process.run(list(jobs.values()), limit=limit, ended=ended)
        if not homes:
            first = failed[min(failed)]
            raise first.job.failure(first.status)
    finally:
        for path in making.values():
            _PLACED.drop(path)
    return _Placed(
        homes={seed: homes[seed] for seed in seeds if seed in homes},
        reports={
            seed: nextpnr.read(homes[seed] / nextpnr.REPORT) if seed in homes else None
            for seed in seeds
        },
        cached=cached,
        seconds=round(time.perf_counter() - start, 3) if missing else 0.0,
    )


def _compiled(tool: tools.Tool, folder: Path) -> None:
    """Let a WebAssembly tool compile itself before several do at once."""
    job = process.Job(
        name=tool.name, command=(*tool.command, "--version"), folder=folder, log="version.log"
    )
    (ended,) = process.run([job])
    if ended.status != 0:
        raise job.failure(ended.status)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without
        shutil.copyfile(source, target)


def _timed(manifest: Manifest, placed: _Placed, target: float) -> dict[str, Any]:
    """Fields that say how fast it is."""
    samples = manifest.timing.get("samples") or {}
    typical = samples.get("interval_mean")
    interval = manifest.timing["interval_bound"] if typical is None else typical
    fields: dict[str, Any] = {
        "interval_cycles": interval,
        "interval_of": "bound" if typical is None else "sample frames",
    }
    reached = {seed: found for seed, found in placed.reports.items() if found is not None}
    if not reached:
        return fields | {
            "fmax_mhz": None,
            "timing_met": None,
            "critical_path": (),
            "utilization": {},
            "inferences_per_second": None,
        }
    best = max(reached.values(), key=lambda found: found.fmax_mhz)
    return fields | {
        "fmax_mhz": {
            "seeds": {
                str(seed): None if found is None else round(found.fmax_mhz, 3)
                for seed, found in placed.reports.items()
            },
            "best": round(best.fmax_mhz, 3),
            "target": target,
        },
        "timing_met": best.fmax_mhz >= target,
        "critical_path": best.critical_path,
        "utilization": {s: n for s, n in best.utilization.items() if n["used"]},
        "inferences_per_second": math.floor(best.fmax_mhz * 1e6 / interval),
    }


def _versions(
    manifest: Manifest, synthesiser: tools.Tool, placer: tools.Tool | None
) -> dict[str, str]:
    used = [tool for tool in (synthesiser, placer) if tool is not None]
    return {
        **manifest.versions,
        **{tool.name: tool.version for tool in used},
        "python": platform.python_version(),
    }
