"""Engine, lanes, windows and memory of every layer, chosen for a board or device and a goal."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy.typing as npt

from s2nn_hw.ir import Network

from . import planfile
from .choice import choose
from .folder import output_folder
from .goal import Goal
from .planner import Planner
from .planner import frames as frames_of
from .prediction import RESOURCES, Prediction

FRONT = "front.csv"
PICTURE = "front.svg"


@dataclass(frozen=True, kw_only=True)
class PlanResult:
    """The outcome of plan(); its fields are those of ``plan --json`` and of the plan's file.

    Parameters
    ----------
    plan: version of the file.
    board, device: one is None.
    part: the device, as synth() takes it.
    goal: that was given, empty for the most inferences a second.
    options: of emit(), verify() and synth().
    predicted: of the chosen plan.
    capacity: resource → what there is of it.
    layers: of each layer or pool, and a board's shell: name, engine, lanes, windows, memory, lut,
        ff, bram, spram, the cycles of a frame that it needs at the least, and ``fold``: cycles over
        which the products of an event, or on other engines of a window, are spread.
    frames: from which rates were counted, for people.
    front: plans of which none is faster and smaller, the fastest first.
    seconds: it took.
    """

    plan: int
    board: str | None
    device: str | None
    part: str
    goal: dict[str, Any]
    options: dict[str, Any]
    predicted: Prediction
    capacity: dict[str, int]
    layers: tuple[dict[str, Any], ...]
    frames: str
    front: tuple[Prediction, ...]
    network: str
    versions: dict[str, str]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON, the digest among it."""
        data = asdict(self)
        return {**data, "digest": planfile.digest(data)}


def plan(
    network: Network,
    out: str | os.PathLike[str] | None = None,
    *,
    board: str | None = None,
    device: str | None = None,
    target_fps: float | None = None,
    max_latency: float | None = None,
    min_area: bool = False,
    images: npt.ArrayLike | None = None,
    source: str = "images",
) -> PlanResult:
    """Choose how each layer is built, so that no layer is wider than the slowest one needs.

    Costs are those of ``rtl_gen/costs``, cycles those of the timing model; nothing is synthesised.
    Into the folder ``out``, if there is one, go the plan (``plan.json``), whose ``options`` are for
    emit(), verify() and synth(), and the front as a table (``front.csv``) and plot (``front.svg``).

    Parameters
    ----------
    board: its name in rtl_gen.boards; device: a part; one of both is to be given.
    target_fps, max_latency, min_area: see Goal; none: as many inferences a second as fit.
    images: frames (n, *shape) from which spike rates are counted; None: those that the network
        brings along, or if it brings none random ones; source: what they are, for people.

    Raises InputError on wrong input, and where no plan reaches the goal: what limits it, and what
    is the nearest that does.
    """
    start = time.perf_counter()
    network.check()
    goal = Goal(target_fps=target_fps, max_latency=max_latency, min_area=min_area)
    frames, source = frames_of(network, images, source)
    planner = Planner(network, frames, board, device)
    chosen, front = choose(planner, goal)
    result = PlanResult(
        plan=planfile.VERSION,
        board=board,
        device=device,
        part=planner.part.name,
        goal=goal.given,
        options={
            **{name: list(values) for name, values in chosen.options.items()},
            "family": planner.part.family.name,
            "freq": chosen.freq,
        },
        predicted=chosen,
        capacity={name: planner.part.device.capacity.get(name, 0) for name in RESOURCES},
        layers=tuple(planner.layers(chosen)),
        frames=source,
        front=tuple(front),
        network=network.digest(),
        versions=planfile.versions(),
        seconds=round(time.perf_counter() - start, 3),
    )
    if out is not None:
        _write(result, out)
    return result


def _write(result: PlanResult, out: str | os.PathLike[str]) -> None:
    """The files of a plan."""
    from s2nn_hw.report import front

    data = result.as_dict()
    rows = data["front"]
    with output_folder(out) as folder:
        (folder / planfile.PLAN).write_text(json.dumps(data, indent=1) + "\n")
        text = io.StringIO()
        table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({name: planfile.words(value) for name, value in row.items()})
        (folder / FRONT).write_text(text.getvalue())
        front.draw(data, folder / PICTURE)
