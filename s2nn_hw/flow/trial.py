"""One trial of a sweep, which may run in another process or on another machine."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import s2nn_hw
from s2nn_hw.ir import InputError, Network

from .planner import Planner, Prediction

if TYPE_CHECKING:
    from rtl_gen.exploration import Point
    from rtl_gen.platforms import Part

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


def run(job: Job) -> dict[str, Any]:
    """What there is to say of a plan: the fields of Prediction, and those that are measured.

    Raises InputError where the plan does not fit after all, ToolError where a tool failed.
    """
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "model.s2nn"
        path.write_bytes(job.model)
        network = s2nn_hw.load(path)
        planner = Planner.of(network, job.board, job.device)
        predicted = planner.full(job.point)
        found: dict[str, Any] = asdict(predicted)
        if {"area", "clock"} & set(job.measures):
            found |= _mapped(job, network, predicted)
            found["area"] = round(planner.share(found), 4)
        if "toggles" in job.measures:
            found |= _played(job, network, predicted, Path(home))
    return found


def _mapped(job: Job, network: Network, predicted: Prediction) -> dict[str, Any]:
    """Area, and if it is wanted the clock of the seed."""
    from rtl_gen.boards import board_files
    from s2nn_hw.toolchain import tools

    from .area import area
    from .bitstream import design_of
    from .emit import build
    from .mapping import Design, place, synthesise

    chosen = _part(job)
    core = build(network, **predicted.options, family=chosen.family.name, freq=predicted.freq)
    design, inside = Design.of_core(core, chosen), ""
    if job.board is not None:
        around = board_files(core.manifest, job.board, frequency=predicted.freq * 1e6)
        design, inside = design_of(core, around, chosen), around.instance
    mapped = synthesise(design, tools.yosys("packages"))
    used = area(core.manifest, chosen, mapped.folder, top=design.top, core=inside).used
    found: dict[str, Any] = {name: used[name] for name in ("lut", "ff", "bram", "spram")}
    if "clock" not in job.measures:
        return found
    if chosen.family.nextpnr is None:
        raise InputError(f"{chosen.name}: there is no place and route of it here")
    placed = place(
        design,
        mapped,
        tools.nextpnr(chosen.family.nextpnr, "packages"),
        mhz=predicted.freq,
        seeds=(job.seed,),
        jobs=1,
        progress=lambda stage, done, total: None,
    )
    report = placed.reports[job.seed]
    assert report is not None
    # A board runs at the clock that it has, if the core reaches it.
    reached = min(report.fmax_mhz, predicted.freq) if job.board else report.fmax_mhz
    rate = reached * 1e6 / predicted.interval_cycles
    return found | {
        "fmax_mhz": round(report.fmax_mhz, 3),
        "inferences_per_second": round(rate, 1),
    }


def _played(job: Job, network: Network, predicted: Prediction, home: Path) -> dict[str, Any]:
    """Toggles of a frame, in the simulation of the Verilog."""
    from .verify import verify

    result = verify(
        network,
        job.frames,
        home / "core",
        simulator=job.simulator,
        **predicted.options,
        family=_part(job).family.name,
        freq=predicted.freq,
    )
    return {"toggles": result.toggles_per_frame, "mismatches": result.mismatches}


def _part(job: Job) -> Part:
    from rtl_gen.boards import board
    from rtl_gen.platforms import part

    return part(board(job.board).part if job.board else str(job.device))
