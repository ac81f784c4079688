"""Proof in simulation that an emitted core does what the golden model does."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError, Network, integer
from s2nn_hw.manifest import sha256
from s2nn_hw.report import Check
from s2nn_hw.report.baseline import comparable
from s2nn_hw.report.baseline import read as read_baseline
from s2nn_hw.toolchain import tools, yosys

from .emit import Core, Engine, Lanes, Progress, build
from .folder import output_folder
from .gates import NetlistResult, below, mapped_core, simulated
from .images import known_labels
from .mapping import Design, synthesise
from .ports import PORTS, ports
from .stimulus import Stimulus, stimulus

if TYPE_CHECKING:
    from rtl_gen.platforms import Part
    from sim.activity import Activity
    from sim.runner import Simulation

VERIFY = "verify.json"
BASELINE = "baseline.json"
#: Folder of the mapped core, in a build's.
NETLIST = "netlist"

#: Modules that there are by the hundred.
_NEURON = re.compile(r"\bneuron_\d+")


@dataclass(frozen=True, kw_only=True)
class LayerResult:
    """Means over the streamed frames; no toggles of a core that died before.

    events_mean: spikes that reach the accumulators; of a pool, pixels with spikes that it reads.
    accumulates_mean: additions of a weight that they cause.
    """

    name: str
    engine: str
    lanes: int
    events_mean: float
    accumulates_mean: float
    floor_cycles_mean: float
    toggles_per_frame: float | None


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """The outcome of verify(); its fields are those of ``verify --json``.

    passed: whether every check did.
    images: ``source``, for people, and ``digest`` of the frames.
    frames: streamed; the first of them were sent alone before, for their latency.
    mismatches: values that differ, over all checks.
    accuracy: of the simulated classes, 0…1; None without labels.
    latency_cycles: min, mean, max of the frames sent alone.
    interval_cycles: mean over the stream; None for a single frame.
    interval_floor_mean: of the layer whose floor is highest.
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
    engine: Engine = "event",
    lanes: Lanes = None,
    top: str = "s2nn_core",
    counters: bool = False,
    source: str | None = None,
    baseline: str | os.PathLike[str] | None = None,
    netlist: str | None = None,
    tool_source: str = "packages",
    progress: Progress | None = None,
) -> VerifyResult:
    """Emit the core into ``out``, simulate it and compare everything with the golden model.

    A core that passes leaves ``ports.wavedrom.json``, the timing diagram of its ports.

    Parameters
    ----------
    images: frames (n, *shape) in the input's range.
    labels: (n,), for the accuracy.
    frames: take so many from the start.
    simulator: ``verilator`` or ``icarus``.
    stall: a pattern of sim/stall.py; ``seed`` is its.
    engine, lanes, top, counters: see emit().
    source: where the images are from, for people.
    baseline: an earlier result's file that this one is to be compared with (see report.baseline):
        refused before anything is simulated where it cannot be, else kept as ``baseline.json``.
    netlist: a device, as synth() takes it: the core is synthesised for it, and the netlist plays
        the same in the core's place, with models of the device's cells.
    tool_source: of yosys: ``packages``, or ``path`` for the one on PATH.
    progress: called with a stage, and how much of how much is done.

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
    earlier = None if baseline is None else read_baseline(Path(baseline))
    context: dict[str, Any] = {
        "images": {"source": source, "digest": _digest(taken)},
        "simulator": simulator,
        "stall": stall,
        "seed": seed,
    }
    with output_folder(out) as folder:
        clock = _Clock()
        report("emit", 0, 1)
        core = build(network, engine=engine, lanes=lanes, top=top, counters=counters)
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
        simulation = sim.runner.simulate(
            folder, played.vectors, simulator=simulator, progress=progress
        )
        checked = _checked(core, played, simulation, stall)
        if checked["passed"]:
            shown = ports(network, core, taken[:1], folder, simulator)
            if shown.diagram is not None:
                (folder / PORTS).write_text(shown.diagram)
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
                core, part, synthesiser, played, folder / NETLIST, simulator, stall, report
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
            **_measured(core, played, simulation, known),
        )
        (folder / VERIFY).write_text(json.dumps(result.as_dict(), indent=1) + "\n")
    return result


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
    stall: str,
    report: Progress,
) -> tuple[NetlistResult, tuple[Check, ...]]:
    """Play the same to the core's netlist, written into a folder of its own."""
    import sim.runner

    report("synthesise", 0, 1)
    mapped = synthesise(Design.of_core(core, part), synthesiser)
    made = mapped_core(core.manifest, part, mapped.folder / yosys.NETLIST, synthesiser)
    made.write(folder)
    report("synthesise", 1, 1)
    simulation = sim.runner.simulate(
        folder, made.vectors(played.vectors), simulator=simulator, progress=report
    )
    checked = _checked(core, played, simulation, stall)
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
        netlist_toggles=_together(toggles, core.manifest.top, played.active),
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


