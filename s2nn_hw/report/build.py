"""All that is known of a build, read from its folder."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2nn_hw import schema
from s2nn_hw.ir import well_formed
from s2nn_hw.manifest import Manifest, find

from . import cost, layer, pace, relation
from .advice import Advice
from .check import Check
from .figure import Figure, Origin
from .known import Known, pointer
from .layer import LayerReport
from .sources import OPTIONS, SYNTH, VERIFY, Sources, read_json

#: The clock of the figures that need one before a flow has found the real one.
NOMINAL_MHZ = 100

#: Of the file of options, what is no option.
_OF_THE_FILE = ("schema", "digest")


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What manifest, options and verification say of a build folder.

    Parameters
    ----------
    folder: that it lies in.
    top: module.
    digest: ties network, options, Verilog and verification together.
    toggle_frames: over which toggles were counted.
    network: its digest.
    options: as resolved; of a folder without them those of the manifest.
    simulator, frames, stall: of the verification, None if there was none.
    passed: its outcome, None likewise.
    checks: of it; empty likewise.
    figures: name → figure; the same names whatever is known, unknown ones absent.
    layers: and pools, in the network's order.
    versions: of what made verification or else synthesis or core.
    files: name → bytes, of the emitted core.
    modules: toggles a frame of each module alone, empty if there was no verification.
    netlist: what ``verify --json`` says of it under that name, None if it was not simulated.
    synthesis: what ``synth --json`` said of it, None if it was not synthesised there.
    advice: what to change, as far as it follows from these.
    commands: verb → the command line that makes its result.
    """

    folder: str
    top: str
    digest: str
    network: str
    options: dict[str, Any]
    simulator: str | None
    frames: int | None
    toggle_frames: int | None
    stall: str | None
    passed: bool | None
    checks: tuple[Check, ...]
    figures: dict[str, Figure]
    layers: tuple[LayerReport, ...]
    files: dict[str, int]
    versions: dict[str, str]
    modules: dict[str, float]
    netlist: dict[str, Any] | None
    synthesis: dict[str, Any] | None
    advice: tuple[Advice, ...]
    commands: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


def read(folder: Path) -> BuildReport:
    """The report of a build folder; InputError names the file that is foreign or changed."""
    return of(Sources((folder,)))


def of(sources: Sources) -> BuildReport:
    """The report of the build in the first folder, with what others hold of it."""
    folder = sources.folders[0]
    manifest = _manifest(folder)
    ours = manifest.top, manifest.digest
    verified = sources.of_build(VERIFY, *ours, again="verify again")
    synthesis = sources.of_build(SYNTH, *ours, again="synthesise again")
    # Last, for they are made again by whatever made the others.
    options = sources.of_build(OPTIONS, *ours, again="emit again")
    relation.check_options(sources.path(OPTIONS), options, manifest)
    if verified:
        relation.check_verified(sources.path(VERIFY), verified["layers"], manifest)
    if synthesis:
        relation.check_layers(sources.path(SYNTH), list(synthesis["layers"]), manifest)
    known = Known(
        manifest=manifest,
        folder=folder,
        options={name: value for name, value in options.items() if name not in _OF_THE_FILE}
        or dict(manifest.options),
        verified=verified,
        synthesis=synthesis,
    )
    with well_formed(f"{folder / manifest.top}.json: malformed: it"):
        return _assemble(known)


def _manifest(folder: Path) -> Manifest:
    """Of the folder's core, every field that is read here checked."""
    from .contents import Core, check

    path = find(folder)
    data = read_json(path)
    schema.MANIFEST.check(data, path)
    check(Core, data, str(path))
    return Manifest.read(folder)


def _assemble(known: Known) -> BuildReport:
    manifest, verified, synthesis = known.manifest, known.verified, known.synthesis
    layers = tuple(layer.of(entry, known) for entry in manifest.layers)
    figures = _figures(known, layers)
    names = [*manifest.files, f"{manifest.top}.json"]
    return BuildReport(
        folder=str(known.folder),
        top=manifest.top,
        digest=manifest.digest,
        network=manifest.network,
        options=known.options,
        simulator=verified.get("simulator"),
        frames=verified.get("frames"),
        toggle_frames=verified.get("toggle_frames"),
        stall=verified.get("stall"),
        passed=verified.get("passed"),
        checks=tuple(Check(**check) for check in verified.get("checks", ())),
        figures=figures,
        layers=layers,
        files={name: (known.folder / name).stat().st_size for name in sorted(names)},
        versions=verified.get("versions") or synthesis.get("versions") or manifest.versions,
        modules=dict(verified.get("modules") or {}),
        netlist=verified.get("netlist"),
        synthesis=synthesis or None,
        advice=(
            *pace.advice(known, layers, _pace(known, figures)),
            *cost.advice(known, layers, figures),
        ),
        commands=known.verbs,
    )


