"""Sweeps: every trial once, whatever is killed; on a cluster of one's own or another's."""

from __future__ import annotations

import csv
import json
import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from distributed import KilledWorker, LocalCluster
from sqlalchemy.exc import OperationalError

import s2nn_hw
from s2nn_hw import cli, flow, golden
from s2nn_hw.flow import cluster, planfile
from s2nn_hw.flow.dispatch import attempt, outcome
from s2nn_hw.flow.images import ImageSet
from s2nn_hw.flow.study import Study
from s2nn_hw.flow.sweep import Swept
from s2nn_hw.ir import InputError, ToolError

# Dask's own threads and sockets, at their end.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

PLANS = 6


def swept(seed: int = 0, neurons: int = 10) -> Swept:
    rng = np.random.default_rng(seed)
    made = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (neurons, 40)), rng.integers(-3, 4, (4, neurons))],
        [rng.integers(-2, 5, neurons), None],
    )
    frames = (rng.random((12, 40)) < 0.3).astype(np.uint8)
    made = golden.observed(made, frames)
    path = Path(f"{seed}.s2nn")
    s2nn_hw.save(made, path)
    labels = golden.run(made, frames).classes
    images = ImageSet(frames=frames, labels=labels, source="test")
    return Swept(network=made, model=path.read_bytes(), images=images)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Swept]:
    monkeypatch.chdir(tmp_path)
    return {"narrow": swept(0, 6), "wide": swept(1, 14)}


