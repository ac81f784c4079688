"""What a simulation came to: its checks, and its figures beside those of the models."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.energy import Operations
from s2nn_hw.report import Check

from .emit import Core
from .stimulus import Stimulus

if TYPE_CHECKING:
    from sim.activity import Activity
    from sim.runner import Simulation

#: Modules that there are by the hundred.
_NEURON = re.compile(r"\bneuron_\d+")


@dataclass(frozen=True, kw_only=True)
class LayerResult:
    """Means over the streamed frames; no toggles of a core that died before.

    events_mean: spikes that reach the accumulators; of a pool, pixels with spikes that it reads.
    accumulates_mean, multiply_accumulates_mean: of the arithmetic, see energy.Operations; none of a
        pool.
    """

    name: str
    engine: str
    lanes: int
    events_mean: float
    accumulates_mean: float
    multiply_accumulates_mean: float
    floor_cycles_mean: float
    toggles_per_frame: float | None


def findings(core: Core, played: Stimulus, simulation: Simulation) -> dict[str, Any]:
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


def figures(
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
    # The first frame has no interval before it.
    between = [float(floor[min(1, frames - 1) :].mean()) for floor in played.floors.values()]
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
        "interval_floor_mean": max(between),
        "toggles_per_frame": toggles(""),
        "toggle_frames": played.active,
        "modules": {} if activity is None else _modules(activity, manifest.top, played.active),
        "layers": tuple(
            LayerResult(
                name=entry.name,
                engine=entry.engine,
                lanes=entry.lanes,
                events_mean=float(played.events[entry.name].mean()),
                **_arithmetic(played.operations.get(entry.name)),
                floor_cycles_mean=floors[entry.name],
                toggles_per_frame=toggles(entry.module),
            )
            for entry in manifest.layers
        ),
        "cycles": cycles,
        "frames_per_second": (alone + frames) / simulation.run_seconds,
        "cycles_per_second": cycles / simulation.run_seconds,
    }


def _arithmetic(done: Operations | None) -> dict[str, float]:
    return {
        "accumulates_mean": 0.0 if done is None else float(done.accumulates.mean()),
        "multiply_accumulates_mean": 0.0
        if done is None
        else float(done.multiply_accumulates.mean()),
    }


def _modules(activity: Activity, top: str, frames: int) -> dict[str, float]:
    """Toggles a frame of each module alone; a layer's neurons together."""
    counts = {path: sum(nets.values()) for path, nets in activity.nets.items()}
    return together(counts, top, frames)


def together(counts: Mapping[str, int], top: str, frames: int) -> dict[str, float]:
    """The same of counts by the module's path."""
    found: Counter[str] = Counter()
    for path, toggles in counts.items():
        found[_NEURON.sub("neuron_*", path) or top] += toggles
    return {path: toggles / frames for path, toggles in sorted(found.items())}
