"""Our circuits beside those of other generators: the same networks, tools and frames."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from s2nn_hw import peers, schema
from s2nn_hw.ir import InputError, Network, ToolError, integer
from s2nn_hw.report import comparison
from s2nn_hw.toolchain import tools

from .circuits import mapped, played
from .emit import Progress, megahertz
from .folder import output_folder
from .synth import synth
from .verify import verify

if TYPE_CHECKING:
    from rtl_gen.platforms import Part

BENCH, TABLE, PLOT = schema.BENCH.file, "bench.md", "bench.svg"
OURS = "s2nn-hw"
#: Area is told on both, clock on the first.
DEVICES = ("LFE5U-85F-6", "XC7A100T")
FRAMES = 64
#: MHz that all are placed for: more than all but the smallest reach, so that each is as fast as it
#: can be.
FREQ = 300.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One circuit of one network on one device.

    Parameters
    ----------
    network: name; generator, setting: who made it, and how; device: it was mapped to.
    version: of the generator.
    synthesis: command of yosys; of a peer that which needs the fewest look-up tables.
    lut, ff, carry, bram: cells' sites; ``datapath_lut`` those of our unrolled circuit that
        compute, the rest being streams, their buffers and the choice of the class, which most
        peers have not.
    fmax_mhz: of the best seed; None where it is combinational, or nothing places and routes.
    latency_cycles, interval_cycles: simulated.
    inferences_per_second: fmax over the interval.
    generate_seconds: from the network to Verilog.
    frames: simulated; mismatches: of them, those that differ from the golden model in what the
        circuit ``gives``: scores, spikes of the last layer, or the class.
    error: why there is no circuit, and no figure.
    """

    network: str
    generator: str
    setting: str
    device: str
    version: str = ""
    synthesis: str | None = None
    lut: int | None = None
    ff: int | None = None
    carry: int | None = None
    bram: int | None = None
    datapath_lut: int | None = None
    fmax_mhz: float | None = None
    latency_cycles: float | None = None
    interval_cycles: float | None = None
    inferences_per_second: int | None = None
    generate_seconds: float | None = None
    frames: int | None = None
    mismatches: int | None = None
    gives: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """The outcome of bench(); its fields are those of ``bench --json``.

    rows: every circuit on every device.
    best: per network and device, our unrolled circuit beside the smallest and the fastest of the
        peers', and the ratios; see ``report.comparison.best``.
    networks: name → digest.
    versions: of the tools.
    """

    format: int
    rows: tuple[Row, ...]
    best: tuple[dict[str, Any], ...]
    networks: dict[str, str]
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What all rows have in common."""

    folder: Path
    parts: tuple[Part, ...]
    freq: float
    seeds: int
    jobs: int
    simulator: str
    unroll_limit: int | None
    progress: Progress


def bench(
    networks: Mapping[str, Network],
    out: str | os.PathLike[str],
    *,
    images: Mapping[str, npt.NDArray[np.uint8]],
    others: Sequence[str] = tuple(peers.PEERS),
    engines: Sequence[str] = ("unrolled", "event"),
    devices: Sequence[str] = DEVICES,
    freq: float = FREQ,
    seeds: int = 1,
    jobs: int | None = None,
    simulator: str = "icarus",
    unroll_limit: int | None = None,
    progress: Progress | None = None,
) -> BenchResult:
    """Measure our engines and the other generators with the same networks, into the folder ``out``.

    That gets ``bench.json``, ``bench.md`` and ``bench.svg``, a folder of ours and of each peer's
    circuit.  What cannot be measured is a row with an ``error``, and no end of it.

    Parameters
    ----------
    networks: by name, which is that of a folder.
    images: name → frames (n, *shape) to simulate with.
    others: names in peers.PEERS; engines: ours; devices: as synth() takes them.
    freq: MHz that all aim at.
    seeds, jobs: of place and route, see synth(); unroll_limit: see emit().

    Raises InputError on a peer, an engine or a device that there is not, or is named twice.
    """
    from rtl_gen.lanes import ENGINES
    from rtl_gen.platforms import part

    for what, names, known in (
        ("a peer", others, tuple(peers.PEERS)),
        ("an engine", engines, ENGINES),
    ):
        for name in names:
            if name not in known:
                raise InputError(f"{what} must be one of {', '.join(known)}, not {name!r}")
            if names.count(name) > 1:
                raise InputError(f"{what} is measured once: {name!r} is named more than once")
    rows: list[Row] = []
    with output_folder(out) as folder:
        run = _Run(
            folder=folder,
            parts=tuple(part(device) for device in devices),
            freq=megahertz(freq),
            seeds=integer(seeds, "seeds", least=1),
            jobs=(os.cpu_count() or 1) if jobs is None else integer(jobs, "jobs", least=1),
            simulator=simulator,
            unroll_limit=unroll_limit,
            progress=progress or (lambda stage, done, total: None),
        )
        for name, network in networks.items():
            for engine in engines:
                rows += _ours(run, name, network, images[name], engine)
                run.progress("bench", len(rows), 0)
            for peer in others:
                rows += _theirs(run, name, network, images[name], peers.PEERS[peer])
                run.progress("bench", len(rows), 0)
        result = BenchResult(
            format=schema.BENCH.version,
            rows=tuple(rows),
            best=tuple(comparison.best([asdict(row) for row in rows], OURS)),
            networks={name: network.digest() for name, network in networks.items()},
            versions=_versions(run),
        )
        data = result.as_dict()
        (folder / BENCH).write_text(json.dumps(data, indent=1) + "\n")
        (folder / TABLE).write_text(comparison.markdown(data))
        comparison.plot(data, folder / PLOT)
    return result


def _ours(
    run: _Run, name: str, network: Network, frames: npt.NDArray[np.uint8], engine: str
) -> list[Row]:
    """Rows of one of our engines, as ``synth --device`` and ``verify`` make them."""
    import s2nn_hw

    rows = []
    home = run.folder / name / f"{OURS}-{engine}"
    home.mkdir(parents=True)
    options: dict[str, Any] = {"engine": engine}
    if run.unroll_limit is not None:
        options["unroll_limit"] = run.unroll_limit
    for part in run.parts:
        common: dict[str, Any] = {"network": name, "generator": OURS, "setting": engine}
        common["device"] = part.name
        common["version"] = s2nn_hw.__version__
        try:
            made = synth(
                network,
                home / part.name,
                device=part.name,
                freq=run.freq if part.family.nextpnr else None,
                seeds=run.seeds if part.family.nextpnr else None,
                jobs=run.jobs,
                progress=run.progress,
                **options,
            )
            seen = verify(
                network,
                frames,
                home / f"{part.name}-simulated",
                simulator=run.simulator,
                family=part.family.name,
                freq=run.freq,
                progress=run.progress,
                **options,
            )
        except (InputError, ToolError) as error:
            rows.append(Row(**common, error=_line(error)))
            continue
        used: dict[str, Any] = {
            key: int(made[key]["used"]) for key in ("lut", "ff", "carry", "bram")
        }
        fmax = None if made.fmax_mhz is None else made.fmax_mhz["best"]
        interval = seen.interval_cycles["mean"] or seen.interval_floor_mean
        rows.append(
            Row(
                **common,
                synthesis=part.family.synthesis,
                **used,
                datapath_lut=_datapath(made.modules),
                fmax_mhz=fmax,
                latency_cycles=seen.latency_cycles["max"],
                interval_cycles=interval,
                inferences_per_second=_rate(fmax, interval),
                generate_seconds=made.seconds["emit"],
                frames=len(frames),
                mismatches=seen.mismatches,
                gives="scores",
            )
        )
    return rows


def _theirs(
    run: _Run,
    name: str,
    network: Network,
    frames: npt.NDArray[np.uint8],
    peer: peers.Peer,
) -> list[Row]:
    """Rows of a peer: of each setting on each device, or one that says why there is none."""
    common: dict[str, Any] = {"network": name, "generator": peer.name}
    common["version"] = peer.requirements[0]
    try:
        taken = peers.chain(network)
        installed = peers.environment(peer)
    except (InputError, ToolError) as error:
        return [Row(**common, setting="", device="", error=_line(error))]
    rows = []
    for setting in peer.settings:
        run.progress(f"{name}: {peer.name}, {setting.name}", 0, 1)
        home = (
            run.folder / name / f"{peer.name}-{setting.name.replace(', ', '-').replace(' ', '-')}"
        )
        try:
            circuit = installed.generate(taken, setting, home)
            simulated = played(circuit, network, frames, run.simulator)
        except (InputError, ToolError) as error:
            rows.append(Row(**common, setting=setting.name, device="", error=_line(error)))
            continue
        for part in run.parts:
            row = {**common, **simulated, "setting": setting.name, "device": part.name}
            row["generate_seconds"] = round(circuit.seconds, 3)
            try:
                row |= mapped(
                    circuit,
                    part,
                    mhz=run.freq,
                    seeds=run.seeds,
                    jobs=run.jobs,
                    progress=run.progress,
                )
            except (InputError, ToolError) as error:
                row["error"] = _line(error)
            row["inferences_per_second"] = _rate(row.get("fmax_mhz"), row["interval_cycles"])
            rows.append(Row(**row))
        run.progress(f"{name}: {peer.name}, {setting.name}", 1, 1)
    return rows


def _datapath(modules: Mapping[str, Mapping[str, int]]) -> int | None:
    """Look-up tables of the pipelines of unrolled layers; None where there are none."""
    found = [units["lut"] for path, units in modules.items() if path.endswith(".pipeline")]
    return sum(found) if found else None


def _rate(fmax: float | None, interval: float | None) -> int | None:
    return math.floor(fmax * 1e6 / interval) if fmax and interval else None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _versions(run: _Run) -> dict[str, str]:
    found = [tools.yosys()]
    for part in run.parts:
        if part.family.nextpnr is not None:
            found.append(tools.nextpnr(part.family.nextpnr))
    return {tool.name: tool.version for tool in found}
