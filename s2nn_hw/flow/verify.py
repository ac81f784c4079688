"""Proof in simulation that an emitted core does what the golden model does."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import numpy.typing as npt

from s2nn_hw import schema
from s2nn_hw.ir import InputError, Network, integer
from s2nn_hw.manifest import sha256
from s2nn_hw.report import Check
from s2nn_hw.report.baseline import BASELINE, comparable
from s2nn_hw.report.baseline import read as read_baseline
from s2nn_hw.toolchain import tools, yosys

from .emit import Core, Options, Progress, build
from .example import EXAMPLE, example
from .folder import output_folder, writable_file, write_file
from .gates import NetlistResult, below, mapped_core, simulated
from .images import known_labels
from .mapping import Design, synthesise
from .outcome import LayerResult, figures, findings, together
from .ports import PORTS, ports
from .stimulus import Stimulus, stimulus
from .timeline import TIMELINE, timeline

if TYPE_CHECKING:
    from rtl_gen.platforms import Part

VERIFY = schema.VERIFY.file
#: Folder of the mapped core, in a build's.
NETLIST = "netlist"
#: Of a core whose clock nothing tells.
_MHZ = 100.0


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """The outcome of verify(); its fields are those of ``verify --json``.

    schema: version of these fields.
    passed: whether every check did.
    images: ``source``, for people, and ``digest`` of the frames.
    frames: streamed; the first of them were sent alone before, for their latency.
    mismatches: values that differ, over all checks.
    accuracy: of the simulated classes, 0…1; None without labels.
    latency_cycles: min, mean, max of the frames sent alone.
    latency_bound: predicted, of any frame alone; holds where neither side stalls.
    interval_cycles: mean over the stream; None for a single frame.
    interval_floor_mean: of the layer whose floor is highest, over the frames behind the first, as
        the interval.
    toggles_per_frame: over the first ``toggle_frames`` of the stream; None if the core died before
        it began.
    modules: the same of each module alone, by its path below the top, whose own name stands for
        itself; ``neuron_*`` are all the neurons of a layer.
    frames_per_second, cycles_per_second: of the simulation, measured.
    cycles: simulated in all.
    counters: hardware counters at the end.
    seconds: golden, emit, build (0 if cached), simulate.
    netlist: of the synthesised core, None unless asked for.
    digest: of the build.
    """

    schema: int = schema.VERIFY.version
    passed: bool
    images: dict[str, str | None]
    frames: int
    mismatches: int
    accuracy: float | None
    latency_cycles: dict[str, float | None]
    latency_bound: int
    interval_cycles: dict[str, float | None]
    interval_predicted_mean: float | None
    interval_floor_mean: float
    toggles_per_frame: float | None
    toggle_frames: int
    modules: dict[str, float]
    layers: tuple[LayerResult, ...]
    checks: tuple[Check, ...]
    cycles: int
    counters: dict[str, int]
    simulator: str
    stall: str
    seed: int
    frames_per_second: float
    cycles_per_second: float
    seconds: dict[str, float]
    netlist: NetlistResult | None
    versions: dict[str, str]
    network: str
    digest: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __getitem__(self, name: str) -> Any:
        """A field by its JSON name."""
        return self.as_dict()[name]


def verify(
    network: Network,
    images: npt.ArrayLike,
    out: str | os.PathLike[str],
    *,
    labels: npt.ArrayLike | None = None,
    frames: int | None = None,
    simulator: str = "verilator",
    stall: str = "none",
    seed: int = 0,
    source: str | None = None,
    baseline: str | os.PathLike[str] | None = None,
    netlist: str | None = None,
    tool_source: str = "packages",
    activity: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **options: Unpack[Options],
) -> VerifyResult:
    """Emit the core into ``out``, simulate it and compare everything with the golden model.

    A core that passes leaves ``ports.wavedrom.json``, the timing diagram of its ports,
    ``timeline.json``, what its layers did in the first frames, and ``example.json``, the values of
    one of them; see ports(), timeline() and example().

    Parameters
    ----------
    images: frames (n, *shape) in the input's range.
    labels: (n,), for the accuracy.
    frames: take so many from the start.
    simulator: ``verilator`` or ``icarus``.
    stall: a pattern of sim/stall.py; ``seed`` is its.
    source: where the images are from, for people.
    baseline: an earlier result's file that this one is to be compared with (see report.baseline):
        refused before anything is simulated where it cannot be, else kept as ``baseline.json``.
    netlist: a device, as synth() takes it: the core is synthesised for it, and the netlist plays
        the same in the core's place, with models of the device's cells.
    tool_source: of yosys: ``packages``, or ``path`` for the one on PATH.
    activity: a file for power tools, of the core alone over ``toggle_frames``: of its module the
        time each bit was high and its toggles (SAIF) with Verilator, every change (VCD) with
        Icarus.  Its time is that of the core's clock, of 100 MHz where that is not known.
    progress: called with a stage, and how much of how much is done.
    options: of the core; family and freq are the netlist's if there is one.

    Raises InputError on wrong input, ToolError if the simulation failed to run; a core that does
    something else than the golden model is a result that has not ``passed``.
    """
    import sim.runner
    import sim.stall

    report = progress or (lambda stage, done, total: None)
    network.check()
    taken, known = _taken(network, images, labels, frames)
    seed = integer(seed, "seed", least=0)
    sim.stall.stall(stall, 0, seed)
    reason = sim.runner.unusable(simulator)
    if reason:
        raise InputError(f"{simulator}: {reason}")
    part = None if netlist is None else simulated(netlist)
    synthesiser = None if part is None else tools.yosys(tool_source)
    options = _fitted(options, part)
    earlier = None if baseline is None else read_baseline(Path(baseline))
    if activity is not None:
        writable_file(Path(activity))
    context: dict[str, Any] = {
        "images": {"source": source, "digest": _digest(taken)},
        "simulator": simulator,
        "stall": stall,
        "seed": seed,
    }
    with output_folder(out) as folder:
        clock = _Clock()
        report("emit", 0, 1)
        core = build(network, **options)
        core.write(folder)
        report("emit", 1, 1)
        clock.stop("emit")
        if earlier is not None:
            built = [asdict(entry) for entry in core.manifest.layers]
            here = {"frames": len(taken), "counters": core.manifest.counters, "layers": built}
            comparable(context | here, earlier, str(baseline))
            (folder / BASELINE).write_text(json.dumps(earlier, indent=1) + "\n")
        played = stimulus(network, core, taken, stall=stall, seed=seed, progress=report)
        clock.stop("golden")
        export = None
        if activity is not None:
            mhz = options.get("freq") or _MHZ
            export = _export(_inside(Path(activity), Path(out), folder), core.manifest.top, mhz)
        simulation = sim.runner.simulate(
            folder,
            played.vectors,
            simulator=simulator,
            export=export,
            progress=progress,
        )
        checked = findings(core, played, simulation)
        if checked["passed"]:
            shown = ports(network, core, taken[:1], folder, simulator)
            if shown.diagram is not None:
                (folder / PORTS).write_text(shown.diagram)
            for name, text in (
                (TIMELINE, timeline(core, played, simulation.seen, simulator)),
                (EXAMPLE, example(network, core, played, taken, known)),
            ):
                (folder / name).write_text(text)
            checked["passed"] = shown.check.passed
            checked["checks"] += (shown.check,)
            checked["mismatches"] += shown.mismatches
        clock.seconds["build"] = round(simulation.build_seconds, 3)
        clock.seconds["simulate"] = round(simulation.run_seconds, 3)
        versions = _versions(core.manifest.versions, simulator, simulation.version)
        gates = None
        if part is not None and synthesiser is not None:
            versions[synthesiser.name] = synthesiser.version
            gates, checks = _netlist(
                core, part, synthesiser, played, folder / NETLIST, simulator, report
            )
            checked["passed"] = checked["passed"] and gates.passed
            checked["checks"] += checks
            checked["mismatches"] += gates.mismatches
        result = VerifyResult(
            **context,
            seconds=clock.seconds,
            netlist=gates,
            versions=versions,
            network=network.digest(),
            digest=core.manifest.digest,
            **checked,
            **figures(core, played, simulation, known),
        )
        (folder / VERIFY).write_text(json.dumps(result.as_dict(), indent=1) + "\n")
    return result


def _fitted(options: Options, part: Part | None) -> Options:
    """The options of a core for a netlist's FPGA, if there is one, as synth() has them."""
    if part is None:
        return options
    own, family, freq = part.family.name, options.get("family"), options.get("freq")
    if family not in (None, own):
        raise InputError(f"family must be {own}, that of {part.name}, or left out, not {family!r}")
    return {**options, "family": own, "freq": part.device.mhz if freq is None else freq}


