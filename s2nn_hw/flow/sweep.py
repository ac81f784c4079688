"""Plans of several networks, each tried: on one machine or many, and gone on with after a stop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError, Network, integer

from . import planfile
from .cluster import cluster
from .dispatch import Course, dispatch, every, require_libraries, write_trials
from .images import ImageSet
from .planner import Planner
from .study import Direction, Study, held
from .trial import MEASURES, Job, planned, run

if TYPE_CHECKING:
    from .emit import Progress

TRIALS = "trials.csv"
PARETO = "pareto.svg"

#: Plans of a network, and frames whose toggles are counted, unless told.
PLANS = 10
TOGGLED = 10


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """The outcome of sweep(); its fields are those of ``sweep --json``.

    Parameters
    ----------
    board, device: one is None.
    models: name → digest of the network, and ``accuracy`` where there are labels.
    trials: one each: ``number``, ``model``, its ``network``'s digest, ``plan`` (the fastest is 0),
        ``seed``, ``state`` (complete or fail), the fields of Prediction, of which those that were
        measured are not predicted, and ``error``.  Where the clock was measured, rate and latency
        are of that one, on a board of at most ``freq``.
    pareto: numbers of those that no other beats in all ``objectives``.
    objectives: name → maximize or minimize.
    resumed: trials that were complete before.
    seconds: it took this time.
    """

    board: str | None
    device: str | None
    models: dict[str, dict[str, Any]]
    trials: tuple[dict[str, Any], ...]
    pareto: tuple[int, ...]
    objectives: Mapping[str, str]
    resumed: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Swept:
    """A network that is swept over: its file, and images of which the first toggle."""

    network: Network
    model: bytes
    images: ImageSet


def sweep(
    models: Mapping[str, Swept],
    out: str | os.PathLike[str],
    *,
    board: str | None = None,
    device: str | None = None,
    plans: int = PLANS,
    seeds: int = 1,
    measures: Sequence[str] = ("area",),
    frames: int = TOGGLED,
    simulator: str = "verilator",
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    said: Callable[[str], None] | None = None,
) -> SweepResult:
    """Try plans × seeds × models, and keep what comes of each in ``out``.

    ``sweep.db`` has an optuna study with all trials, ``trials.csv`` the same as a table,
    ``pareto.svg`` those that no other beats.  A sweep that was ended goes on where it was: with the
    same arguments and folder only what has no result is tried.

    Parameters
    ----------
    models: name → network.
    board, device: see plan().
    plans: of each model, at the most, from the fastest to the smallest.
    seeds: of place and route: 1 to so many, where ``clock`` is measured.
    measures: of ``area`` (yosys), ``clock`` (nextpnr, too) and ``toggles`` (simulation).
    frames: whose toggles are counted by ``simulator``.
    scheduler: address of a Dask scheduler; None: a local cluster of so many ``workers``, by default
        one a core.
    progress: called with a stage, and how much of how much is done.
    said: called with a sentence when a trial fails.

    Raises InputError on wrong input, naming file, worker or scheduler; results are kept.
    """
    require_libraries("a sweep")
    start = time.perf_counter()
    report = progress or (lambda stage, done, total: None)
    plans, seeds = integer(plans, "plans", least=1), integer(seeds, "seeds", least=1)
    frames = integer(frames, "frames", least=1)
    for name in measures:
        if name not in MEASURES:
            raise InputError(f"measure must be of {', '.join(MEASURES)}, not {name!r}")
    if seeds > 1 and "clock" not in measures:
        raise InputError("seeds are of place and route: more than one need the measure clock")
    folder = Path(out)
    for swept in models.values():
        # What needs no plan is told before anything is started.
        Planner(swept.network, {}, board, device)
    with held(folder):
        accuracy = {name: _accuracy(swept) for name, swept in models.items()}
        objectives = _objectives(measures, accuracy)
        digests = {name: swept.network.digest() for name, swept in models.items()}
        definition = {
            "board": board,
            "device": device,
            "models": digests,
            "plans": plans,
            "seeds": seeds,
            "measures": list(measures),
            "frames": frames if "toggles" in measures else None,
            "versions": planfile.versions(),
        }
        study = Study(folder, definition, objectives)
        resumed = sum(row["state"] == "complete" for row in study.rows())
        if not study.ended:
            with cluster(scheduler, workers) as client:
                finding = {
                    name: (swept.model, board, device, plans) for name, swept in models.items()
                }
                points = every(client, "plan", planned, finding, report)
                space: dict[str, list[Any]] = {
                    "model": list(models),
                    "plan": list(range(max(map(len, points.values())))),
                    "seed": list(range(1, seeds + 1)),
                }
                # Plans first: a netlist is there for the seeds that follow.
                wanted = [
                    {"model": name, "plan": number, "seed": seed}
                    for seed in space["seed"]
                    for name in models
                    for number in range(len(points[name]))
                ]
                study.enter(space, wanted)

                def course(trial: Mapping[str, Any]) -> Course:
                    swept = models[trial["model"]]
                    job = Job(
                        model=swept.model,
                        board=board,
                        device=device,
                        point=points[trial["model"]][trial["plan"]],
                        seed=trial["seed"],
                        measures=tuple(measures),
                        frames=swept.images.frames[:frames],
                        simulator=simulator,
                    )

                    result = yield run, job
                    return {**result, "accuracy": accuracy[trial["model"]]}

                dispatch(client, study, course, study.fail, report, said=said)
        rows = [{**row, "network": digests[row["model"]]} for row in study.rows()]
        best = _best(rows, objectives)
        _write(folder, rows, best, objectives, board or device or "")
    return SweepResult(
        board=board,
        device=device,
        models={
            name: {"network": swept.network.digest(), "accuracy": accuracy[name]}
            for name, swept in models.items()
        },
        trials=tuple(rows),
        pareto=tuple(best),
        objectives=objectives,
        resumed=resumed,
        seconds=round(time.perf_counter() - start, 3),
    )


def _accuracy(swept: Swept) -> float | None:
    """Of the network on its images; None without labels."""
    from s2nn_hw import golden

    if swept.images.labels is None:
        return None
    found = golden.run(swept.network, swept.images.frames).classes
    return round(float((found == swept.images.labels).mean()), 6)


def _objectives(
    measures: Sequence[str], accuracy: Mapping[str, float | None]
) -> dict[str, Direction]:
    """What is to be great and what small."""
    found: dict[str, Direction] = {"inferences_per_second": "maximize", "area": "minimize"}
    if len(accuracy) > 1 and all(value is not None for value in accuracy.values()):
        found["accuracy"] = "maximize"
    if "toggles" in measures:
        found["toggles"] = "minimize"
    return found


def _best(rows: Sequence[Mapping[str, Any]], objectives: Mapping[str, str]) -> list[int]:
    """Numbers of the trials that no other is as good as in all and better in one."""

    def value(row: Mapping[str, Any]) -> tuple[float, ...]:
        return tuple(
            row[name] if way == "maximize" else -row[name] for name, way in objectives.items()
        )

    complete = [row for row in rows if row["state"] == "complete"]
    return [
        row["number"]
        for row in complete
        if not any(
            value(other) != value(row)
            and all(a >= b for a, b in zip(value(other), value(row), strict=True))
            for other in complete
        )
    ]


def _write(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    best: Sequence[int],
    objectives: Mapping[str, str],
    target: str,
) -> None:
    """The table and the plot."""
    from s2nn_hw.report import pareto

    write_trials(folder / TRIALS, rows)
    pareto.draw(rows, best, list(objectives), target, folder / PARETO)