@pytest.fixture(scope="module")
def somebodys() -> Iterator[LocalCluster]:
    """A cluster with an address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as found:
        yield found


def test_every_trial_is_tried_once_and_kept(models: dict[str, Swept]) -> None:
    options = {"device": "iCE40UP5K", "plans": PLANS, "measures": (), "workers": 2}
    result = flow.sweep(models, "out", **options)
    kinds = [(row["model"], row["plan"], row["seed"]) for row in result.trials]
    assert len(kinds) == len(set(kinds)) >= PLANS
    assert {row["state"] for row in result.trials} == {"complete"}
    assert result.resumed == 0
    assert result.objectives == {
        "inferences_per_second": "maximize",
        "area": "minimize",
        "accuracy": "maximize",
    }
    assert result.models["wide"]["accuracy"] == 1.0

    # What is predicted is what plan() predicts.
    fastest = min(
        (row for row in result.trials if row["model"] == "wide"), key=lambda row: row["plan"]
    )
    told = flow.plan(models["wide"].network, device="iCE40UP5K", target_fps=1).front
    assert fastest["inferences_per_second"] in [p.inferences_per_second for p in told]

    # None of the best is beaten, and every other is.
    by_number = {row["number"]: row for row in result.trials}
    for row in result.trials:
        beaten = any(
            other["inferences_per_second"] >= row["inferences_per_second"]
            and other["area"] <= row["area"]
            and (other["inferences_per_second"], other["area"])
            != (row["inferences_per_second"], row["area"])
            for other in by_number.values()
        )
        assert beaten == (row["number"] not in result.pareto)

    with Path("out/trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(result.trials)
    for row in rows:
        assert row["network"] == models[row["model"]].network.digest()
    assert ElementTree.parse("out/pareto.svg").getroot().tag.endswith("svg")
    states = sqlite3.connect("out/sweep.db").execute("select state from trials").fetchall()
    assert states == [("COMPLETE",)] * len(result.trials)

    again = flow.sweep(models, "out", **options)
    assert again.resumed == len(result.trials)
    assert again.trials == result.trials


def test_what_is_measured_is_what_the_tools_say(
    models: dict[str, Swept], somebodys: LocalCluster
) -> None:
    few = {"narrow": models["narrow"]}
    network, frames = few["narrow"].network, few["narrow"].images.frames
    measures = ("area", "clock", "toggles")
    options = {"device": "LFE5U-25F-6", "plans": 1, "scheduler": somebodys.scheduler_address}
    result = flow.sweep(
        few, "out", measures=measures, seeds=2, frames=3, simulator="icarus", **options
    )
    assert [row["seed"] for row in result.trials] == [1, 2]
    assert result.objectives["toggles"] == "minimize"
    row = result.trials[0]
    point = {name: row[name] for name in ("engine", "lanes", "windows", "memory")}
    made = flow.synth(
        network, "synth", device="LFE5U-25F-6", freq=row["freq"], seeds=2, **point
    ).as_dict()
    played = flow.verify(
        network, frames[:3], "core", simulator="icarus", family="ecp5", freq=row["freq"], **point
    )
    for row in result.trials:
        for name in ("lut", "ff", "bram"):
            assert row[name] == made[name]["used"]
        reached = made["fmax_mhz"]["seeds"][str(row["seed"])]
        assert row["fmax_mhz"] == reached
        assert row["inferences_per_second"] == pytest.approx(
            reached * 1e6 / row["interval_cycles"], rel=1e-6
        )
        assert row["latency_seconds"] == pytest.approx(row["latency_cycles"] / (reached * 1e6))
        assert (row["toggles"], row["mismatches"]) == (played.toggles_per_frame, 0)


def test_a_worker_that_is_killed_costs_nobody_a_trial(
    models: dict[str, Swept], somebodys: LocalCluster
) -> None:
    stop = threading.Event()

    def kill() -> None:
        """One of the workers, once some trials are complete."""
        while not stop.wait(0.2):
            try:
                done = sqlite3.connect("file:out/sweep.db?mode=ro", uri=True).execute(
                    "select count(*) from trials where state = 'COMPLETE'"
                )
                if done.fetchone()[0] >= 2:
                    os.kill(somebodys.workers[0].process.pid, signal.SIGKILL)
                    return
            except sqlite3.Error:
                continue

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        result = flow.sweep(
            models,
            "out",
            device="LFE5U-25F-6",
            plans=12,
            measures=(),
            scheduler=somebodys.scheduler_address,
        )
    finally:
        stop.set()
        killer.join()
    assert {row["state"] for row in result.trials} == {"complete"}
    kinds = [(row["model"], row["plan"]) for row in result.trials]
    assert len(kinds) == len(set(kinds))


def study(folder: Path, trials: int = 4, **definition: object) -> Study:
    found = Study(folder, {"what": 1, **definition}, {"area": "minimize"})
    found.enter({"plan": list(range(trials))}, [{"plan": n} for n in range(trials)])
    return found


def test_what_was_running_waits_again(tmp_path: Path) -> None:
    first = study(tmp_path)
    done, running = first.next(), first.next()
    assert done is not None
    assert running is not None
    first.complete(done, {"area": 0.5})
    assert [row["state"] for row in first.rows()].count("running") == 1

    # Whoever worked on it is gone.
    second = study(tmp_path)
    assert not second.ended
    states = [row["state"] for row in second.rows()]
    assert sorted(states) == ["complete", "waiting", "waiting", "waiting"]
    left = []
    while (trial := second.next()) is not None:
        left.append(trial.params["plan"])
        second.fail(trial, "no room")
    assert sorted([*left, done.params["plan"]]) == [0, 1, 2, 3]
    assert {row["error"] for row in second.rows()} == {None, "no room"}
    third = study(tmp_path)
    assert third.ended
    assert third.next() is None


def test_another_sweeps_folder_is_refused(tmp_path: Path) -> None:
    study(tmp_path)
    with pytest.raises(InputError, match=r"sweep\.db: is of another sweep \(what\); name another"):
        study(tmp_path, what=2)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "sweep.db").write_text("not a database, and long enough to be one" * 99)
    with pytest.raises(InputError, match=r"broken/sweep\.db: cannot be used: file is not a data"):
        study(tmp_path / "broken")


def test_a_study_without_trials_is_anybodys(tmp_path: Path) -> None:
    Study(tmp_path, {"what": 1}, {"area": "minimize"})
    taken = Study(tmp_path, {"what": 2}, {"rate": "maximize", "area": "minimize"})
    taken.enter({"plan": [0]}, [{"plan": 0}])
    trial = taken.next()
    assert trial is not None
    taken.complete(trial, {"rate": 3, "area": 0.5})
    assert Study(tmp_path, {"what": 2}, {"rate": "maximize", "area": "minimize"}).ended


def test_a_model_that_does_not_fit_is_named_and_takes_no_folder(
    models: dict[str, Swept], somebodys: LocalCluster
) -> None:
    options: dict[str, Any] = {"board": "icebreaker", "plans": 1, "measures": ()}
    options["scheduler"] = somebodys.scheduler_address
    both = {"narrow": models["narrow"], "vast": swept(2, 900)}
    with pytest.raises(InputError, match=r"^vast: the network does not fit icebreaker: "):
        flow.sweep(both, "out", **options)
    result = flow.sweep({"narrow": models["narrow"]}, "out", **options)
    assert [row["state"] for row in result.trials] == ["complete"]


def test_a_full_disk_is_told_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = study(tmp_path)
    done, trial = full.next(), full.next()
    assert done is not None
    assert trial is not None
    full.complete(done, {"area": 0.5})

    def fails(*args: object, **kwargs: object) -> None:
        raise OperationalError("", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(full._storage, "set_trial_state_values", fails)
        with pytest.raises(InputError, match="cannot be used: database or disk is full; what is"):
            full.complete(trial, {"area": 0.4})
    assert [row["state"] for row in study(tmp_path).rows()] == [
        "complete",
        *["waiting"] * 3,
    ]


def test_two_sweeps_do_not_share_a_folder(models: dict[str, Swept]) -> None:
    from s2nn_hw.flow.study import held

    with held(Path("out")), pytest.raises(InputError, match="another sweep is at work there"):
        flow.sweep(models, "out", device="iCE40UP5K")


def test_a_scheduler_that_is_not_there_is_told(
    models: dict[str, Swept], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_TIMEOUT", 1)
    with pytest.raises(InputError, match=r"scheduler tcp://127\.0\.0\.1:9: does not answer"):
        flow.sweep(models, "out", device="iCE40UP5K", measures=(), scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize("words", [b"", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", None])
def test_what_is_no_scheduler_is_told(
    monkeypatch: pytest.MonkeyPatch, somebodys: LocalCluster, words: bytes | None
) -> None:
    """Who accepts and is silent, who says something else, and a worker."""
    monkeypatch.setattr(cluster, "_TIMEOUT", 1)
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        if words is None:
            address = somebodys.workers[0].worker_address

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(words or b"")
                connection.recv(1 << 16)
                connection.recv(1 << 16)

        if words:
            threading.Thread(target=answer, daemon=True).start()
        with (
            pytest.raises(InputError, match=f"^scheduler {address}: does not answer as a Dask sch"),
            cluster.cluster(address, None),
        ):
            pass
    deadline = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= threads


def test_a_scheduler_that_is_lost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loggers: None
) -> None:
    monkeypatch.setattr(cluster, "_TIMEOUT", 10)
    monkeypatch.setattr(cluster, "_check", lambda *_: None)
    file = tmp_path / "scheduler.json"
    program = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    with subprocess.Popen(
        [*program, "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)],
        stderr=subprocess.DEVNULL,
    ) as process:
        while not file.exists():
            assert process.poll() is None
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with (
            pytest.raises(InputError, match=f"^scheduler {address}: was lost; what is complete is"),
            cluster.cluster(address, None) as client,
        ):
            future = client.submit(abs, -1)
            process.kill()
            future.result()


@pytest.fixture
def loggers() -> Iterator[None]:
    """Levels are afterwards as they were."""
    before = {name: logging.getLogger(name).level for name in cluster._LOGGERS}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_of_an_interrupted_sweep_dask_says_nothing(
    somebodys: LocalCluster, loggers: None, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        cluster.cluster(somebodys.scheduler_address, None),
    ):
        raise KeyboardInterrupt
    for name in ("distributed.comm", "distributed.client", "tornado.application", "asyncio"):
        logging.getLogger(name).error("CommClosedError")
    assert not caplog.records


@pytest.mark.parametrize("kind", [InputError, ToolError])
def test_an_attempt_does_not_raise_what_is_a_sentence(kind: type[Exception]) -> None:
    def fails(why: str) -> None:
        raise kind(why)

    assert attempt(fails, "no room") == (None, "no room")
    assert attempt(abs, -3) == (3, None)
    with pytest.raises(TypeError):
        attempt(abs, "three")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssertionError(), "unexpected error in its worker: AssertionError"),
        (ValueError("too wide"), "unexpected error in its worker: ValueError: too wide"),
        (
            KilledWorker("attempt-1", SimpleNamespace(address="tcp://host:1"), 3),
            "all 4 workers that tried it ended, tcp://host:1 as last",
        ),
    ],
)
def test_whose_fault_it_is_is_told(error: Exception, said: str) -> None:
    future: Any = SimpleNamespace(exception=lambda: error, traceback=lambda: None)
    assert outcome(future) == (None, said)


def test_two_sweeps_of_a_machine_need_no_port_of_each_other() -> None:
    with cluster.cluster(None, 1) as one, cluster.cluster(None, 1) as other:
        assert one.submit(int).result() == other.submit(int).result() == 0


def test_local_workers_print_no_stacks(capfd: pytest.CaptureFixture[str]) -> None:
    def divides(by: int) -> float:
        return 1 / by

    with cluster.cluster(None, 1) as client:
        _, why = outcome(client.submit(attempt, divides, 0))
    assert why is not None
    assert re.search(r"worker: ZeroDivisionError: division by zero \(.+, line \d+\)$", why)
    assert capfd.readouterr().err == ""


def test_a_worker_with_other_versions_is_refused(
    models: dict[str, Swept], somebodys: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {**planfile.versions(), "amaranth": "9.9"}
    monkeypatch.setattr(cluster, "_ours", lambda: ours)
    with pytest.raises(InputError, match=r"worker tcp://\S+: has amaranth 0.5\S*, and this is 9.9"):
        flow.sweep(
            models,
            "out",
            device="iCE40UP5K",
            measures=(),
            scheduler=somebodys.scheduler_address,
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("0.s2nn --device iCE40UP5K --measure watts -o out", "measure must be of area, clock"),
        ("0.s2nn --device iCE40UP5K --measure none,area -o out", "--measure must be none alone"),
        ("0.s2nn --device iCE40UP5K --seeds 2 -o out", "seeds are of place and route"),
        ("0.s2nn --device iCE40UP5K --plans 0 -o out", "plans must be 1 or more, not 0"),
        ("0.s2nn --device iCE40UP5K --workers 0 -o out", "--workers must be 1 or more, not 0"),
        ("0.s2nn --board nothing -o out", "board must be one of"),
        ("none.s2nn --board icebreaker -o out", "none.s2nn"),
        ("0.s2nn --device iCE40UP5K --scheduler tcp://x:1 --workers 2 -o out", "--workers"),
    ],
)
def test_wrong_input_is_one_sentence(
    models: dict[str, Swept], capsys: pytest.CaptureFixture[str], arguments: str, said: str
) -> None:
    assert cli.main(["sweep", *arguments.split()]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_the_command_says_what_came_of_it(
    models: dict[str, Swept], capsys: pytest.CaptureFixture[str]
) -> None:
    line = "sweep 0.s2nn 1.s2nn --device iCE40UP5K --plans 2 --measure none --workers 1 -o out"
    assert cli.main([*line.split(), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert set(data["models"]) == {"0", "1"}
    assert cli.main(line.split()) == 0
    told = capsys.readouterr().out
    assert "4 of 4 trials complete, 4 of them before" in told
    row = data["trials"][data["pareto"][0]]
    assert re.search(r"MHz made for +MHz reached +inferences/s", told)
    assert re.search(rf" {row['freq']:.1f} +{row['fmax_mhz']:.1f} ", told)
