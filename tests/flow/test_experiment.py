"""Experiments: every trial a row, nothing trained twice, whatever is killed."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster

import s2nn_hw
from s2nn_hw import cli, datasets, flow, golden
from s2nn_hw.datasets import Dataset
from s2nn_hw.flow import configuration, measurement
from s2nn_hw.flow.experiment import ExperimentResult, _job
from s2nn_hw.flow.measurement import Trained
from s2nn_hw.flow.models import Models
from s2nn_hw.flow.study import Study
from s2nn_hw.ir import InputError, ToolError

# Dask's own threads and sockets, at their end.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

EXAMPLES = Path(__file__).parents[2] / "examples" / "experiments"

WHOLE = """
[experiment]
device = "iCE40UP5K"
seeds = [0, 3, 5]
measured_seeds = [0, 3]
frames = 3
netlist_seeds = [3]
simulator = "icarus"
[experiment.core]
lanes = 1
[[grid]]
data = ["digits"]
arch = ["64-5-10"]
neuron = ["triangle"]
weight_bits = [2]
[grid.train]
epochs = 2
[[grid]]
data = ["digits"]
arch = ["4C3-P2-10"]
neuron = ["relu"]
seeds = [0]
[grid.train]
epochs = 1
[[grid]]
data = ["digits"]
arch = ["64-5-10"]
neuron = ["if"]
weight_bits = [3]
steps = [2]
seeds = [0]
[grid.train]
epochs = 2
input_bits = 2
"""

#: Trials of a fraction of a second.
QUICK = """
[experiment]
device = "iCE40UP5K"
seeds = [0, 1, 2, 3, 4, 5]
[[grid]]
data = ["digits"]
arch = ["64-10", "64-4-10"]
neuron = ["relu"]
[grid.train]
epochs = 1
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with digits that are noise, each with a bright row or column."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 480)
    images = rng.integers(0, 6, (480, 8, 8))
    for image, label in zip(images, labels, strict=True):
        (image if label < 5 else image.T)[label % 5 + 1] = 15
    folder = tmp_path_factory.mktemp("data")
    (folder / "digits").mkdir()
    lines = (
        ",".join(map(str, [*image.ravel(), label]))
        for image, label in zip(images, labels, strict=True)
    )
    (folder / "digits" / "digits.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, data: Path) -> tuple[Path, ExperimentResult]:
    """A file, and what came of it in the folder beside."""
    file = tmp_path_factory.mktemp("whole") / "whole.toml"
    file.write_text(WHOLE)
    return file, flow.experiment(file, data=data, workers=1)


@pytest.fixture(scope="module")
def somebodys() -> Iterator[LocalCluster]:
    """A cluster with an address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as found:
        yield found


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    file = tmp_path / "quick.toml"
    file.write_text(QUICK)
    return file


def models(out: Path) -> dict[str, int]:
    """Name → when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in (out / "models").iterdir()}


def complete(out: Path) -> int:
    """Trials that are, in a study that somebody may be writing."""
    try:
        with sqlite3.connect(f"file:{out}/experiment.db?mode=ro", uri=True) as study:
            return int(
                study.execute("select count(*) from trials where state = 'COMPLETE'").fetchone()[0]
            )
    except sqlite3.Error:
        return 0


