"""What a report says to change: nothing that its numbers do not say, and what it says holds."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import flow
from s2nn_hw.flow.emit import build
from s2nn_hw.ir import INPUT, Dense, FrameFormat, Layer, Network

EXAMPLES = Path(__file__).parents[2] / "examples"


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def advice(folder: Path) -> dict[str, dict[str, Any]]:
    """By what it is about."""
    found = json.loads(json.dumps(flow.report(folder)["advice"]))
    entries = {entry["about"]: entry for entry in found}
    assert len(entries) == len(found)
    return entries


def values(entry: dict[str, Any]) -> dict[str, float]:
    return {name: figure["value"] for name, figure in entry["figures"].items()}


def interval(model: str, option: str) -> float:
    """Between the frames that the network brings along, as predicted, with ``--lanes N,…``."""
    _, lanes = shlex.split(option)
    core = build(
        s2nn_hw.load(EXAMPLES / model / "model.s2nn"), lanes=list(map(int, lanes.split(",")))
    )
    return core.manifest.timing["samples"]["interval_mean"]


@pytest.mark.parametrize("model", ["mnist-mlp-128", "mnist-conv"])
def test_lanes_that_are_advised_do_what_is_said(model: str, tmp_path: Path) -> None:
    """Of real cores: more lanes gain something, and no more than that; fewer lose nothing."""
    network = s2nn_hw.load(EXAMPLES / model / "model.s2nn")
    core = build(network, lanes=4)
    core.write(tmp_path)
    found = advice(tmp_path)
    assert set(found) == {"pace", "lanes"}
    now = core.manifest.timing["samples"]["interval_mean"]
    assert values(found["pace"])["interval"] == now
    faster = now / interval(model, found["pace"]["option"])
    assert 1.2 < faster <= values(found["pace"])["gain"]
    assert interval(model, found["lanes"]["option"]) == pytest.approx(now, rel=0.02)
    assert found["lanes"]["option"] < "--lanes 4,4,4"


def test_figures_of_advice_are_those_of_the_build(full: Path) -> None:
    data = flow.report(full)
    found = advice(full)
    assert list(found) == ["pace", "device", "memory"]
    for entry in found.values():
        assert entry["text"] == entry["sentence"].format(
            **entry["names"], **{k: spoken(f) for k, f in entry["figures"].items()}
        )
        for figure in entry["figures"].values():
            name, _, pointer = figure["source"].partition("#")
            if pointer:
                value: Any = json.loads((full / name).read_text())
                for key in pointer.split("/")[1:]:
                    value = value[int(key)] if isinstance(value, list) else value[key]
                assert value == figure["value"]
    assert values(found["pace"])["floor"] == data["figures"]["interval_floor"]["value"]


def spoken(figure: dict[str, Any]) -> str:
    from s2nn_hw.report.figure import spoken

    return spoken(figure["value"], figure["unit"])


def test_the_next_layer_bounds_what_lanes_gain(full: Path) -> None:
    pace = advice(full)["pace"]
    assert pace["names"]["layer"] == "conv"
    assert values(pace)["bound"] == 139.125
    assert values(pace)["gain"] == 151.375 / 139.125
    assert pace["option"] == "--lanes 3,2,2"
    # Lanes that take windows of their own may need less than their floor, by one a window.
    manifest = json.loads((full / "core.json").read_text())
    for entry in manifest["options"]["layers"]:
        entry["pixels"] = 2
    change(full / "core.json", options=manifest["options"])
    layers = json.loads((full / "verify.json").read_text())["layers"]
    layers[2]["floor_cycles_mean"] = layers[3]["floor_cycles_mean"] = 20.0
    change(full / "verify.json", layers=layers)
    # Which of two sets the pace is not known if the first may need less than the second.
    pace = advice(full)["pace"]
    assert values(pace) == {"floor": 140.125, "bound": 139.125, "interval": 151.375}
    assert pace["text"].startswith("conv and ")
    assert " set the pace: their floors are" in pace["text"]
    assert pace["option"] == ""
    manifest["options"]["layers"][0]["pixels"] = 1
    change(full / "core.json", options=manifest["options"])
    assert values(advice(full)["pace"])["bound"] == 139.125 - 64
    layers[1]["events_mean"] = 200.0
    change(full / "verify.json", layers=layers)
    assert values(advice(full)["pace"])["bound"] == 200 / 2
    layers[1] |= {"floor_cycles_mean": 70.0, "events_mean": 80.0}
    change(full / "verify.json", layers=layers)
    pace = advice(full)["pace"]
    assert "A pixel or window a cycle would still be 64 cycles" in pace["text"]
    layers[1]["floor_cycles_mean"] = 139.125
    change(full / "verify.json", layers=layers)
    # Alike layers are no use to widen alone.
    manifest["options"]["layers"][1]["pixels"] = 1
    change(full / "core.json", options=manifest["options"])
    change(full / "verify.json", interval_cycles={"mean": 140.25})
    pace = advice(full)["pace"]
    assert "alone make the core 1.01 × as fast at best" in pace["text"]
    assert pace["option"] == ""


def test_what_no_lanes_change_is_said(full: Path) -> None:
    layers = json.loads((full / "verify.json").read_text())["layers"]
    layers[0]["floor_cycles_mean"] = 65.0
    for layer in layers[1:]:
        layer["floor_cycles_mean"] = 20.0
    change(full / "verify.json", layers=layers)
    pace = advice(full)["pace"]
    assert pace["text"].endswith("It takes a pixel or window a cycle, which no lanes change.")
    assert "gain" not in pace["figures"]


def test_a_lane_for_each_input_is_all_there_is(full: Path) -> None:
    core = json.loads((full / "core.json").read_text())
    assert core["layers"][0]["engine"] == "parallel"
    core["layers"][0]["lanes"] = core["layers"][0]["inputs"] = 9
    verified = json.loads((full / "verify.json").read_text())
    verified["layers"][0] |= {"lanes": 9, "floor_cycles_mean": 140.0}
    change(full / "core.json", layers=core["layers"])
    change(full / "verify.json", layers=verified["layers"])
    pace = advice(full)["pace"]
    assert pace["text"].endswith("All inputs of a window have a lane: there is no use for more.")
    assert (pace["option"], "gain" in pace["figures"]) == ("", False)


def test_a_layer_alone_may_have_more_lanes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dense = Dense(source=INPUT, weights=rng.integers(-3, 4, (4, 32)), weight_bits=3)
    only = Layer(name="readout", projections=(dense,))
    network = Network(input=FrameFormat(shape=(1, 4, 8), bits=1), layers=(only,))
    images = rng.integers(0, 2, (6, 1, 4, 8), dtype=np.uint8)
    flow.verify(network, images, tmp_path / "four", simulator="icarus", lanes=4)
    pace = advice(tmp_path / "four")["pace"]
    assert pace["option"] == "--lanes 8"
    flow.verify(network, images, tmp_path / "eight", simulator="icarus", lanes=8)
    wider = flow.report(tmp_path / "eight")["figures"]["interval"]["value"]
    assert values(pace)["half"] <= wider < values(pace)["interval"]


def test_layers_that_wait_may_be_narrower(full: Path) -> None:
    layers = json.loads((full / "verify.json").read_text())["layers"]
    layers[1]["floor_cycles_mean"] = 70.0
    layers[3]["floor_cycles_mean"] = 20.0
    change(full / "verify.json", layers=layers)
    found = advice(full)["lanes"]
    # Twice 70 is too near to conv's 140.
    assert found["option"] == "--lanes 2,2,1"
    assert values(found) == {"most": 40.0, "floor": 140.125, "lut": 250}


def test_the_other_engine_is_named_where_it_takes_less(full: Path) -> None:
    layers = json.loads((full / "verify.json").read_text())["layers"]
    layers[0] |= {"floor_cycles_mean": 640.0, "events_mean": 100.0}
    change(full / "verify.json", layers=layers, interval_cycles={"mean": 650.0})
    found = advice(full)["engine"]
    # An event a lane and cycle, and one more for each plane of each window.
    assert values(found)["cycles"] == 100 / 2 + 64 * 2
    assert found["option"] == "--engine event,event,event --lanes 2,2,2"
    # 36 inputs, two a cycle, in 64 windows
    layers[0] |= {"floor_cycles_mean": 1200.0, "events_mean": 1800.0}
    layers[1] |= {"floor_cycles_mean": 1150.0, "events_mean": 0.9 * 36 * 64}
    change(full / "verify.json", layers=layers)
    found = advice(full)["engine"]
    assert found["names"]["layer"] != "conv"
    assert values(found) == pytest.approx({"rate": 0.9, "cycles": 64 * 18, "floor": 1150.0})
    assert found["option"].startswith("--engine parallel,parallel,event ")


def test_stalls_and_frames_a_cycle_say_nothing_of_lanes(full: Path) -> None:
    change(full / "verify.json", stall="bursty")
    assert not advice(full).keys() & {"lanes", "engine"}
    assert advice(full)["pace"]["text"].endswith("verify two or more, without --stall.")
    change(full / "verify.json", stall="none", interval_cycles={"mean": 1.0})
    assert not advice(full).keys() & {"pace", "lanes", "engine"}


def test_loaded_weights_leave_a_layer_one_lane(full: Path) -> None:
    told = {"engine": ["parallel", "event", "event"], "lanes": [2] * 3, "windows": [1] * 3}
    told |= {"counters": False, "unroll_limit": None, "family": "ecp5", "freq": None}
    told |= {"memory": ["ram", "rom", "rom"], "digest": flow.report(full)["digest"], "schema": 1}
    (full / "options.json").write_text(json.dumps(told))
    pace = advice(full)["pace"]
    assert "as constants, which more lanes can read, the weights of conv make" in pace["text"]
    assert pace["option"] == ""


def test_who_fills_the_device(full: Path) -> None:
    device = advice(full)["device"]
    assert values(device) == {"used": 1000, "capacity": 9999, "share": 1000 / 9999}
    assert device["text"].endswith("There is room for more lanes.")
    areas = json.loads((full / "synth.json").read_text())["layers"]
    areas["pool"] = {**areas["pool"], "bram": 6}
    change(full / "synth.json", bram={"used": 8, "capacity": 10, "percent": 80}, layers=areas)
    device = advice(full)["device"]
    assert device["names"] == {"target": "ulx3s-85f", "layer": "pool"}
    assert values(device) == {"used": 8, "capacity": 10, "share": 0.8, "most": 6}


def test_memories_that_are_mostly_empty(full: Path) -> None:
    memories = [
        {"path": "layer_event36.weights", "bram": 2, "bits": 576, "ram_bits": 36864},
        {"path": "layer_event320.weights", "bram": 1, "bits": 5120, "ram_bits": 18432},
    ]
    change(full / "synth.json", weights={"bits": 5696, "share": 0.1, "memories": memories})
    memory = advice(full)["memory"]
    assert values(memory) == {"stored": 576, "blocks": 2, "share": 576 / 36864, "rows": 36}
    memories[0]["bits"] = 30_000
    change(full / "synth.json", weights={"bits": 35120, "share": 0.6, "memories": memories})
    assert "memory" not in advice(full)


def test_clocks_that_are_missed_and_that_are_free(full: Path) -> None:
    change(full / "synth.json", fmax_mhz={"best": 104.0, "target": 100.0, "seeds": {"1": 104.0}})
    assert "clock" not in advice(full)
    change(full / "synth.json", fmax_mhz={"best": 104.0, "target": 25.0, "seeds": {"1": 104.0}})
    clock = advice(full)["clock"]
    assert values(clock) == {"best": 104.0, "asked": 25.0, "gain": 4.16}
    assert clock["option"] == "--freq 104"

    def step(kind: str, ns: float, net: str) -> dict[str, Any]:
        return {"kind": kind, "delay_ns": ns, "cell": "x", "port": "B", "net": net}

    path = [
        step("logic", 3.5, "core.layer_parallel9.a"),
        step("routing", 2.5, "core.layer_pool16.b"),
        step("routing", 2.25, "core.layer_pool16.c"),
    ]
    change(
        full / "synth.json",
        critical_path=path,
        fmax_mhz={"best": 80.0, "target": 100.0, "seeds": {"1": 80.0}},
    )
    clock = advice(full)["clock"]
    assert clock["names"]["layer"] == "pool"
    assert values(clock) == {"best": 80.0, "asked": 100.0, "path": 8.25, "along": 4.75}
    assert clock["option"] == "--seeds 8"
    change(full / "synth.json", critical_path=[step("logic", 9.0, "shell.x")])
    assert "outside of all layers" in advice(full)["clock"]["text"]


def test_a_line_that_is_slower_than_the_core(full: Path) -> None:
    assert "line" not in advice(full)
    change(full / "synth.json", baud=1_000_000)
    line = advice(full)["line"]
    # 64 values of two bits, and seven bytes around them, ten bits each
    assert values(line) == {"rate": 166112, "baud": 1_000_000, "most": 1e6 / (10 * (16 + 7))}
    change(full / "synth.json", at_clock={"mhz": 25.0, "inferences_per_second": 4000})
    assert "line" not in advice(full)


def test_where_most_toggles_are(full: Path) -> None:
    assert "toggles" not in advice(full)
    change(full / "verify.json", toggles_per_frame=25_000.0)
    toggles = advice(full)["toggles"]
    assert values(toggles) == {"share": 20001.0 / 25_000, "toggles": 20001.0, "events": 103.5}
    assert toggles["option"] == "train --spike-penalty 0.1"


def test_of_nothing_known_nothing_follows(core: Path) -> None:
    manifest = json.loads((core / "core.json").read_text())
    change(core / "core.json", timing={**manifest["timing"], "samples": None})
    assert flow.report(core)["advice"] == ()
