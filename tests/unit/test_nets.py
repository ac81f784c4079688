"""The list of nets: every driven bit of named logic once, under one name."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import s2nn_hw
from rtl_gen import emit
from rtl_gen.nets import nets
from rtl_gen.planner import plan


def netlist(**modules) -> str:
    """As yosys writes it: modules of ports {name: (direction, bits)}, nets and cells.

    One cell more drives every net but those that a ! comes before.
    """
    made = {}
    for name, (ports, named, cells) in modules.items():
        bits = [b for net, bits in named.items() if not net.startswith("!") for b in bits]
        bits += [b for _, port in ports.values() for b in port]
        cells = {
            **cells,
            "drives": ("$cell", {"Y": ("output", [b for b in bits if b not in ("0", "1")])}),
        }
        made[name] = {
            "ports": {k: {"direction": d, "bits": bits} for k, (d, bits) in ports.items()},
            "netnames": {
                k.lstrip("~!"): {"hide_name": int(k.startswith("~")), "bits": bits}
                for k, bits in {**{p: b for p, (_, b) in ports.items()}, **named}.items()
            },
            "cells": {
                k: {
                    "type": kind,
                    "port_directions": {p: d for p, (d, _) in pins.items()},
                    "connections": {p: bits for p, (_, bits) in pins.items()},
                }
                for k, (kind, pins) in cells.items()
            },
        }
    return json.dumps({"creator": "a test", "modules": made})


def test_inputs_aliases_constants_and_clocks_do_not_count():
    text = netlist(
        top=(
            {
                "clk": ("input", [2]),
                "rst": ("input", [3]),
                "given": ("input", [4, 5]),
                "out": ("output", [6]),
            },
            {
                "copy_of_given": [4, 5],
                "b_state": [6],  # the same net as out, which comes later in the alphabet
                "constant": ["0", "1"],
                "~hidden": [9],
                "own": [7, 8],
            },
            {},
        )
    )
    assert nets(text, "top") == {"": ("b_state", "own")}


def test_what_nothing_drives_does_not_count():
    """Icarus does not even dump it."""
    text = netlist(top=({}, {"driven": [2, 3], "!left_over": [4], "!half": [3, 5]}, {}))
    assert nets(text, "top") == {"": ("driven",)}


def test_bits_are_counted_once():
    text = netlist(
        top=(
            {},
            {
                "whole": [2, 3],
                "wider": [2, 3, 4, 5, 5, "0", 6],
                "z_again": [6, 7, 7],
            },
            {},
        )
    )
    # Of wider bits 0 and 1 are whole's, 4 is 3 once more, 5 is constant.
    assert nets(text, "top") == {"": ("whole", "wider#2-3,6", "z_again#1")}


def test_a_net_of_a_port_is_its_drivers():
    text = netlist(
        child=({"i": ("input", [2]), "o": ("output", [3])}, {}, {}),
        leaf=({"o": ("output", [2])}, {"inner": [3]}, {}),
        top=(
            {"o": ("output", [4])},
            {"between": [5]},
            {
                "first": ("child", {"i": ("input", [5]), "o": ("output", [4])}),
                "second": ("leaf", {"o": ("output", [5])}),
            },
        ),
    )
    assert nets(text, "top") == {"": (), "first": ("o",), "second": ("inner", "o")}


def test_a_module_twice_has_two_paths():
    leaf = ({"o": ("output", [2])}, {}, {})
    branch = ({"o": ("output", [2])}, {}, {"leaf": ("leaf", {"o": ("output", [2])})})
    cells = {name: ("branch", {"o": ("output", [k])}) for k, name in ((2, "a"), (3, "b"))}
    text = netlist(leaf=leaf, branch=branch, top=({}, {}, cells))
    assert nets(text, "top") == {
        "": (),
        "a": (),
        "a.leaf": ("o",),
        "b": (),
        "b.leaf": ("o",),
    }


@pytest.mark.parametrize("bits", [1, 3])
def test_nets_of_a_core_are_in_its_verilog(bits):
    rng = np.random.default_rng(3)
    network = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (9, 40)), rng.integers(-3, 4, (3, 9))],
        [rng.integers(-3, 3, 9), None],
        bits,
    )
    manifest, files = emit.emit(network, plan(network, lanes=2, counters=True))
    modules = dict(
        re.findall(r"^module (\w+) ?\((.*?)^endmodule", files["s2nn_core.v"], flags=re.M | re.S)
    )
    paths = {"", "guard", "layer_hidden1", "layer_hidden1.engine", "layer_readout.argmax"}
    assert set(manifest.nets) >= paths
    for path, entries in manifest.nets.items():
        body = modules["s2nn_core"]
        for step in filter(None, path.split(".")):
            body = modules[re.search(rf"^  (\w+) {step} \(", body, flags=re.M)[1]]
        names = [entry.partition("#")[0] for entry in entries]
        assert len(set(names)) == len(names), path
        for name in names:
            declared = rf"(?:wire|reg) (?:\[\d+:\d+\] )?\\?{re.escape(name)}[ ;=]"
            assert re.search(declared, body), f"{path}: {name}"
        assert not {"clk", "rst", "s_axis_tdata"} & set(names)
    assert "count_cycles" in manifest.nets[""]