def _pace(known: Known, figures: dict[str, Figure]) -> Figure:
    """The interval of frames that nothing stalls; what the network's own samples say if need be."""
    if known.verified.get("stall", "none") != "none":
        return Figure.of(None, "cycles", Origin.SIMULATED, command=known.verbs["verify"])
    seen = figures["interval"]
    return figures["interval_predicted"] if seen.value is None else seen


def _figures(known: Known, layers: tuple[LayerReport, ...]) -> dict[str, Figure]:
    verified, verify = known.verified, known.verbs["verify"]
    core = f"{known.manifest.top}.json"

    def seen(path: str, unit: str, origin: Origin = Origin.SIMULATED) -> Figure:
        return known.figure(f"{VERIFY}#/{path}", unit, origin, verb="verify")

    def predicted(path: str) -> Figure:
        return known.figure(f"{core}#/timing/{path}", "cycles", Origin.PREDICTED, verb="emit")

    interval = seen("interval_cycles/mean", "cycles")
    if verified:
        expected = seen("interval_predicted_mean", "cycles", Origin.PREDICTED)
        floor = seen("interval_floor_mean", "cycles", Origin.PREDICTED)
    else:
        # What a verification did not yet say, the network's own samples do.
        expected = predicted("samples/interval_mean")
        floors = (known.manifest.timing.get("samples") or {}).get("floor_mean") or {}
        slowest = max(floors, key=floors.__getitem__, default="")
        floor = predicted("samples/floor_mean" + pointer(slowest))
    # Under stalls an interval says what the stalls left, not what the core can do.
    rate = interval.value if verified.get("stall") == "none" else None
    energies = [entry.figures["arithmetic_energy"].value for entry in layers]
    energy = None if None in energies else sum(e for e in energies if e is not None)

    def derived(value: float | None, unit: str, origin: Origin) -> Figure:
        return Figure.of(value, unit, origin, command=verify)

    return {
        "accuracy": seen("accuracy", "share"),
        "mismatches": seen("mismatches", ""),
        "latency_min": seen("latency_cycles/min", "cycles"),
        "latency_mean": seen("latency_cycles/mean", "cycles"),
        "latency_max": seen("latency_cycles/max", "cycles"),
        "latency_bound": predicted("latency_bound"),
        "interval": interval,
        "interval_predicted": expected,
        "interval_bound": predicted("interval_bound"),
        "interval_floor": floor,
        "interval_over_floor": derived(
            rate / floor.value if rate and floor.value else None, "×", Origin.SIMULATED
        ),
        "toggles_per_frame": seen("toggles_per_frame", ""),
        "netlist_toggles": known.figure(
            f"{VERIFY}#/netlist/netlist_toggles_per_frame", "", Origin.SIMULATED, verb="netlist"
        ),
        "inferences_per_second": derived(
            NOMINAL_MHZ * 10**6 / rate if rate else None,
            f"at {NOMINAL_MHZ} MHz",
            Origin.ESTIMATED,
        ),
        **_synthesised(known),
        "simulation_speed": seen("frames_per_second", "frames a second", Origin.MEASURED),
        "arithmetic_energy": derived(energy, "pJ a frame", Origin.ESTIMATED),
    }


def _synthesised(known: Known) -> dict[str, Figure]:
    """Area and clock."""

    def found(path: str, unit: str, origin: Origin) -> Figure:
        return known.figure(f"{SYNTH}#/{path}", unit, origin, verb="synth")

    at_clock = known.synthesis.get("at_clock") or {}
    board = f"at {at_clock['mhz']:g} MHz" if at_clock else ""
    if known.synthesis.get("timing_met") is False:
        board += ", not met"
    return {
        "clock": found("fmax_mhz/best", "MHz", Origin.MEASURED),
        "inferences_at_fmax": found("inferences_per_second", "", Origin.ESTIMATED),
        "inferences_on_board": found("at_clock/inferences_per_second", board, Origin.ESTIMATED),
        "lut": found("lut/used", "", Origin.MEASURED),
        "ff": found("ff/used", "", Origin.MEASURED),
        "bram": found("bram/used", "", Origin.MEASURED),
    }