def test_every_trial_is_a_row_of_what_the_verbs_say(
    done: tuple[Path, ExperimentResult], data: Path, tmp_path: Path
) -> None:
    result = done[1]
    assert [(row["neuron"], row["seed"], row["state"]) for row in result.trials] == [
        ("triangle", 0, "complete"),
        ("relu", 0, "complete"),
        ("if", 0, "complete"),
        ("triangle", 3, "complete"),
        ("triangle", 5, "complete"),
    ]
    row = result.trials[3]
    options = {"hidden": [5], "surrogate": "triangle", "weight_bits": 2, "epochs": 2, "seed": 3}
    trained = flow.train("digits", tmp_path / "model", data=data / "digits", **options)
    assert (row["network"], row["accuracy"]) == (trained.digest, trained.accuracy)
    assert row["spike_rate"] == trained.spikes["hidden1"]

    network = s2nn_hw.load(tmp_path / "model" / "model.s2nn")
    frames = network.input.quantise(datasets.load("digits", data / "digits").test_images)
    spikes = int(golden.run(network, frames).spikes["hidden1"].sum())
    added = (int(frames.sum()) * 5 + spikes * 10) / len(frames)
    assert row["accumulates"] == pytest.approx(added)
    assert row["multiply_accumulates"] == 0
    assert row["arithmetic_estimate_pj"] == pytest.approx(0.9 * added)

    core = {"lanes": 1, "family": "ice40", "freq": 48}
    seen = flow.verify(
        network, frames[:3], tmp_path / "core", simulator="icarus", netlist="iCE40UP5K", **core
    )
    assert (row["passed"], row["mismatches"], row["frames"]) == (True, 0, 3)
    assert row["events"] == sum(layer.events_mean for layer in seen.layers)
    assert row["interval_cycles"] == seen.interval_cycles["mean"]
    assert row["rtl_toggles"] == seen.toggles_per_frame
    assert row["rtl_toggles_by_module"] == seen.modules
    assert seen.netlist is not None
    assert row["gate_toggles"] == seen.netlist.netlist_toggles_per_frame
    assert row["gate_toggles_by_module"] == seen.netlist.netlist_toggles
    made = flow.synth(network, tmp_path / "synth", device="iCE40UP5K", seeds=(), lanes=1)
    assert (row["lut"], row["ff"], row["bram"]) == tuple(
        made[name]["used"] for name in ("lut", "ff", "bram")
    )
    assert row["fmax_mhz"] is None


def test_a_twin_is_a_row_of_multiply_accumulates(done: tuple[Path, ExperimentResult]) -> None:
    row = done[1].trials[1]
    # 8×8 windows of 9 taps, 28 rows and columns and their corners beyond the edge; then 4×4×4.
    products = (8 * 3 - 2) ** 2 * 4 + 4 * 4 * 4 * 10
    assert (row["accumulates"], row["multiply_accumulates"]) == (0, products)
    assert row["arithmetic_estimate_pj"] == pytest.approx(4.6 * products)
    assert row["network"] is None
    assert "rtl_toggles" not in row


def test_all_steps_of_a_frame_are_in_its_row(
    done: tuple[Path, ExperimentResult], data: Path, tmp_path: Path
) -> None:
    row = done[1].trials[2]
    assert (row["passed"], row["steps"], row["weight_bits"]) == (True, 2, 3)
    options = {"hidden": [5], "neuron": "if", "steps": 2, "weight_bits": 3, "input_bits": 2}
    trained = flow.train(
        "digits", tmp_path / "model", data=data / "digits", epochs=2, seed=0, **options
    )
    assert row["network"] == trained.digest
    # Pixels of two bits into 5 neurons, twice.
    assert row["multiply_accumulates"] == 2 * 64 * 5
    network = s2nn_hw.load(tmp_path / "model" / "model.s2nn")
    frames = network.input.quantise(datasets.load("digits", data / "digits").test_images)
    spikes = int(golden.run(network, frames).spikes["hidden1"].sum())
    assert row["accumulates"] == pytest.approx(spikes * 10 / len(frames))