def _checked(core: Core, played: Stimulus, simulation: Simulation, stall: str) -> dict[str, Any]:
    """Fields that say whether all is as it should be."""
    verdicts = simulation.verdicts
    checks = [Check(name=v.name, passed=v.passed, detail=v.detail) for v in verdicts]
    mismatches = sum(verdict.mismatches for verdict in verdicts)
    counted = [entry.name for entry in core.manifest.layers if entry.engine != "pool"]
    for name in counted if core.manifest.counters else ():
        events = played.events[name]
        expected = int(events[: played.alone].sum() + events.sum()) % 2**32
        seen = simulation.seen.counters.get(f"count_{name}_events", -1)
        checks.append(
            Check(
                name=f"event counter {name}",
                passed=seen == expected,
                detail=f"{seen}, expected {expected}",
            )
        )
        mismatches += seen != expected
    return {
        "passed": all(check.passed for check in checks),
        "checks": tuple(checks),
        "mismatches": mismatches,
        "counters": simulation.seen.counters,
    }


def _measured(
    core: Core,
    played: Stimulus,
    simulation: Simulation,
    labels: npt.NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Figures, of what was simulated unless the name says otherwise."""
    seen, manifest = simulation.seen, core.manifest
    alone, frames = played.alone, len(played.trace.classes)
    beats_in, beats_out = manifest.input.beats, manifest.output.beats
    # A core that failed may have answered less, or more; figures are of what there is.
    begins = seen.accepted[::beats_in]
    ends = seen.delivered[beats_out - 1 :: beats_out]
    latency = (ends[:alone] - begins[: len(ends[:alone])]).tolist() if len(begins) else []
    stream = ends[alone:]
    whole = len(seen.results) // beats_out * beats_out
    classes, _ = manifest.output.unpack([max(word, 0) for word in seen.results[:whole]])
    answers = classes[alone : alone + frames]
    cycles = int(max(seen.accepted.max(initial=0), seen.delivered.max(initial=0))) + 1
    activity = simulation.activity
    assert activity is not None or not all(verdict.passed for verdict in simulation.verdicts)

    def toggles(path: str) -> float | None:
        return None if activity is None else activity.module(path) / played.active

    floors = {name: float(floor.mean()) for name, floor in played.floors.items()}
    return {
        "frames": frames,
        "accuracy": None
        if labels is None
        else float((answers == labels[: len(answers)]).sum() / frames),
        "latency_cycles": {
            "min": min(latency, default=None),
            "mean": float(np.mean(latency)) if latency else None,
            "max": max(latency, default=None),
        },
        "latency_bound": manifest.timing["latency_bound"],
        "interval_cycles": {"mean": float(np.diff(stream).mean()) if len(stream) > 1 else None},
        "interval_predicted_mean": float(played.predicted.intervals[alone:].mean())
        if frames > 1
        else None,
        "interval_floor_mean": max(floors.values()),
        "toggles_per_frame": toggles(""),
        "toggle_frames": played.active,
        "modules": {} if activity is None else _modules(activity, manifest.top, played.active),
        "layers": tuple(
            LayerResult(
                name=entry.name,
                engine=entry.engine,
                lanes=entry.lanes,
                events_mean=float(played.events[entry.name].mean()),
                accumulates_mean=float(np.mean(played.accumulates.get(entry.name, 0))),
                floor_cycles_mean=floors[entry.name],
                toggles_per_frame=toggles(entry.module),
            )
            for entry in manifest.layers
        ),
        "cycles": cycles,
        "frames_per_second": (alone + frames) / simulation.run_seconds,
        "cycles_per_second": cycles / simulation.run_seconds,
    }


def _modules(activity: Activity, top: str, frames: int) -> dict[str, float]:
    """Toggles a frame of each module alone; a layer's neurons together."""
    counts = {path: sum(nets.values()) for path, nets in activity.nets.items()}
    return _together(counts, top, frames)


def _together(counts: Mapping[str, int], top: str, frames: int) -> dict[str, float]:
    """The same of counts by the module's path."""
    found: Counter[str] = Counter()
    for path, toggles in counts.items():
        found[_NEURON.sub("neuron_*", path) or top] += toggles
    return {path: toggles / frames for path, toggles in sorted(found.items())}


def _versions(emitted: dict[str, str], simulator: str, version: str) -> dict[str, str]:
    return {
        **emitted,
        **{name: importlib.metadata.version(name) for name in ("cocotb", "numpy", "torch")},
        "python": platform.python_version(),
        simulator: version,
    }