def _inside(file: Path, out: Path, folder: Path) -> Path:
    """Where to write a file that may be one of the folder which is to become ``out``."""
    file, out = file.resolve(), out.resolve()
    return folder / file.relative_to(out) if file.is_relative_to(out) else file


def _export(file: Path, top: str, mhz: float) -> Callable[[Path, Path | None], None]:
    """What writes the file for power tools."""
    import sim.export

    def export(dump: Path, snapshot: Path | None) -> None:
        lines = (
            sim.export.vcd(dump, top, mhz)
            if snapshot is None
            else sim.export.saif(dump, snapshot, top, mhz)
        )
        write_file(file, lines)

    return export


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    def stop(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._start, 3)
        self._start = now


def _taken(
    network: Network,
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None,
    frames: int | None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64] | None]:
    """The frames to play and their labels."""
    taken = network.input.frames(images)
    known = None if labels is None else known_labels(labels, len(taken), network.classes)
    if frames is not None:
        frames = integer(frames, "frames")
        if not 1 <= frames <= len(taken):
            raise InputError(f"frames must be 1…{len(taken)}, not {frames}")
        taken = taken[:frames]
        known = None if known is None else known[:frames]
    return taken, known


def _digest(frames: npt.NDArray[np.uint8]) -> str:
    return sha256(json.dumps(frames.shape).encode() + frames.tobytes())


