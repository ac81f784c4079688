"""Names that Verilog need not escape, and ports in the order of use."""

import re

import numpy as np
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib.wiring import Component, In, Out

import s2nn_hw
from rtl_gen.emit import emit, verilog
from rtl_gen.names import ordered_ports, plain_nets
from rtl_gen.planner import plan


def test_the_same_name_becomes_the_same_and_no_two_become_one():
    text = "\n".join(
        f"  wire \\{name}"
        for name in ("a", "a$1", "a_1", "a.1", "final", "final_", "$signal$3", "x[0]", "9", "a$1")
    )
    assert re.findall(r"\\(\S+)", plain_nets(text)) == [
        "a", "a_1_", "a_1", "a_1__", "final__", "final_", "signal_3", "x_0", "n_9", "a_1_",
    ]  # fmt: skip


def test_plain_names_and_strings_stay():
    text = 'attribute \\keep "a$1 b$1"\n  wire width 3 \\o__payload\n  connect \\i $12 [0]\n'
    assert plain_nets(text) == text


def test_ports_of_one_module_are_renumbered():
    text = (
        "\nmodule \\a\n  wire input 0 \\x\n  wire width 4 output 1  \\y\n  wire \\z\nend\n"
        "\nmodule \\b\n  wire input 0 \\x\nend\n"
    )
    moved = ordered_ports(text, "a", ("y", "x"))
    assert "wire input 2 \\x\n  wire width 4 output 1 \\y\n  wire \\z\nend" in moved
    assert moved.endswith("module \\b\n  wire input 0 \\x\nend\n")


def test_a_core_reads_well():
    """Clock and reset first, streams together, no escaped name, links named after their layers."""
    network = s2nn_hw.from_arrays(
        [np.ones((3, 8), int), np.ones((2, 3), int)], [np.ones(3, int), None], input_bits=2
    )
    chosen = plan(network)
    _, files = emit(network, chosen)
    verilog = files[f"{chosen.top}.v"]
    found = re.search(rf"^module {chosen.top}\((.*)\);$", verilog, re.MULTILINE)
    assert found[1].split(", ") == [
        "clk", "rst", "s_axis_tdata", "s_axis_tvalid", "s_axis_tready", "s_axis_tlast",
        "m_axis_tdata", "m_axis_tvalid", "m_axis_tready", "m_axis_tlast", "frame_error",
        "frame_error_clear",
    ]  # fmt: skip
    # Yosys itself names a register after the one bit of a net that it holds.
    assert "\\" not in re.sub(r"\\\w+_reg\[\d+\]", "", verilog)
    assert "layer_hidden1_o0_payload" in verilog


class Doubled(Component):
    a: In(signed(4))
    wide: Out(unsigned(8))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.wide.eq(self.a.as_unsigned() + self.a.as_unsigned())
        return m


def test_no_net_is_declared_with_a_sign():
    """In Verilog the sum of two that are would have their signs extended."""
    text = verilog(Doubled(), "doubled")
    assert "input [3:0] a;" in text
    assert "= a + a;" in text
