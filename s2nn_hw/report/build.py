"""All that is known of a build, read from its folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2nn_hw.energy import arithmetic_pj
from s2nn_hw.ir import InputError, well_formed
from s2nn_hw.manifest import LayerEntry, Manifest

from .check import Check
from .figure import Figure, Origin

VERIFY = "verify.json"
SYNTH = "synth.json"
OPTIONS = "options.json"

#: The clock of the figures that need one before a flow has found the real one.
NOMINAL_MHZ = 100


@dataclass(frozen=True, kw_only=True)
class LayerReport:
    """One layer: what was built and what was seen of it.

    memory_bits: of weights, copies counted as often as they are stored.
    buffer_bits: of line buffers; least_buffer_bits: the sum of Buffer.least_bits.
    """

    name: str
    engine: str
    lanes: int
    inputs: int
    neurons: int
    synapses: int
    weight_bits: int
    memory_bits: int
    buffer_bits: int
    least_buffer_bits: int
    figures: dict[str, Figure]


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What manifest, options and verification say of a build folder.

    Parameters
    ----------
    digest: ties network, options, Verilog and verification together.
    figures: name → figure; the same names whatever is known, unknown ones absent.
    checks: of the verification; empty if there was none.
    passed: the verification's outcome, None if there was none.
    files: name → bytes, of the emitted core.
    modules: toggles a frame of each module alone, empty if there was no verification.
    netlist: what ``verify --json`` says of it under that name, None if it was not simulated.
    synthesis: what ``synth --json`` said of it, None if it was not synthesised there.
    """

    folder: str
    top: str
    digest: str
    network: str
    options: dict[str, Any]
    simulator: str | None
    frames: int | None
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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