def test_the_folder_holds_tables_of_the_trials(done: tuple[Path, ExperimentResult]) -> None:
    file, result = done
    out = file.with_suffix("")
    with (out / "trials.csv").open() as table:
        lines = list(csv.DictReader(table))
    assert len(lines) == 5
    assert json.loads(lines[0]["rtl_toggles_by_module"]) == dict(
        result.trials[0]["rtl_toggles_by_module"]
    )
    results = json.loads((out / "results.json").read_text())
    assert results["schema"] == 1
    assert results["trials"] == json.loads(json.dumps(result.trials))
    assert results["columns"]["arithmetic_estimate_pj"] == {
        "unit": "pJ a frame",
        "origin": "estimated",
    }
    assert results["constants"]["multiply_accumulate_pj"] == 4.6
    known = json.loads((out / "configuration.json").read_text())
    assert known["grids"][0]["steps"] is None

    of_seeds = [result.trials[k]["accuracy"] for k in (0, 3, 4)]
    entry = result.table[0]
    assert entry["seeds"] == 3
    assert entry["accuracy"]["mean"] == pytest.approx(statistics.fmean(of_seeds))
    assert entry["accuracy"]["std"] == pytest.approx(statistics.stdev(of_seeds))
    # Of the seeds whose cores are measured.
    assert "lut" not in result.trials[4]
    assert entry["lut"]["mean"] == sum(result.trials[k]["lut"] for k in (0, 3)) / 2
    shown = (out / "table.md").read_text().splitlines()
    assert "accuracy, % (measured)" in shown[0]
    assert "arithmetic alone, nJ (estimated)" in shown[0]
    assert "gate-level toggles (simulated)" in shown[0]
    assert "clock, MHz" not in shown[0]
    # Of the netlist's seed alone.
    assert result.trials[0]["gate_toggles"] is None
    assert entry["gate_toggles"] == {"mean": result.trials[3]["gate_toggles"], "std": None}
    mean, deviation = 100 * statistics.fmean(of_seeds), 100 * statistics.stdev(of_seeds)
    assert shown[2].startswith("| 1 | digits | 64-5-10 | triangle | 2 | 1 | 3 | ")
    assert f"| {mean:.2f} ± {deviation:.2f} |" in shown[2]
    assert shown[3].startswith("| 2 | digits | 4C3-P2-10 | relu | absent | absent | 1 | ")
    assert "* Grid 1: epochs 2; cores simulated and synthesised: of seeds 0, 3." in shown


def test_what_was_trained_is_not_trained_again(
    done: tuple[Path, ExperimentResult], data: Path, tmp_path: Path
) -> None:
    file, result = done
    before = models(file.with_suffix(""))
    again = flow.experiment(file, data=data, workers=1)
    assert again.resumed == 5
    assert again.trials == result.trials

    # Without the study the models are there.
    file.with_suffix("").rename(tmp_path / "moved")
    (tmp_path / "moved" / "experiment.db").unlink()
    once = flow.experiment(file, tmp_path / "moved", data=data, workers=1)
    assert once.resumed == 0
    assert models(tmp_path / "moved") == before
    assert once.trials == result.trials
    (tmp_path / "moved").rename(file.with_suffix(""))


def test_a_killed_experiment_goes_on(quick: Path, data: Path) -> None:
    out = quick.with_suffix("")
    command = [sys.executable, "-m", "s2nn_hw.cli", "experiment", str(quick), "--data", str(data)]
    with subprocess.Popen([*command, "--workers", "1"], stderr=subprocess.DEVNULL) as process:
        while complete(out) < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    kept, known = complete(out), models(out)
    assert 2 <= kept < 12
    assert len(known) >= kept
    result = flow.experiment(quick, data=data, workers=1)
    assert result.resumed == kept
    assert {row["state"] for row in result.trials} == {"complete"}
    assert len({(row["arch"], row["seed"]) for row in result.trials}) == len(result.trials) == 12
    assert models(out).items() >= known.items()