def _netlist(
    core: Core,
    part: Part,
    synthesiser: tools.Tool,
    played: Stimulus,
    folder: Path,
    simulator: str,
    report: Progress,
) -> tuple[NetlistResult, tuple[Check, ...]]:
    """Play the same to the core's netlist, written into a folder of its own."""
    import sim.runner

    report("synthesise", 0, 1)
    mapped = synthesise(Design.of_core(core, part), synthesiser)
    made = mapped_core(core, part, mapped.folder / yosys.NETLIST, synthesiser)
    made.write(folder)
    report("synthesise", 1, 1)
    simulation = sim.runner.simulate(
        folder, made.vectors(played.vectors), simulator=simulator, progress=report
    )
    checked = findings(core, played, simulation)
    checks = tuple(
        Check(name=f"netlist: {check.name}", passed=check.passed, detail=check.detail)
        for check in checked["checks"]
    )
    toggles: Counter[str] = Counter()
    if simulation.activity is not None:
        toggles = made.by_module(simulation.activity.nets[""])

    def a_frame(path: str) -> float | None:
        return None if simulation.activity is None else below(toggles, path) / played.active

    frames = played.alone + len(played.trace.classes)
    result = NetlistResult(
        device=part.name,
        family=part.family.title,
        passed=checked["passed"],
        mismatches=checked["mismatches"],
        cells=made.cells,
        nets=len(made.homes),
        unseen=made.unseen,
        netlist_toggles_per_frame=a_frame(""),
        netlist_toggles=together(toggles, core.manifest.top, played.active),
        netlist_toggles_of_layers={
            layer.name: a_frame(layer.module) for layer in core.manifest.layers
        },
        frames_per_second=frames / simulation.run_seconds,
        seconds={
            "synthesise": mapped.seconds,
            "build": round(simulation.build_seconds, 3),
            "simulate": round(simulation.run_seconds, 3),
        },
    )
    return result, checks


def _versions(emitted: dict[str, str], simulator: str, version: str) -> dict[str, str]:
    return {
        **emitted,
        **{name: importlib.metadata.version(name) for name in ("cocotb", "numpy", "torch")},
        "python": platform.python_version(),
        simulator: version,
    }
