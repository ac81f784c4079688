"""A sweep on a Dask cluster of one worker, of two, and of two that come to grief: ``sweeps.md``.

Run it with ``make results ARGS=sweeps`` on a machine that does nothing else; it takes half an hour
on two cores.  Scheduler and workers are processes of their own, found by their address.  Every run
has an empty cache.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

#: Of the networks that are trained for it, on digits: widths of the hidden layer, bits of weights.
WIDTHS = (8, 12, 16, 24)
BITS = (1, 2, 3, 4)

DEVICE = "LFE5U-25F-6"
#: Plans of a network: of the great sweep, and of the one that is disturbed.
PLANS = 16
FEW_PLANS = 4

INTRODUCTION = """# Sweeps on a cluster

Made by `make results ARGS=sweeps`: `s2nn-hw train digits` trains {networks} networks (widths of the
hidden layer × bits of a weight); `s2nn-hw sweep MODEL… --device {device} --plans {plans} --measure
area --scheduler ADDRESS -o DIR` synthesises their plans, each a trial, on a Dask cluster of one
worker and of two, all processes of their own, on one machine with two cores and an empty cache,
Dask's own profiler off, as docs/how-to/plans.md says. Seconds are those of the sweep from its
start to its end.

"""


#: As docs/how-to/plans.md says: Dask's own profiler takes a twentieth of a core for every worker.
CALM = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
}


@dataclass(frozen=True)
class Cluster:
    """A scheduler and its workers, as processes."""

    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(workers: int, home: Path) -> Iterator[Cluster]:
    """Starts it; ``home`` is for its caches and other files."""
    file = home / "scheduler.json"
    file.unlink(missing_ok=True)
    environment = {**os.environ, **CALM, "XDG_CACHE_HOME": str(home / "cache")}
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *words]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=quiet, stderr=quiet)
        started.append(process)
        return process

    try:
        start("scheduler", "--no-dashboard", "--port", "0", "--scheduler-file", str(file))
        while not file.is_file() or not file.read_text():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        one = ("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        own = [start(*one) for _ in range(workers)]
        time.sleep(5)
        yield Cluster(address, own)
    finally:
        for process in started:
            process.kill()
            process.wait()


def write() -> None:
    """Measure, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        models = []
        for width in WIDTHS:
            for bits in BITS:
                model = Path(folder, f"w{width}-b{bits}")
                options = ("--hidden", str(width), "--weight-bits", str(bits), "--epochs", "10")
                _command("train", "digits", *options, "-o", str(model))
                models.append(str(model))
        runs = {}
        for workers in (1, 2):
            home = Path(folder, f"of-{workers}")
            home.mkdir()
            with cluster(workers, home) as there:
                runs[workers] = _result(_sweep(models, there, home, PLANS))
            print(workers, runs[workers], flush=True)
        grief = _grief(models, Path(folder, "grief"))
    found = {"one": runs[1], "two": runs[2], "grief": grief}
    (HERE / "sweeps.json").write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "sweeps.md").write_text(_text(len(models), found))


def _grief(models: list[str], home: Path) -> dict[str, Any]:
    """Two workers: one is killed after a quarter of the trials, the sweep itself after a half."""
    home.mkdir()
    with cluster(2, home) as there:
        first = _sweep(models, there, home, FEW_PLANS)
        total = _wait(first, home, 0.25)
        there.workers[0].send_signal(signal.SIGKILL)
        _wait(first, home, 0.5)
        first.kill()
        first.wait()
        before = _numbers(home)
    with cluster(2, home) as there:
        result = _result(_sweep(models, there, home, FEW_PLANS))
    after = _numbers(home)
    return {
        **result,
        "planned": total,
        "before": len(before),
        "kept": sum(after.get(number) == state for number, state in before.items()),
    }


def _wait(process: subprocess.Popen[str], home: Path, part: float) -> int:
    """Until so many of the trials have ended; how many there are."""
    while process.poll() is None:
        every = _states(home)
        if every and sum(state in ("COMPLETE", "FAIL") for _, state in every) >= part * len(every):
            return len(every)
        time.sleep(0.5)
    raise SystemExit("the sweep ended before it could be disturbed")


def _numbers(home: Path) -> dict[int, str]:
    """State of the trials that have ended."""
    return {number: state for number, state in _states(home) if state in ("COMPLETE", "FAIL")}


def _states(home: Path) -> list[tuple[int, str]]:
    """Number and state of each trial, read beside the sweep."""
    file = home / "out" / "sweep.db"
    if not file.is_file():
        return []
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        try:
            return database.execute("select number, state from trials").fetchall()
        except sqlite3.OperationalError:  # not yet made
            return []


def _sweep(models: list[str], there: Cluster, home: Path, plans: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "s2nn_hw.cli", "sweep", *models, "--measure", "area"]
    where = ["--device", DEVICE, "--scheduler", there.address, "-o", str(home / "out")]
    return subprocess.Popen(
        [*command, *where, "--plans", str(plans), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a sweep says at its end."""
    output, _ = process.communicate()
    result = json.loads(output)
    if "error" in result:
        raise SystemExit(result["error"])
    states = [trial["state"] for trial in result["trials"]]
    tried = [(trial["model"], trial["plan"], trial["seed"]) for trial in result["trials"]]
    return {
        "seconds": result["seconds"],
        "trials": len(states),
        "distinct": len(set(tried)),
        "complete": states.count("complete"),
        "failed": states.count("fail"),
        "resumed": result["resumed"],
    }


def _command(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "s2nn_hw.cli", *words], check=True, stdout=subprocess.DEVNULL
    )


def _text(networks: int, found: dict[str, Any]) -> str:
    one, two, grief = found["one"], found["two"], found["grief"]
    ratio = one["seconds"] / two["seconds"]
    return (
        INTRODUCTION.format(networks=networks, device=DEVICE, plans=PLANS)
        + "| workers | trials | complete | failed | seconds | times as fast |\n"
        + "|---|---|---|---|---|---|\n"
        + f"| 1 | {one['trials']} | {one['complete']} | {one['failed']} | {one['seconds']:,.0f} "
        + "| 1.00 |\n"
        + f"| 2 | {two['trials']} | {two['complete']} | {two['failed']} | {two['seconds']:,.0f} "
        + f"| {ratio:.2f} |\n\n"
        + f"Disturbed, {grief['planned']} trials on two workers: one worker was killed when a "
        + "quarter of them had ended, the sweep itself when half had. "
        + f"{grief['before']} had ended then. Started again it kept {grief['kept']} of these and "
        + f"ended with {grief['trials']} trials, {grief['distinct']} of them distinct, "
        + f"{grief['complete']} complete and {grief['failed']} failed.\n"
    )