def test_a_worker_that_is_killed_costs_nobody_a_trial(
    quick: Path, data: Path, somebodys: LocalCluster
) -> None:
    stop = threading.Event()

    def kill() -> None:
        """One of the workers, once a trial is complete."""
        while not stop.wait(0.05):
            if complete(quick.with_suffix("")):
                os.kill(somebodys.workers[0].process.pid, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        result = flow.experiment(quick, data=data, scheduler=somebodys.scheduler_address)
    finally:
        stop.set()
        killer.join()
    assert {row["state"] for row in result.trials} == {"complete"}
    assert len({(row["arch"], row["seed"]) for row in result.trials}) == len(result.trials) == 12


def test_a_full_disk_is_told_and_loses_nothing(
    quick: Path, data: Path, somebodys: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = Models.keep
    told = []

    def full(self: Models, name: str, model: Trained) -> None:
        if len(told) == 3:
            raise InputError(f"{self.folder / name}: cannot be written: No space left on device")
        told.append(name)
        keep(self, name, model)

    address = somebodys.scheduler_address
    with monkeypatch.context() as patched:
        patched.setattr(Models, "keep", full)
        with pytest.raises(InputError, match="cannot be written: No space left on device"):
            flow.experiment(quick, data=data, scheduler=address)
    before = models(quick.with_suffix(""))
    assert len(before) == 3
    result = flow.experiment(quick, data=data, scheduler=address)
    assert result.resumed == 3
    assert {row["state"] for row in result.trials} == {"complete"}
    assert len(result.trials) == 12
    assert models(quick.with_suffix("")).items() >= before.items()


def test_what_failed_is_tried_again_at_the_next_start(tmp_path: Path) -> None:
    def opened() -> Study:
        found = Study(tmp_path, {"what": 1}, {"accuracy": "maximize"}, "experiment")
        found.enter({"seed": [0, 1]}, [{"seed": 0}, {"seed": 1}])
        return found

    first = opened()
    trial = first.next()
    assert trial is not None
    first.put_off(trial, "no room")
    assert [row["error"] for row in first.rows()] == ["no room", None]
    second = opened()
    again = second.next()
    assert again == trial
    second.complete(again, {"accuracy": 0.5})
    assert [(row["state"], row["error"]) for row in second.rows()] == [
        ("complete", None),
        ("waiting", None),
    ]


def test_a_failure_is_told_when_it_comes(
    quick: Path, data: Path, monkeypatch: pytest.MonkeyPatch, somebodys: LocalCluster
) -> None:
    def fails(job: measurement.Job) -> measurement.Trained:
        raise ToolError("the machine is too small")

    quick.write_text(QUICK.replace("[0, 1, 2, 3, 4, 5]", "[0]").replace('"64-10", ', ""))
    told: list[str] = []
    monkeypatch.setattr(measurement, "train", fails)
    result = flow.experiment(
        quick, data=data, scheduler=somebodys.scheduler_address, said=told.append
    )
    (row,) = result.trials
    assert (row["state"], row["error"]) == ("fail", "the machine is too small")
    assert told == [
        "a trial failed: grid 1, data digits, arch 64-4-10, neuron relu, seed 0: "
        "the machine is too small"
    ]


def test_another_experiments_folder_is_refused(
    quick: Path, data: Path, monkeypatch: pytest.MonkeyPatch, somebodys: LocalCluster
) -> None:
    few = QUICK.replace("[0, 1, 2, 3, 4, 5]", "[0]")
    quick.write_text(few)
    options: dict[str, Any] = {"data": data, "scheduler": somebodys.scheduler_address}
    flow.experiment(quick, **options)
    quick.write_text(few.replace("[0]", "[1]"))
    said = r"quick/experiment\.db: is of another experiment \(seeds\); name another folder"
    with pytest.raises(InputError, match=said):
        flow.experiment(quick, **options)
    quick.write_text(few)
    ours = measurement.versions()
    with monkeypatch.context() as patched:
        patched.setattr(measurement, "versions", lambda: {**ours, "torch": "1.0"})
        with pytest.raises(InputError, match=r"another experiment \(versions\); name another"):
            flow.experiment(quick, **options)
        # And by the workers, who have the other one.
        said = r"grid 1: digits-64-10-relu: a worker has torch \S+, and the experiment is of 1\.0"
        with pytest.raises(InputError, match=said):
            flow.experiment(quick, quick.parent / "other", **options)
    (quick.with_suffix("") / "models").rename(quick.parent / "models")
    changed = next((quick.parent / "models").iterdir()) / "train.json"
    changed.write_text(changed.read_text() + " ")
    with pytest.raises(InputError, match=r"holds train\.json, changed since s2nn-hw wrote it"):
        Models(quick.parent / "models").find(changed.parent.name)


def test_a_network_that_does_not_fit_has_a_row_without_area(
    tmp_path: Path, data: Path, somebodys: LocalCluster
) -> None:
    file = tmp_path / "vast.toml"
    text = QUICK.replace("iCE40UP5K", "iCE40HX1K").replace("[0, 1, 2, 3, 4, 5]", "[0]")
    text = text.replace("64-4-10", "64-16-10").replace('"64-10", ', "").replace("relu", "s2nn")
    file.write_text(text.replace("[[grid]]", "frames = 2\nsimulator = 'icarus'\n[[grid]]"))
    result = flow.experiment(file, data=data, scheduler=somebodys.scheduler_address)
    row = result.trials[0]
    assert (row["state"], row["passed"]) == ("complete", True)
    assert "lut" not in row
    assert "the network does not fit iCE40HX1K" in row["unfit"]
    assert row["unfit"] in (tmp_path / "vast" / "table.md").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"relu"', '"rleu"'), "neuron must be of bnn, if, relu, s2nn, "),
        (("64-4-10", "63-4-10"), "grid 1: digits-63-4-10-relu: the architecture must begin with"),
        (("64-4-10", "64-4-11"), "must end in 10, the classes of digits, not 11"),
        (("64-4-10", "4C9-10"), "'4C9' in the architecture"),
        (('"digits"', '"digit"'), "the data set must be one of mnist, fashion-mnist, digits"),
        (("iCE40UP5K", "iCE40"), "device must be"),
        (("[[grid]]", "frames = 999\n[[grid]]"), "frames must be at most the 360 test images"),
        (("[[grid]]", "simulator = 'vcs'\n[[grid]]"), "simulator must be one of"),
        (("[[grid]]", "[experiment.core]\nlanes = [1, 2, 3]\n[[grid]]"), "lanes must be"),
        (("epochs = 1", "epochs = 0"), "epochs must be a whole number from 1 on, not 0"),
        (("epochs = 1", "spike_penalty = 1"), "a spike penalty is of spikes, and a full-precision"),
        (('"iCE40UP5K"', '"GW1NR-9"\nnetlist_seeds = [0]'), "a netlist can be simulated of"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_trained(
    quick: Path,
    data: Path,
    somebodys: LocalCluster,
    change: tuple[str, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = QUICK.replace(*change)
    if "lanes" in change[1]:
        text = text.replace('"relu"', '"s2nn"')
    quick.write_text(text)
    address = somebodys.scheduler_address
    words = ["experiment", str(quick), "--data", str(data), "--scheduler", address]
    assert cli.main(words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (quick.with_suffix("") / "models").exists()
    assert complete(quick.with_suffix("")) == 0


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_can_be_trained(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A combination of each grid, on noise."""
    rng = np.random.default_rng(0)

    def noise(name: str, folder: object) -> Dataset:
        shape = {"digits": (1, 8, 8), "cifar10": (3, 32, 32)}.get(name, (1, 28, 28))
        images = rng.integers(0, 17 if name == "digits" else 256, (80, *shape), dtype=np.uint8)
        labels = np.arange(80, dtype=np.uint8) % 10
        return Dataset(
            name=name,
            maximum=16 if name == "digits" else 255,
            train_images=images,
            train_labels=labels,
            test_images=images[:20],
            test_labels=labels[:20],
        )

    monkeypatch.setattr(datasets, "load", noise)
    settings = configuration.read(path)
    cases = {case.grid: case for case in settings.cases}
    assert len(cases) == len(settings.grids)
    for case in cases.values():
        job = _job(settings, case, 0, None)
        measurement.rehearse(job)


def test_the_command_says_what_came_of_it(
    quick: Path, data: Path, somebodys: LocalCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    quick.write_text(QUICK.replace("[0, 1, 2, 3, 4, 5]", "[0, 1]"))
    words = ["experiment", str(quick), "--data", str(data)]
    words += ["--scheduler", somebodys.scheduler_address]
    assert cli.main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["state"] for row in found["trials"]] == ["complete"] * 4
    assert cli.main(words) == 0
    told = capsys.readouterr().out
    assert "4 of 4 trials complete, 4 of them before" in told
    assert f"{100 * found['table'][0]['accuracy']['mean']:.2f} %" in told
