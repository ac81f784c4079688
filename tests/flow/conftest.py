"""Folders as the commands leave them, of a network that was never built: for reports of them."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from s2nn_hw.manifest import Buffer, InputPort, LayerEntry, Manifest, Memory, OutputPort, sha256
from s2nn_hw.report.ports import Levels, Stream, diagram

VERILOG = "module core; endmodule\n"
DIGEST, NETWORK = "d" * 64, "ab" * 32
#: A name that would be markup, were it not shown as text.
EVIL = "<img src=x onerror=\"document.title='evil'\">&amp;"
LAYERS = ("conv", EVIL, "pool", "readout")
ENGINES = ("parallel", "event", "pool", "event")
AREA = {"lut": 250, "ff": 120, "carry": 16, "bram": 2, "spram": 0, "dsp": 0}


def entry(name: str, engine: str, inputs: int, neurons: int, windows: int) -> LayerEntry:
    pool = engine == "pool"
    memory = Memory(path=f"layer_{engine}{inputs}.weights", rows=inputs, row_bits=16, file=None)
    return LayerEntry(
        name=name,
        module=f"layer_{engine}{inputs}",
        engine=engine,
        lanes=2,
        inputs=inputs,
        neurons=neurons,
        synapses=0 if pool else inputs * neurons,
        weight_bits=0 if pool else 4,
        potential_bits=9,
        windows=windows,
        memories=() if pool else (memory,),
        buffers=(Buffer(path="buffer", bits=1200, least_bits=1000),) if windows > 1 else (),
    )


def manifest() -> Manifest:
    window = {"kernel": [3, 3], "stride": [1, 1], "padding": [1, 1]}
    of_map = {"size": [8, 8], "window": window}
    feeds = {
        "conv": [{"windows": {"source": "input", "planes": 2, **of_map}}],
        EVIL: [{"windows": {"source": "conv", "planes": 1, **of_map}}],
        "readout": [{"source": "pool", "planes": 1}, {"source": "conv", "planes": 1}],
    }
    pool = {"layer": "pool", "windows": {"source": EVIL, "planes": 1}}
    layers = [{"layer": name, "feeds": feed} for name, feed in feeds.items()]
    return Manifest(
        top="core",
        digest=DIGEST,
        network=NETWORK,
        options={"layers": [*layers[:2], pool, layers[2]]},
        files={"core.v": sha256(VERILOG.encode())},
        input=InputPort(tdata_bits=8, pixel_bits=2, pixels_per_beat=4, pixels=64),
        output=OutputPort(tdata_bits=32, class_bits=8, score_bits=8, classes=3),
        layers=(
            entry("conv", "parallel", 9, 4, 64),
            entry(EVIL, "event", 36, 4, 64),
            entry("pool", "pool", 16, 4, 16),
            entry("readout", "event", 320, 3, 1),
        ),
        probes=(),
        counters=(),
        nets={},
        timing={
            "latency_bound": 900,
            "interval_bound": 700,
            "samples": {"interval_mean": 150.5, "floor_mean": dict.fromkeys(LAYERS, 120.25)},
        },
        versions={"amaranth": "0.5.10"},
    )


def verification() -> dict[str, Any]:
    return {
        "schema": 1,
        "passed": True,
        "frames": 1234,
        "toggle_frames": 1000,
        "mismatches": 0,
        "accuracy": 0.96875,
        "latency_cycles": {"min": 200, "mean": 260.75, "max": 333},
        "interval_cycles": {"mean": 151.375},
        "interval_floor_mean": 140.125,
        "interval_predicted_mean": 151.375,
        "toggles_per_frame": 123456.5,
        "frames_per_second": 1710.25,
        "simulator": "verilator",
        "stall": "none",
        "seed": 0,
        "modules": {"core": 17.5},
        "layers": [
            {
                "name": name,
                "engine": engine,
                "lanes": 2,
                "events_mean": 100.5 + k,
                "accumulates_mean": 1608.0,
                "multiply_accumulates_mean": 64.0,
                "floor_cycles_mean": 140.125 - k,
                "toggles_per_frame": 5000.25 * (k + 1),
            }
            for k, (name, engine) in enumerate(zip(LAYERS, ENGINES, strict=True))
        ],
        "checks": [{"name": "scores", "passed": True, "detail": "all agree"}],
        "netlist": {
            "passed": True,
            "device": "LFE5U-25F-6",
            "family": "Lattice ECP5",
            "cells": 999,
            "unseen": [],
            "netlist_toggles": {"core": 33.25},
            "netlist_toggles_per_frame": 234567.75,
            "netlist_toggles_of_layers": {name: 7000.5 for name in LAYERS},
        },
        "versions": {"verilator": "5.48.0"},
        "digest": DIGEST,
    }


def synthesis() -> dict[str, Any]:
    area = {"lut": 1000, "ff": 480, "carry": 64, "bram": 8, "spram": 0, "dsp": 0}
    memories = [{"path": "layer_event36.weights", "bits": 2048, "bram": 2, "ram_bits": 36864}]
    return {
        "schema": 1,
        "board": "ulx3s-85f",
        "device": "LFE5U-85F-6",
        "family": "Lattice ECP5",
        **{name: {"used": n, "capacity": 9999, "percent": 1.5} for name, n in area.items()},
        "layers": {name: AREA for name in LAYERS},
        "modules": {"core": AREA},
        "accumulators": {},
        "weights": {"bits": 2048, "share": 0.25, "memories": memories},
        "fmax_mhz": {"best": 104.125, "target": 100.0, "seeds": {"1": 104.125, "2": None}},
        "timing_met": True,
        "critical_path": [],
        "interval_cycles": 150.5,
        "interval_of": "sample frames",
        "inferences_per_second": 691860,
        "at_clock": {"mhz": 25.0, "inferences_per_second": 166112},
        "seconds": {"synthesise": 12.5},
        "cached": [],
        "bitstream": None,
        "versions": {},
        "digest": DIGEST,
    }


def timeline() -> dict[str, Any]:
    def layer(name: str, *spans: tuple[str, int]) -> dict[str, Any]:
        at, found, cycles = 0, [], {"work": 0, "wait": 0, "held": 0}
        for state, length in spans:
            found.append([state, at, at + length])
            cycles[state] += length
            at += length
        return {"name": name, "cycles": cycles, "spans": found}

    return {
        "schema": 1,
        "digest": DIGEST,
        "simulator": "verilator",
        "cycles": 400,
        "frames": [
            {"frame": k, "first_in": 20 * k, "last_in": 20 * k + 15, "first_out": o, "last_out": o}
            for k, o in enumerate((180, 320, 399))
        ],
        "layers": [
            layer("conv", ("work", 300), ("held", 40), ("work", 30), ("wait", 30)),
            layer(EVIL, ("wait", 30), ("work", 340), ("wait", 30)),
            layer("pool", ("wait", 100), ("work", 20), ("wait", 280)),
            layer("readout", ("wait", 370), ("held", 10), ("work", 20)),
        ],
    }


def example() -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def text(values: Any) -> str:
        return base64.b64encode(values.astype(np.uint8).tobytes()).decode()

    def layer(name: str, kind: str, shape: tuple[int, ...], maximum: int) -> dict[str, Any]:
        values = rng.integers(0, maximum + 1, shape)
        bits = np.packbits(values.astype(np.uint8).ravel()) if maximum == 1 else values
        return {
            "name": name,
            "kind": kind,
            "shape": list(shape),
            "maximum": maximum,
            "values": text(bits),
        }

    image = {"shape": [1, 8, 8], "maximum": 3, "steps": 1}
    return {
        "schema": 1,
        "digest": DIGEST,
        "frame": 0,
        "label": 2,
        "class": 1,
        "input": {**image, "values": text(rng.integers(0, 4, (1, 8, 8)))},
        "layers": [
            layer("conv", "layer", (4, 8, 8), 1),
            layer(EVIL, "layer", (4, 8, 8), 1),
            layer("pool", "pool", (4, 4, 4), 4),
        ],
        "scores": [-7, 12, 5],
    }


def plan() -> dict[str, Any]:
    def point(lanes: int, interval: float, lut: int) -> dict[str, Any]:
        return {
            "engine": ["event", "event", "event"],
            "lanes": [lanes, lanes, lanes],
            "windows": [1, 1, 1],
            "memory": ["rom", "rom", "rom"],
            "freq": 100.0,
            "fmax_mhz": 102.5,
            "lut": lut,
            "ff": 500,
            "bram": 4,
            "interval_cycles": interval,
            "inferences_per_second": 1e8 / interval,
        }

    chosen = ("engine", "lanes", "windows", "memory")
    front = [point(8, 40.5, 4000), point(4, 80.25, 2500), point(1, 300.75, 900)]
    return {
        "plan": 1,
        "board": "ulx3s-85f",
        "device": None,
        "network": NETWORK,
        "options": {**{name: front[1][name] for name in chosen}, "family": "ecp5", "freq": 100.0},
        "predicted": front[1],
        "front": front,
    }


def bench() -> dict[str, Any]:
    def row(generator: str, lut: int | None, interval: float | None, error: str | None) -> Any:
        return {
            "network": "digits",
            "generator": generator,
            "setting": "unrolled",
            "device": "LFE5U-25F-6",
            "lut": lut,
            "interval_cycles": interval,
            "mismatches": 0,
            "error": error,
        }

    rows = [row("ours", 3210, 1.0, None), row("peer", 4321, 2.0, None), row("bad", None, None, "!")]
    return {"format": 1, "rows": rows, "networks": {"digits": NETWORK}}


def experiment() -> dict[str, Any]:
    def case(neuron: str, accuracy: float, toggles: float | None) -> dict[str, Any]:
        means = {"accuracy": accuracy, "interval_cycles": 99.5, "lut": 3057.0}
        table = {name: {"mean": value, "std": None} for name, value in means.items()}
        spread = None if toggles is None else {"mean": toggles, "std": 1.5}
        words = {"data": "mnist", "arch": "784-32-10", "neuron": neuron, "weight_bits": 4}
        return {**words, "steps": 1, "seeds": 1, **table, "rtl_toggles": spread}

    measured = {"unit": "", "origin": "measured"}
    simulated = {"unit": "", "origin": "simulated"}
    return {
        "schema": 1,
        "board": None,
        "device": "LFE5U-25F-6",
        "columns": {
            "accuracy": measured,
            "lut": measured,
            "interval_cycles": simulated,
            "rtl_toggles": simulated,
        },
        "trials": [{"network": NETWORK}, {"network": None}],
        "table": [case("s2nn", 0.91, 2000.5), case("bnn", 0.87, 2500.25), case("relu", 0.95, None)],
    }


TRIALS = f"""\
number,model,plan,seed,state,lut,interval_cycles,accuracy,error,network
0,mlp,0,1,complete,4000,40.5,0.96875,,{NETWORK}
1,mlp,1,1,complete,2500,80.25,0.96875,,{NETWORK}
2,mlp,2,1,fail,,,,no room,{NETWORK}
"""


def ports() -> str:
    def stream(name: str, valid: str, labels: list[str]) -> Stream:
        levels = [Levels(valid=int(v), ready=1, last=int(v)) for v in valid]
        return Stream(name=name, levels=levels, labels=labels)

    text = diagram(
        [
            stream("s_axis", "0010100000" + "0" * 30, ["0", "1"]),
            stream("m_axis", "0" * 36 + "0010", ["class 1"]),
        ],
        title="core: a frame and its result",
        digest=DIGEST,
    )
    return text


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders that nobody changes.

    ``core``: as emit leaves it; ``full``: the same of which everything is known that may lie in the
    folder of a build; ``tried``: a plan, sweep and bench; ``experiment``.
    """
    home = tmp_path_factory.mktemp("shelf")
    core = {"core.v": VERILOG, "core.json": manifest().to_json()}
    built = {
        "verify.json": verification(),
        "synth.json": synthesis(),
        "timeline.json": timeline(),
        "example.json": example(),
        "ports.wavedrom.json": ports(),
    }
    folders: dict[str, dict[str, Any]] = {
        "core": core,
        "full": core | built,
        "tried": {"plan.json": plan(), "trials.csv": TRIALS, "bench.json": bench()},
        "experiment": {"results.json": experiment()},
    }
    for folder, files in folders.items():
        (home / folder).mkdir()
        for name, data in files.items():
            text = data if isinstance(data, str) else json.dumps(data)
            (home / folder / name).write_text(text)
    return home


@pytest.fixture
def core(shelf: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return shutil.copytree(shelf / "core", tmp_path / "core")


@pytest.fixture
def full(shelf: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return shutil.copytree(shelf / "full", tmp_path / "full")


@pytest.fixture
def beside(shelf: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Copies of what may lie beside a build: ``tried`` and ``experiment``."""
    tried, experiment = (
        shutil.copytree(shelf / name, tmp_path / name) for name in ("tried", "experiment")
    )
    return tried, experiment
