"""Trials of a study, given to workers; what comes of each is kept as it comes."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError, ToolError

from . import planfile
from .folder import write_file
from .study import Study, Trial

if TYPE_CHECKING:
    from distributed import Client, Future

    from .emit import Progress

#: Trials that wait at a worker, so that it never waits for one.
_AHEAD = 2

#: The way of a trial: yields what a worker is to do, a function and its arguments, is sent what
#: that returned, and returns the trial's result.
Course = Generator[tuple[Any, ...], Any, Mapping[str, Any]]


def require_libraries(what: str) -> None:
    """InputError unless what trials need is installed."""
    for name in ("optuna", "distributed"):
        if importlib.util.find_spec(name) is None:
            raise InputError(
                f"{what} needs {name}, which is not there: pip install 's2nn-hw[sweep]'"
            )


def attempt(work: Callable[..., Any], *arguments: Any) -> tuple[Any, str | None]:
    """What the work returns, and None; or None, and the sentence of its InputError or ToolError.

    Dask prints the stack of whatever is raised in a worker.
    """
    try:
        return work(*arguments), None
    except (InputError, ToolError) as error:
        return None, str(error)


def outcome(future: Future[Any]) -> tuple[Any, str | None]:
    """What attempt() returned in a worker, or why it did not get there."""
    from distributed import KilledWorker

    error = future.exception()
    if error is None:
        found: tuple[Any, str | None] = future.result()
        return found
    if isinstance(error, KilledWorker):
        count, last = error.allowed_failures + 1, error.last_worker.address
        return None, f"all {count} workers that tried it ended, {last} as last"
    kind, text = type(error).__name__, str(error)
    # Local workers print no stack.
    inmost = traceback.extract_tb(future.traceback())[-1:]
    where = "".join(f" ({Path(call.filename).name}, line {call.lineno})" for call in inmost)
    return None, f"unexpected error in its worker: {kind}{': ' if text else ''}{text}{where}"


def every(
    client: Client,
    stage: str,
    work: Callable[..., Any],
    jobs: Mapping[str, tuple[Any, ...]],
    report: Progress,
) -> dict[str, Any]:
    """What a function returns for the arguments of every job; InputError naming one that fails."""
    report(stage, 0, len(jobs))
    futures = [client.submit(attempt, work, *job, pure=False) for job in jobs.values()]
    found = {}
    for done, (name, future) in enumerate(zip(jobs, futures, strict=True), start=1):
        found[name], why = outcome(future)
        if why is not None:
            raise InputError(f"{name}: {why}")
        report(stage, done, len(jobs))
    return found


def dispatch(
    client: Client,
    study: Study,
    course: Callable[[Mapping[str, Any]], Course],
    failed: Callable[[Trial, str], None],
    report: Progress,
    kept: Callable[[], None] = lambda: None,
    said: Callable[[str], None] | None = None,
) -> None:
    """Have all trials run that wait; whatever ends this, what has a result keeps it.

    course: of a trial's parameters.
    failed: called with a trial that has no result, and why.
    kept: called after each that has one.
    said: called with the trial's parameters and why, of each that has none.
    """
    from distributed import as_completed

    total, done = len(study.rows()), sum(row["state"] == "complete" for row in study.rows())
    running: dict[Future[Any], tuple[Trial, Course]] = {}
    ended = as_completed()
    report("trials", done, total)

    def end() -> None:
        nonlocal done
        done += 1
        report("trials", done, total)

    def go_on(trial: Trial, way: Course, found: Any = None) -> None:
        """Have the next work of a trial done, or keep its result."""
        try:
            work = way.send(found)
        except StopIteration as last:
            study.complete(trial, last.value)
            kept()
            end()
            return
        # What was begun comes before what was not.
        future = client.submit(attempt, *work, pure=False, priority=0 if found is None else 1)
        running[future] = trial, way
        ended.add(future)

    def more() -> None:
        ahead = _AHEAD * max(1, len(client.nthreads()))
        while len(running) < ahead:
            trial = study.next()
            if trial is None:
                return
            go_on(trial, course(trial.params))

    more()
    while running:
        future = next(ended)
        trial, way = running.pop(future)
        result, why = outcome(future)
        if why is None:
            go_on(trial, way, result)
        else:
            failed(trial, why)
            if said is not None:
                params = trial.params.items()
                named = ", ".join(f"{name} {value}" for name, value in params if value is not None)
                said(f"a trial failed: {named}: {why}")
            end()
        more()


def write_trials(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A table with a line a trial; of several values in a cell their words, of named ones JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({name: _cell(value) for name, value in row.items()})
    write_file(path, text.getvalue())


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, Mapping) else planfile.words(value)