def read(folder: Path) -> BuildReport:
    """The report of a build folder; InputError names the file that is foreign or changed."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such build folder")
    manifest = Manifest.read(folder)
    verified = _of_build(folder / VERIFY, manifest, again="verify again")
    synthesis = _of_build(folder / SYNTH, manifest, again="synthesise again")
    with well_formed(f"{folder / VERIFY}: malformed: it"):
        return _assemble(folder, manifest, verified, synthesis)


def _of_build(path: Path, manifest: Manifest, *, again: str) -> dict[str, Any]:
    """The result in a file, empty if there is none; InputError if it is of another build."""
    data = _json(path)
    if data and data.get("digest") != manifest.digest:
        raise InputError(
            f"{path}: is of another build than {manifest.top}.json "
            f"(digest {str(data.get('digest'))[:12]}, not {manifest.digest[:12]}): {again}"
        )
    return data


def _assemble(
    folder: Path, manifest: Manifest, verified: dict[str, Any], synthesis: dict[str, Any]
) -> BuildReport:
    seen = {layer["name"]: layer for layer in verified.get("layers", ())}
    # What a verification did not yet say, the network's own samples do.
    samples = manifest.timing.get("samples") or {}
    floors = samples.get("floor_mean") or {}
    layers = tuple(
        _layer(entry, seen.get(entry.name, {"floor_cycles_mean": floors.get(entry.name)}))
        for entry in manifest.layers
    )
    names = [*manifest.files, f"{manifest.top}.json"]
    return BuildReport(
        folder=str(folder),
        top=manifest.top,
        digest=manifest.digest,
        network=manifest.network,
        options=_json(folder / OPTIONS) or dict(manifest.options),
        simulator=verified.get("simulator"),
        frames=verified.get("frames"),
        stall=verified.get("stall"),
        passed=verified.get("passed"),
        checks=tuple(Check(**check) for check in verified.get("checks", ())),
        figures=_figures(verified, layers, manifest.timing),
        layers=layers,
        files={name: (folder / name).stat().st_size for name in sorted(names)},
        versions=verified.get("versions") or synthesis.get("versions") or manifest.versions,
        modules=dict(verified.get("modules") or {}),
        netlist=verified.get("netlist"),
        synthesis=synthesis or None,
    )


def _figures(
    verified: Mapping[str, Any], layers: tuple[LayerReport, ...], timing: Mapping[str, Any]
) -> dict[str, Figure]:
    if not verified:
        samples = timing.get("samples") or {}
        verified = {
            "interval_predicted_mean": samples.get("interval_mean"),
            "interval_floor_mean": max((samples.get("floor_mean") or {}).values(), default=None),
        }
    latency = verified.get("latency_cycles") or {}
    interval = (verified.get("interval_cycles") or {}).get("mean")
    floor = verified.get("interval_floor_mean")
    # Under stalls an interval says what the stalls left, not what the core can do.
    rate = interval if verified.get("stall") == "none" else None
    energies = [layer.figures["arithmetic_energy"].value for layer in layers]
    energy = None if None in energies else sum(e for e in energies if e is not None)
    return {
        "accuracy": Figure.of(verified.get("accuracy"), "share", Origin.SIMULATED),
        "mismatches": Figure.of(verified.get("mismatches"), "", Origin.SIMULATED),
        "latency_min": Figure.of(latency.get("min"), "cycles", Origin.SIMULATED),
        "latency_mean": Figure.of(latency.get("mean"), "cycles", Origin.SIMULATED),
        "latency_max": Figure.of(latency.get("max"), "cycles", Origin.SIMULATED),
        "latency_bound": Figure.of(timing.get("latency_bound"), "cycles", Origin.PREDICTED),
        "interval": Figure.of(interval, "cycles", Origin.SIMULATED),
        "interval_predicted": Figure.of(
            verified.get("interval_predicted_mean"), "cycles", Origin.PREDICTED
        ),
        "interval_bound": Figure.of(timing.get("interval_bound"), "cycles", Origin.PREDICTED),
        "interval_floor": Figure.of(floor, "cycles", Origin.PREDICTED),
        "interval_over_floor": Figure.of(
            rate / floor if rate and floor else None, "×", Origin.SIMULATED
        ),
        "toggles_per_frame": Figure.of(verified.get("toggles_per_frame"), "", Origin.SIMULATED),
        "inferences_per_second": Figure.of(
            NOMINAL_MHZ * 10**6 / rate if rate else None,
            f"at {NOMINAL_MHZ} MHz",
            Origin.ESTIMATED,
        ),
        "simulation_speed": Figure.of(
            verified.get("frames_per_second"), "frames a second", Origin.MEASURED
        ),
        "arithmetic_energy": Figure.of(energy, "pJ a frame", Origin.ESTIMATED),
    }


def _layer(entry: LayerEntry, seen: Mapping[str, Any]) -> LayerReport:
    events = seen.get("events_mean")
    added, multiplied = seen.get("accumulates_mean"), seen.get("multiply_accumulates_mean")
    energy = None
    if added is not None and multiplied is not None:
        energy = arithmetic_pj(added, multiplied)
    return LayerReport(
        name=entry.name,
        engine=entry.engine,
        lanes=entry.lanes,
        inputs=entry.inputs,
        neurons=entry.neurons,
        synapses=entry.synapses,
        weight_bits=entry.weight_bits,
        memory_bits=sum(memory.rows * memory.row_bits for memory in entry.memories),
        buffer_bits=sum(buffer.bits for buffer in entry.buffers),
        least_buffer_bits=sum(buffer.least_bits for buffer in entry.buffers),
        figures={
            # The events are the golden model's; that the core's were the same is a check.
            "events": Figure.of(events, "a frame", Origin.PREDICTED),
            "floor": Figure.of(seen.get("floor_cycles_mean"), "cycles", Origin.PREDICTED),
            "toggles_per_frame": Figure.of(seen.get("toggles_per_frame"), "", Origin.SIMULATED),
            "arithmetic_energy": Figure.of(energy, "pJ a frame", Origin.ESTIMATED),
        },
    )


def _json(path: Path) -> dict[str, Any]:
    """The object in a file, empty if there is no such file."""
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a JSON object, not {type(data).__name__}")
    return data
