"""The netlist in the core's place: it does the same, and one that is wrong is caught."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import s2nn_hw
from rtl_gen.platforms import part
from s2nn_hw import cli, flow, report
from s2nn_hw.flow.emit import build
from s2nn_hw.flow.gates import MappedCore, mapped_core
from s2nn_hw.flow.mapping import Design, synthesise
from s2nn_hw.flow.stimulus import Stimulus, stimulus
from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.report.text import text
from s2nn_hw.toolchain import models, tools
from s2nn_hw.toolchain.gates import gates
from sim import runner

pytest.importorskip("pyosys")

DEVICES = ("LFE5U-25F", "iCE40UP5K")
TOP = "s2nn_core"


def network() -> s2nn_hw.Network:
    """On either family its weights are in block RAM."""
    rng = np.random.default_rng(4)
    weights = [rng.integers(-7, 8, (4, 300)), rng.integers(-3, 4, (3, 4))]
    return s2nn_hw.from_arrays(weights, [np.array([2, -1, 0, 1]), None])


def frames() -> np.ndarray:
    rng = np.random.default_rng(5)
    return (rng.random((6, 300)) < rng.choice([0.1, 0.5], (6, 1))).astype(np.uint8)


@dataclasses.dataclass(frozen=True)
class Mapped:
    """A network's core, what to play to it, and its netlist as yosys wrote it."""

    device: str
    core: flow.emit.Core
    played: Stimulus
    netlist: Path

    def run(self, folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> set[str]:
        """Names of the checks that fail after a change of the cells."""
        data = json.loads(self.netlist.read_text())
        if change is not None:
            change(data["modules"][TOP]["cells"])
        (folder / "netlist.json").write_text(json.dumps(data))
        made = mapped_core(self.core, part(self.device), folder / "netlist.json", tools.yosys())
        made.write(folder / "core")
        vectors = dataclasses.replace(made.vectors(self.played.vectors), timeout=2000, dump=None)
        simulation = runner.simulate(folder / "core", vectors, simulator="icarus")
        return {verdict.name for verdict in simulation.verdicts if not verdict.passed}


def made(device: str, network: s2nn_hw.Network, frames: np.ndarray, memory="rom") -> Mapped:
    core = build(
        network,
        engine="event",
        lanes=1,
        memory=memory,
        top=TOP,
        counters=False,
        family=part(device).family.name,
    )
    played = stimulus(network, core, frames, stall="random", seed=1, progress=lambda *_: None)
    found = synthesise(Design.of_core(core, part(device)), tools.yosys())
    return Mapped(device, core, played, found.folder / "netlist.json")


@pytest.fixture(scope="module", params=DEVICES)
def mapped(request) -> Mapped:
    return made(request.param, network(), frames())


def core_of(mapped: Mapped, folder: Path) -> MappedCore:
    """The unchanged netlist as a core, in a new folder."""
    device = part(mapped.device)
    found = mapped_core(mapped.core, device, mapped.netlist, tools.yosys())
    found.write(folder)
    return found


def of(cells: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [cell for cell in cells.values() if cell["type"].startswith(kind)]
    assert found
    return found


def test_the_netlist_does_what_the_network_does(mapped, tmp_path, icarus, capsys):
    s2nn_hw.save(network(), tmp_path / "model.s2nn")
    np.save(tmp_path / "frames.npy", frames())
    out = tmp_path / "out"
    words = f"verify {tmp_path / 'model.s2nn'} --images {tmp_path / 'frames.npy'} -o {out}"
    more = f"--netlist {mapped.device} --lanes 1 --simulator icarus --stall random --json"
    assert cli.main([*words.split(), *more.split()]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["passed"]
    told = data["netlist"]
    assert told["passed"]
    assert told["mismatches"] == 0
    assert told["device"].startswith(mapped.device)
    checked = {check["name"] for check in data["checks"] if check["passed"]}
    assert checked >= {f"netlist: {name}" for name in ("scores", "classes", "stream rules")}
    assert checked >= {"netlist: cycles in", "netlist: cycles out", "netlist: alive"}
    assert told["unseen"] == [
        probe.layer
        for probe in mapped.core.manifest.probes
        if f"netlist: spikes {probe.layer}" not in checked
    ]
    # Toggles of the netlist are its own: no field has both.
    whole = told["netlist_toggles_per_frame"]
    assert whole > 0
    assert sum(told["netlist_toggles"].values()) == pytest.approx(whole)
    assert whole != data["toggles_per_frame"]
    assert sum(data["modules"].values()) == pytest.approx(data["toggles_per_frame"])
    assert told["netlist_toggles"].keys() <= data["modules"].keys() | {TOP}
    assert 0 < sum(told["netlist_toggles_of_layers"].values()) < whole
    assert (out / "netlist" / f"{TOP}.v").is_file()
    console = Console(width=200)
    with console.capture() as seen:
        console.print(text(report.read(out)))
    assert "netlist: verified" in seen.get()
    assert f"{whole:,.1f}" in seen.get()


def test_a_wide_memory_with_its_registers(tmp_path, icarus):
    """Rows of 36 bits, half of them from the outputs of the port that only writes."""
    rng = np.random.default_rng(7)
    network = s2nn_hw.from_arrays([rng.integers(-7, 8, (9, 300))], [None])
    wide = made("LFE5U-25F", network, frames())
    rams = of(json.loads(wide.netlist.read_text())["modules"][TOP]["cells"], "DP16KD")
    modes = [(ram["parameters"]["REGMODE_A"], ram["parameters"]["REGMODE_B"]) for ram in rams]
    assert [int(ram["parameters"]["DATA_WIDTH_B"], 2) for ram in rams] == [36]
    assert modes == [("OUTREG", "OUTREG")]
    assert wide.run(tmp_path) == set()


def test_an_unchanged_netlist_passes(mapped, tmp_path, icarus):
    assert mapped.run(tmp_path) == set()


def test_both_simulators_to_the_toggle(mapped, tmp_path, simulator):
    found = core_of(mapped, tmp_path / "core")
    vectors = found.vectors(mapped.played.vectors)
    a, b = (
        runner.simulate(tmp_path / "core", vectors, simulator=simulator(name))
        for name in runner.SIMULATORS
    )
    assert all(verdict.passed for verdict in (*a.verdicts, *b.verdicts))
    assert a.activity.nets == b.activity.nets
    toggles = found.by_module(a.activity.nets[""])
    assert toggles.total() == a.activity.module("") > 0


def test_a_netlist_of_another_build_is_refused(mapped, tmp_path, icarus):
    core_of(mapped, tmp_path / "core")
    with pytest.raises(InputError, match="vectors are for another build"):
        runner.simulate(tmp_path / "core", mapped.played.vectors, simulator="icarus")


def test_wrong_look_up_tables_are_caught(mapped, tmp_path, icarus):
    kind, name = {"LFE5U-25F": ("LUT4", "INIT"), "iCE40UP5K": ("SB_LUT4", "LUT_INIT")}[
        mapped.device
    ]

    def change(cells: dict[str, Any], which: int) -> None:
        table = of(cells, kind)[which]["parameters"]
        table[name] = "".join("10"[int(bit)] for bit in table[name])

    caught = 0
    for which in (0, 10, 20):
        folder = tmp_path / str(which)
        folder.mkdir()
        caught += bool(mapped.run(folder, lambda cells, which=which: change(cells, which)))
    assert caught == 3


@pytest.mark.parametrize("device", DEVICES)
def test_a_wrong_bit_of_a_memory_is_caught(device, tmp_path, icarus):
    """Of any row, for a score is the sum of all."""
    rng = np.random.default_rng(6)
    network = s2nn_hw.from_arrays([rng.integers(-7, 8, (4, 300))], [None])
    kind, prefix = {
        "LFE5U-25F": ("DP16KD", "INITVAL_"),
        "iCE40UP5K": ("SB_RAM40_4K", "INIT_"),
    }[device]

    def change(cells: dict[str, Any]) -> None:
        weights = next(cell for name, cell in cells.items() if ".weights0.rom.rows." in name)
        assert weights["type"] == kind
        words = weights["parameters"]
        name = next(
            name for name in sorted(words) if name.startswith(prefix) and "1" in words[name]
        )
        place = words[name].rindex("1")
        words[name] = f"{words[name][:place]}0{words[name][place + 1 :]}"

    wrong = made(device, network, np.ones((2, 300), np.uint8)).run(tmp_path, change)
    assert wrong >= {"scores"}


def test_swapped_nets_are_caught(mapped, tmp_path, icarus):
    """Two bits of the address of the weights."""

    def change(cells: dict[str, Any]) -> None:
        for ram in of(cells, "DP16KD" if mapped.device == "LFE5U-25F" else "SB_RAM40_4K"):
            pins = [
                (bits, k)
                for port, bits in sorted(ram["connections"].items())
                for k, bit in enumerate(bits)
                if re.fullmatch(r"AD[AB]\d+|RADDR", port) and isinstance(bit, int)
            ]
            (one, i), (other, j) = pins[:2]
            one[i], other[j] = other[j], one[i]

    assert "scores" in mapped.run(tmp_path, change)


def test_a_cell_without_a_model_is_told(mapped, tmp_path):
    def change(cells: dict[str, Any]) -> None:
        next(iter(cells.values()))["type"] = "MYSTERY"

    with pytest.raises(ToolError, match="there is no model of cells MYSTERY"):
        mapped.run(tmp_path, change)


def test_what_cannot_be_simulated_is_refused_at_once(tmp_path):
    options: dict[str, Any] = {"simulator": "icarus", "lanes": 1}
    for device, words in (
        ("GW1NR-9", "a netlist can be simulated of Lattice ECP5 and Lattice iCE40"),
        ("mystery", "device must be one of"),
    ):
        with pytest.raises(InputError, match=words):
            flow.verify(network(), frames(), tmp_path / "out", netlist=device, **options)
    assert not (tmp_path / "out").exists()


def test_tools_are_for_the_netlist_alone(tmp_path, capsys):
    assert cli.main(["verify", "x.s2nn", "-o", str(tmp_path / "out"), "--tools", "path"]) == 2
    assert "--tools needs --netlist" in capsys.readouterr().err


def test_a_signal_is_seen_where_every_bit_of_it_is_driven(tmp_path):
    def cell(**connections: list[int]) -> dict[str, Any]:
        directions = {port: "output" if port == "Z" else "input" for port in connections}
        return {
            "type": "LUT4",
            "hide_name": 1,
            "parameters": {"INIT": "0" * 16},
            "attributes": {},
            "port_directions": directions,
            "connections": connections,
        }

    names = {"layer.a": [4, "1"], "layer.b": [4, 9], "layer.c": [4, "x"], "layer.inner.d": [5]}
    module = {
        "ports": {"i": {"direction": "input", "bits": [2]}},
        "cells": {"$1": cell(A=[2], Z=[4]), "$2": cell(A=[4], Z=[5])},
        "netnames": {name: {"hide_name": 0, "bits": bits} for name, bits in names.items()},
    }
    (tmp_path / "netlist.json").write_text(json.dumps({"modules": {"top": module}}))
    found = gates(
        tmp_path / "netlist.json",
        tools.yosys(),
        tmp_path,
        top="top",
        modules={"layer": ("a",), "layer.inner": ("d",)},
        wanted={"layer.a": 2, "layer.b": 2, "layer.c": 2, "layer.d": 1, "layer.inner.d": 1},
    )
    assert found.seen.keys() == {"layer.a", "layer.inner.d"}
    assert all(f" {wire}" in found.verilog for wire in found.seen.values())
    assert found.nets == {"n_layer_a_0": "layer", "n_layer_inner_d": "layer.inner"}
    assert found.cells == {"LUT4": 2}


def test_models_come_with_what_they_are_made_of():
    found = models.verilog("ecp5", tools.yosys(), {"CCU2C"}, "")
    assert {"CCU2C", "LUT4", "LUT2"} <= set(re.findall(r"^module (\w+)", found, re.M))
    with pytest.raises(ToolError, match="no model of cells DP16KD"):
        models.verilog("ecp5", tools.yosys(), {"DP16KD"}, "")
