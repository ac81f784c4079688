"""A core on an FPGA: area, clock and, for a board, a bitstream, by open tools from its Verilog."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from s2nn_hw import schema
from s2nn_hw.ir import InputError, Network, integer, save
from s2nn_hw.protocol import DEFAULT_BAUD
from s2nn_hw.toolchain import nextpnr, tools, yosys

from .area import Units, accumulators, area, of_device, over_floor
from .bitstream import design_of, pack, packer_of
from .emit import MODEL, CoreOptions, Progress, build, megahertz
from .folder import output_folder
from .mapping import Design, Placed, place, synthesise
from .misfit import fewer_lanes, misfit

if TYPE_CHECKING:
    from rtl_gen.boards import BoardFiles
    from rtl_gen.platforms import Part
    from s2nn_hw.manifest import Manifest

SYNTH = schema.SYNTH.file

#: More would be a mistake of typing.
_SEED_LIMIT = 1000


@dataclass(frozen=True, kw_only=True)
class SynthResult:
    """The outcome of synth(); its fields are those of ``synth --json``.

    schema: version of these fields.
    board: its name, None for a core alone.
    baud: of its serial line, None likewise.
    device: part, as ``--device`` takes it.
    family: of the device, for people.
    router: that was asked for, None if none was.
    lut, ff, carry, bram, spram, dsp: ``used`` of the netlist, ``capacity`` of the device, and
        ``percent`` of it, None where there is none.  ``lut`` are sites of look-up tables, those of
        carries and of memories in look-up tables among them.
    layers, modules: the same resources, used by each, the board's shell among them; see Area.
    accumulators: ``lut`` and ``ff`` that those of all layers have ``used``, their ``floor`` (one
        of each a bit, and a look-up table a bit of the adders that join lanes), and how many
        times that it is, ``over_floor``.
    weights: ``bits`` stored; ``bram``, ``spram`` and the ``ram_bits`` that these hold; ``share``
        of them that weights fill, None where all are in look-up tables; the same of each memory.
    fmax_mhz: of each of ``seeds``, None where it could not be routed, the ``best``, and the
        ``target``, which for a board is the clock that it has; None where the family has no place
        and route.
    timing_met: whether the best reaches the target; likewise.
    critical_path: of the best seed, from register to register; empty likewise.
    utilization: of the best seed, type of site of which there are any → ``used``, ``available``.
    interval_cycles: predicted, the mean of ``interval_of`` "sample frames" or "frames of the plan",
        else their "bound".
    inferences_per_second: the best fmax over the interval.
    at_clock: ``mhz`` of the board's clock, and ``inferences_per_second`` at it; None without one.
    seconds: emit, synthesise, place and, for a board, pack (0 if cached).
    cached: whose results were there before: ``synthesise``, ``seed 1``, ``pack``.
    bitstream: file in the folder, of the best seed; None without a board or seeds.
    digest: of the build.
    """

    schema: int = schema.SYNTH.version
    board: str | None
    baud: int | None
    device: str
    family: str
    router: str | None
    lut: dict[str, float | None]
    ff: dict[str, float | None]
    carry: dict[str, float | None]
    bram: dict[str, float | None]
    spram: dict[str, float | None]
    dsp: dict[str, float | None]
    layers: dict[str, Units]
    modules: dict[str, Units]
    accumulators: dict[str, dict[str, float]]
    weights: dict[str, Any]
    fmax_mhz: dict[str, Any] | None
    timing_met: bool | None
    critical_path: tuple[nextpnr.Step, ...]
    utilization: dict[str, dict[str, int]]
    interval_cycles: float
    interval_of: str
    inferences_per_second: float | None
    at_clock: dict[str, float] | None
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
    device: str | None = None,
    board: str | None = None,
    freq: float | None = None,
    baud: int | None = None,
    seeds: int | Sequence[int] | None = None,
    jobs: int | None = None,
    router: str | None = None,
    source: str = "packages",
    interval: float | None = None,
    progress: Progress | None = None,
    **options: Unpack[CoreOptions],
) -> SynthResult:
    """Emit the core into ``out``, map it to a device or a board, place and route it there.

    For a device the core is taken alone: no pins but the clock, and no path from or to a port
    counts.  For a board a shell is around it, and a bitstream is made, whether or not its clock
    was reached; beside it lies the network, so that ``flash`` and ``run`` take the folder.
    What the tools made is kept in the cache folder and taken from there when nothing that decides
    it has changed; their scripts, logs and reports are in ``out``.

    Parameters
    ----------
    device: its name, with a speed or package behind it where there are several.
    board: its name in rtl_gen.boards; either this or the device is to be given.
    freq: MHz to aim at; None: what is usual for the device.  The board's clock, which its PLL must
        make; None: its oscillator's, which needs no PLL, and which hardly any core misses.
        The core's register stages are chosen for it.
    baud: of the board's serial line; None: protocol.DEFAULT_BAUD.
    seeds: place and route so many times, from different starts, or from each of these: from none
        for the area alone; None: once.
    jobs: so many at a time; None: one a core of this machine.
    router: one of nextpnr.ROUTERS; None: as nextpnr chooses.
    source: ``packages``, or ``path`` for the tools on PATH.
    interval: cycles that a plan predicts for the frames that it was made of.
    progress: called with a stage, and how much of how much is done.
    options: of the core.

    Raises InputError on wrong input, a tool that is absent, and a network that does not fit: which
    resource, by how much and what would.  Raises ToolError where a tool failed, with its log.
    """
    from rtl_gen.boards import board_files
    from rtl_gen.platforms import fit

    report = progress or (lambda stage, done, total: None)
    network.check()
    chosen = part_of(device, board)
    family = chosen.family
    target = target_of(chosen, board, freq)
    line = _baud(board, baud)
    wanted = _wanted(chosen, seeds)
    _require_router(chosen, router)
    limit = _cores() if jobs is None else integer(jobs, "jobs", least=1)
    synthesiser = tools.yosys(source)
    placer = None if family.nextpnr is None else tools.nextpnr(family.nextpnr, source)
    packer = None if board is None else tools.packer(packer_of(chosen), source)

    with output_folder(out) as folder:
        start = time.perf_counter()
        seconds: dict[str, float] = {}
        report("emit", 0, 1)
        core = build(network, **options, family=family.name, freq=target)
        core.write(folder)
        cycles, of = _interval(core.manifest, interval)
        report("emit", 1, 1)
        seconds["emit"] = round(time.perf_counter() - start, 3)
        smaller = fewer_lanes(network, {**options, "family": family.name, "freq": target})
        reason = fit.hopeless(core.manifest.layers, chosen, smaller)
        if reason:
            raise InputError(reason)

        around = None
        if board is not None:
            hertz = None if freq is None else target * 1e6
            around = board_files(core.manifest, board, frequency=hertz, baud=line)
            target = around.frequency / 1e6
            _write_board(folder, around, network)

        report("synthesise", 0, 1)
        design = Design.of_core(core, chosen) if around is None else design_of(core, around, chosen)
        mapped = synthesise(design, synthesiser)
        seconds["synthesise"] = mapped.seconds
        report("synthesise", 1, 1)
        for name in (yosys.SCRIPT, yosys.LOG, yosys.NETLIST):
            shutil.copyfile(mapped.folder / name, folder / name)
        inside = "" if around is None else around.instance
        taken = area(core.manifest, chosen, mapped.folder, top=design.top, core=inside)
        need = fit.Need(
            used=taken.used,
            layers=core.manifest.layers,
            fixed={} if board is None else taken.layers["shell"],
            accumulators=accumulators(taken.modules),
            weights=taken.weights["bram"],
        )
        reason = misfit(chosen, need, mapped.folder / yosys.NETLIST, design, smaller, board)
        if reason:
            raise InputError(reason)

        placed = Placed()
        if placer is not None and wanted:
            placed = place(
                design,
                mapped,
                placer,
                mhz=target,
                seeds=wanted,
                jobs=limit,
                progress=report,
                router=router,
            )
        for seed, home in placed.homes.items():
            shutil.copyfile(home / nextpnr.LOG, folder / f"nextpnr-{seed}.log")
            shutil.copyfile(home / nextpnr.REPORT, folder / f"nextpnr-{seed}.json")
        seconds["place"] = placed.seconds
        packed = None
        if around is not None and packer is not None and placed.homes:
            report("pack", 0, 1)
            packed = pack(around, chosen, placed, packer)
            seconds["pack"] = packed.seconds
            shutil.copyfile(packed.file, folder / packed.file.name)
            shutil.copyfile(packed.log, folder / packed.log.name)
            report("pack", 1, 1)
        result = SynthResult(
            board=board,
            baud=None if board is None else line,
            device=chosen.name,
            family=family.title,
            router=router,
            **of_device(chosen, taken.used),
            layers=taken.layers,
            modules=taken.modules,
            accumulators=over_floor(taken.modules, fit.floor(core.manifest.layers)),
            weights=taken.weights,
            **_timed(cycles, of, placed, target),
            at_clock=None if board is None else _at_clock(cycles, target),
            seconds=seconds,
            cached=(
                *(("synthesise",) if mapped.cached else ()),
                *(f"seed {seed}" for seed in placed.cached),
                *(("pack",) if packed is not None and packed.cached else ()),
            ),
            versions=_versions(core.manifest, synthesiser, placer, packer),
            bitstream=None if packed is None else packed.file.name,
            network=network.digest(),
            digest=core.manifest.digest,
        )
        (folder / SYNTH).write_text(json.dumps(result.as_dict(), indent=1) + "\n")
    return result


def part_of(device: str | None, board: str | None) -> Part:
    """What is mapped to."""
    from rtl_gen import boards
    from rtl_gen.platforms import part

    if device is not None and board is not None:
        raise InputError("a device must not be given with a board, which has one")
    if board is not None:
        return part(boards.board(board).part)
    if device is None:
        raise InputError("a board or a device must be given")
    return part(device)


def target_of(part: Part, board: str | None, freq: float | None = None) -> float:
    """MHz to aim at; of a board, it says more exactly what they are."""
    from rtl_gen import boards

    if freq is None:
        return part.device.mhz if board is None else boards.board(board).clock / 1e6
    _require_place(part, "freq")
    megahertz(freq)
    if board is not None:
        boards.board(board).setting(freq * 1e6)  # told before anything is done
    return float(freq)


def _baud(board: str | None, baud: int | None) -> int:
    """Of a serial line."""
    if baud is None:
        return DEFAULT_BAUD
    if board is None:
        raise InputError("baud must be left out without a board, whose serial line it is of")
    return integer(baud, "baud", least=1)


def _write_board(folder: Path, files: BoardFiles, network: Network) -> None:
    """What the script reads beside the core, and the network that the board will hold."""
    (folder / files.rtlil_name).write_text(files.rtlil)
    (folder / files.constraints_name).write_text(files.constraints)
    save(network, folder / MODEL)


def _wanted(part: Part, seeds: int | Sequence[int] | None) -> Sequence[int]:
    """The seeds to place with."""
    if seeds is None:
        return range(1, 2)
    if isinstance(seeds, Sequence):
        if seeds:
            _require_place(part, "seeds")
        return seeds
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


def _require_router(part: Part, router: str | None) -> None:
    if router is None:
        return
    _require_place(part, "router")
    if router not in nextpnr.ROUTERS:
        raise InputError(f"router must be one of {', '.join(nextpnr.ROUTERS)}, not {router!r}")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _timed(interval: float, of: str, placed: Placed, target: float) -> dict[str, Any]:
    """Fields that say how fast it is, with an interval of some frames."""
    fields: dict[str, Any] = {"interval_cycles": interval, "interval_of": of}
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
    fmax = round(best.fmax_mhz, 3)
    return fields | {
        "fmax_mhz": {
            "seeds": {
                str(seed): None if found is None else round(found.fmax_mhz, 3)
                for seed, found in placed.reports.items()
            },
            "best": fmax,
            "target": target,
        },
        "timing_met": best.fmax_mhz >= target,
        "critical_path": best.critical_path,
        "utilization": {s: n for s, n in best.utilization.items() if n["used"]},
        "inferences_per_second": math.floor(fmax * 1e6 / interval),
    }


def _at_clock(interval: float, mhz: float) -> dict[str, float]:
    """What a core makes of a clock."""
    return {"mhz": mhz, "inferences_per_second": math.floor(mhz * 1e6 / interval)}


def _interval(manifest: Manifest, planned: float | None) -> tuple[float, str]:
    """Cycles from frame to frame, and of what."""
    if planned is not None:
        return planned, "frames of the plan"
    typical = (manifest.timing.get("samples") or {}).get("interval_mean")
    if typical is None:
        return manifest.timing["interval_bound"], "bound"
    return typical, "sample frames"


def _versions(manifest: Manifest, *called: tools.Tool | None) -> dict[str, str]:
    used = [tool for tool in called if tool is not None]
    return {
        **manifest.versions,
        **{tool.name: tool.version for tool in used},
        "python": platform.python_version(),
    }
