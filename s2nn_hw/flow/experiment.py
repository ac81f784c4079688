"""Networks of a grid, each trained, verified and synthesised; gone on with after a stop."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw import datasets, schema
from s2nn_hw.ir import InputError

from . import configuration, measurement, planfile
from .cluster import cluster
from .configuration import Case, Configuration, named
from .dispatch import Course, dispatch, every, require_libraries, write_trials
from .folder import write_file
from .gates import simulated
from .measurement import Job
from .models import Models
from .study import Study, held
from .synth import part_of

if TYPE_CHECKING:
    from s2nn_hw.datasets import Dataset

    from .emit import Progress

#: What the folder of an experiment holds beside its study.
CONFIGURATION, TRIALS = "configuration.json", "trials.csv"
RESULTS, TABLE, MODELS = schema.EXPERIMENT.file, "table.md", "models"
_KIND = "experiment"


@dataclass(frozen=True, kw_only=True)
class ExperimentResult:
    """The outcome of experiment(); its fields are those of ``experiment --json``.

    Parameters
    ----------
    trials: one each: ``number``, the fields of Case, ``seed``, ``state`` (complete or fail), and
        where it is complete those of results.json's ``columns``, and ``error``.
    table: one entry a case, see report.experiment.summary().
    resumed: trials that were complete before.
    seconds: it took this time.
    out: the folder.
    """

    trials: tuple[dict[str, Any], ...]
    table: tuple[dict[str, Any], ...]
    resumed: int
    seconds: float
    out: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def experiment(
    file: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    data: str | os.PathLike[str] | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    said: Callable[[str], None] | None = None,
) -> ExperimentResult:
    """Try all that the file says, and keep what comes of each in ``out``.

    ``experiment.db`` has an optuna study with all trials, ``trials.csv`` the same as a table,
    ``table.md`` and ``results.json`` their means over the seeds, ``configuration.json`` the file
    with all that it leaves out, ``models`` what was trained.  An experiment that was ended goes on
    where it was: what has a result is not tried again, what was trained is not trained again.

    Parameters
    ----------
    file: TOML, see configuration.Configuration and Grid.
    out: the folder; None: the file's name without its suffix, beside it.
    data: folder with a folder of each data set's name; None: the usual ones.
    scheduler, workers: see sweep().
    progress: called with a stage, and how much of how much is done.
    said: called with a sentence when a trial fails.

    Raises InputError on wrong input, naming file, combination, worker or scheduler: before anything
    is trained, every combination is rehearsed on a handful of images.  Results are kept.
    """
    import sim.runner

    require_libraries("an experiment")
    start = time.perf_counter()
    report = progress or (lambda stage, done, total: None)
    path = Path(file)
    settings = configuration.read(path)
    folder = path.with_suffix("") if out is None else Path(out)
    if folder.is_file():
        raise InputError(f"{folder}: must be a folder to write into, not a file")
    place = None if data is None else Path(data)
    with named(path):
        part = part_of(settings.device, settings.board)
        if any(settings.netlists(case.grid) for case in settings.cases):
            simulated(part.name)
        reason = sim.runner.unusable(settings.simulator)
        if reason:
            raise InputError(f"{settings.simulator}: {reason}")
    sets = _sets(path, settings, place)
    with held(folder, _KIND):
        digests = {name: found.digest() for name, found in sets.items()}
        definition = {
            "schema": schema.EXPERIMENT.version,
            **settings.as_dict(),
            "data": digests,
            "versions": planfile.versions() | measurement.versions(),
        }
        study = Study(folder, definition, {"accuracy": "maximize"}, _KIND)
        resumed = sum(row["state"] == "complete" for row in study.rows())
        write_file(folder / CONFIGURATION, json.dumps(settings.as_dict(), indent=1) + "\n")
        jobs = {(case, seed): _job(settings, case, seed, place) for case, seed in settings.trials}
        models = Models(folder / MODELS)
        if not study.ended:
            with cluster(scheduler, workers) as client:
                if not study.entered:
                    # The seed is of no matter.
                    of_cases = {case: job for (case, _), job in jobs.items()}
                    rehearsals = {f"{path}: {case.name}": (job,) for case, job in of_cases.items()}
                    every(client, "rehearse", measurement.rehearse, rehearsals, report)
                    study.enter(*_trials(jobs))

                def course(trial: Mapping[str, Any]) -> Course:
                    case = Case(**{name: trial[name] for name in Case.__annotations__})
                    job = jobs[case, trial["seed"]]
                    name = _name(case, job, digests[case.data])
                    model = models.find(name)
                    if model is None:
                        model = yield measurement.train, job
                        models.keep(name, model)
                    facts: Mapping[str, Any] = model.facts
                    if facts["network"] is None or not job.measured:
                        return facts
                    found = yield measurement.measure, job, model.files["model.s2nn"]
                    return {**facts, **found}

                def kept() -> None:
                    _write(folder, settings, definition, study)

                dispatch(client, study, course, study.put_off, report, kept, said)
        rows, table = _write(folder, settings, definition, study)
    return ExperimentResult(
        trials=tuple(rows),
        table=tuple(table),
        resumed=resumed,
        seconds=round(time.perf_counter() - start, 3),
        out=str(folder),
    )


def _sets(path: Path, settings: Configuration, place: Path | None) -> dict[str, Dataset]:
    """The data sets by name; InputError if one is not there, or has too few images."""
    found: dict[str, Dataset] = {}
    for case in settings.cases:
        if case.data in found:
            continue
        with named(path, case.name):
            found[case.data] = datasets.load(case.data, _folder(place, case.data))
        count = len(found[case.data].test_labels)
        if settings.frames > count:
            raise InputError(
                f"{path}: frames must be at most the {count} test images of {case.data}, "
                f"not {settings.frames}"
            )
    return found


def _folder(place: Path | None, name: str) -> str | None:
    return None if place is None else str(place / name)


def _job(settings: Configuration, case: Case, seed: int, place: Path | None) -> Job:
    grid = settings.grids[case.grid - 1]
    return Job(
        data=case.data,
        folder=_folder(place, case.data),
        options={"arch": case.arch, **case.neurons(), **grid.train, "seed": seed},
        device=settings.device,
        board=settings.board,
        core=settings.core,
        frames=settings.frames,
        measured=seed in settings.measured(case.grid),
        netlist=seed in settings.netlists(case.grid),
        clock=settings.clock,
        simulator=settings.simulator,
        versions=measurement.versions(),
    )


def _trials(jobs: Mapping[tuple[Case, int], Job]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Values of every parameter, and the parameters of every trial."""
    trials = [{**asdict(case), "seed": seed} for case, seed in jobs]
    space = {name: list(dict.fromkeys(trial[name] for trial in trials)) for name in trials[0]}
    return space, trials


def _name(case: Case, job: Job, data: str) -> str:
    """Of a model's folder: another for other options, data or versions."""
    key = json.dumps([job.options, data, job.versions], sort_keys=True)
    return f"{case}-seed{job.options['seed']}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _write(
    folder: Path, settings: Configuration, definition: Mapping[str, Any], study: Study
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The tables of what there is; the trials, and their summary."""
    from s2nn_hw.report import experiment as shown

    rows = study.rows()
    for row in rows:
        if row["error"]:
            row["state"] = "fail"
    table = shown.summary(rows)
    write_trials(folder / TRIALS, rows)
    results = {
        **definition,
        "columns": shown.columns(),
        "constants": shown.CONSTANTS,
        "trials": rows,
        "table": table,
    }
    write_file(folder / RESULTS, json.dumps(results, indent=1, allow_nan=False) + "\n")
    write_file(folder / TABLE, shown.markdown(table, rows, settings.as_dict()))
    return rows, table
