"""One trial of a sweep, which may run in another process or on another machine."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import s2nn_hw
from s2nn_hw.ir import Network

from .planner import Planner
from .prediction import Prediction

if TYPE_CHECKING:
    from rtl_gen.exploration import Point

#: What may be measured beside what is predicted, from quick to slow.
MEASURES = ("area", "clock", "toggles")


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """All that a trial needs.

    Parameters
    ----------
    model: the network's file, as bytes.
    board, device: as plan() takes them.
    point: the plan.
    seed: of place and route.
    measures: of MEASURES.
    frames: (n, *shape), whose toggles are counted by ``simulator``.
    """

    model: bytes
    board: str | None
    device: str | None
    point: Point
    seed: int
    measures: tuple[str, ...]
    frames: npt.NDArray[np.uint8]
    simulator: str


def planned(model: bytes, board: str | None, device: str | None, most: int) -> list[Point]:
    """Plans of a network's file, at most so many, from the fastest to the smallest.

    Raises InputError if the device has room for none.
    """
    with tempfile.TemporaryDirectory() as home:
        points = Planner.of(_network(model, home), board, device).points()
    if len(points) <= most:
        return points
    kept = np.linspace(0, len(points) - 1, most).round().astype(int)
    return [points[k] for k in dict.fromkeys(kept.tolist())]


def run(job: Job) -> dict[str, Any]:
    """What there is to say of a plan: the fields of Prediction, and those that are measured.

    Raises InputError where the plan does not fit after all, ToolError where a tool failed.
    """
    with tempfile.TemporaryDirectory() as home:
        network = _network(job.model, home)
        planner = Planner.of(network, job.board, job.device)
        predicted = planner.full(job.point)
        found: dict[str, Any] = asdict(predicted)
        if {"area", "clock"} & set(job.measures):
            found |= _mapped(job, network, predicted, Path(home))
            found["area"] = round(planner.share(found), 4)
        if "toggles" in job.measures:
            found |= _played(job, network, predicted, planner.part.family.name, Path(home))
    return found


def _network(model: bytes, home: str) -> Network:
    path = Path(home) / "model.s2nn"
    path.write_bytes(model)
    return s2nn_hw.load(path)


def _mapped(job: Job, network: Network, predicted: Prediction, home: Path) -> dict[str, Any]:
    """Area, and if it is wanted the clock of the seed."""
    from .synth import synth

    result = synth(
        network,
        home / "synth",
        board=job.board,
        device=job.device,
        freq=predicted.freq,
        seeds=(job.seed,) if "clock" in job.measures else (),
        jobs=1,
        **predicted.options,
    )
    found = {name: result[name]["used"] for name in ("lut", "ff", "bram", "spram")}
    if result.fmax_mhz is None:
        return found
    best = result.fmax_mhz["best"]
    # A board runs at the clock that it has, if the core reaches it.
    reached = min(best, predicted.freq) if job.board else best
    hertz = reached * 1e6
    return found | {
        "fmax_mhz": best,
        "inferences_per_second": round(hertz / predicted.interval_cycles, 1),
        "latency_seconds": predicted.latency_cycles / hertz,
    }


def _played(
    job: Job, network: Network, predicted: Prediction, family: str, home: Path
) -> dict[str, Any]:
    """Toggles of a frame, in the simulation of the Verilog."""
    from .verify import verify

    result = verify(
        network,
        job.frames,
        home / "core",
        simulator=job.simulator,
        **predicted.options,
        family=family,
        freq=predicted.freq,
    )
    return {"toggles": result.toggles_per_frame, "mismatches": result.mismatches}
