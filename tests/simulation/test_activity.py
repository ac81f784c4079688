"""Toggles: against a count by hand, and one simulator against the other."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal

import s2nn_hw
from rtl_gen.emit import _translated
from rtl_gen.nets import nets
from s2nn_hw import flow

#: Two modules, a net known by two names, one seen from both sides of a port, one of great width.
TINY = """
module counter(input clk, input rst, input en, output [1:0] value);
  reg [1:0] count = 0;
  assign value = count;
  always @(posedge clk) if (rst) count <= 0; else if (en) count <= count + 2'd1;
endmodule

module tiny(
  input clk, input rst,
  input [7:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready, input s_axis_tlast,
  output [15:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, output m_axis_tlast,
  output [1:0] frame_error, input frame_error_clear
);
  reg [1:0] q = 0;
  reg valid = 0;
  reg [4999:0] wide = 0;
  wire [1:0] alias_ = q;
  wire both = alias_[0] & alias_[1];
  wire [1:0] seen;
  counter child(.clk(clk), .rst(rst), .en(s_axis_tvalid), .value(seen));
  assign s_axis_tready = 1;
  assign m_axis_tdata = {6'd0, q, 8'd0};
  assign m_axis_tvalid = valid;
  assign m_axis_tlast = 1;
  assign frame_error = 0;
  always @(posedge clk) if (rst) begin q <= 0; valid <= 0; end else begin
    if (s_axis_tvalid) begin q <= s_axis_tdata[1:0]; wide <= {5000{s_axis_tdata[0]}}; end
    valid <= s_axis_tvalid & s_axis_tlast;
  end
endmodule
"""

#: Beats 3, 0, 1 and 1, 2, 3; the score is a frame's last beat.
FRAMES = np.array([[1, 1, 0, 0, 1, 0], [1, 0, 0, 1, 1, 1]], np.uint8)
NETS = {"": ("q#0", "both", "valid", "wide"), "child": ("count",)}


@pytest.mark.parametrize(
    ("mark", "toggles"),
    [
        # q is 3 | 0 1 1 2 3 after each beat, count 1 | 2 3 0 1 2, from the bar on counted; all bits
        # of wide are its lower one.
        (
            0,
            {
                "": {"q": 4, "both": 2, "valid": 4, "wide": 5000 * 4},
                "child": {"count": 2 + 1 + 2 + 1 + 2},
            },
        ),
        # q is 1 | 2 3, count 0 | 1 2.
        (
            3,
            {"": {"q": 2, "both": 1, "valid": 2, "wide": 5000 * 2}, "child": {"count": 1 + 2}},
        ),
    ],
)
def test_toggles_counted_by_hand(handmade, each, mark, toggles):
    bench = handmade("tiny", TINY, FRAMES, NETS)
    vectors = bench.vectors(spikes={}, scores=np.array([[1], [3]]), dump=mark)
    simulation = bench.run(vectors, each)
    assert [v for v in simulation.verdicts if not v.passed] == []
    assert simulation.activity.nets == toggles
    assert simulation.activity.module("child") == sum(toggles["child"].values())
    assert simulation.activity.module("") == sum(sum(nets.values()) for nets in toggles.values())


def test_no_dump_no_activity(handmade, each):
    bench = handmade("tiny", TINY, FRAMES, NETS)
    simulation = bench.run(bench.vectors(spikes={}, scores=np.array([[1], [3]])), each)
    assert simulation.activity is None


def test_a_net_that_is_not_in_the_dump_is_an_error_not_zero(handmade, each):
    bench = handmade("tiny", TINY, FRAMES, {"child": ("count", "lost")})
    with pytest.raises(Exception, match="no net 'lost' in module 'child'"):
        bench.run(bench.vectors(spikes={}, scores=np.array([[1], [3]]), dump=0), each)


def test_both_simulators_count_the_same_in_a_core(tmp_path, simulator):
    rng = np.random.default_rng(11)
    network = s2nn_hw.from_arrays(
        [rng.integers(-3, 4, (9, 20)), rng.integers(-3, 4, (4, 9))],
        [rng.integers(-3, 3, 9), None],
        input_bits=2,
    )
    frames = rng.integers(0, 4, (30, 20)).astype(np.uint8)
    results = [
        flow.verify(network, frames, tmp_path / name, simulator=simulator(name), lanes=2)
        for name in ("verilator", "icarus")
    ]
    a, b = (result.as_dict() for result in results)
    assert a["passed"] and b["passed"]  # noqa: PT018
    assert a["toggles_per_frame"] == b["toggles_per_frame"] > 0
    for one, other in zip(a["layers"], b["layers"], strict=True):
        assert one["toggles_per_frame"] == other["toggles_per_frame"] > 0


def test_every_bit_has_one_name():
    """What comes in through a port is counted where it is driven, and an alias not at all."""
    inner = Module()
    given = Signal(3, name="given")
    state = Signal(3, name="state")
    inner.d.sync += state.eq(state + given)
    outer = Module()
    outer.submodules.inner = inner
    alias = Signal(3, name="alias")
    copy = Signal(3, name="copy")
    mixed = Signal(5, name="mixed")
    outer.d.comb += [alias.eq(state), mixed.eq(alias ^ given)]
    outer.d.sync += copy.eq(alias)
    _, netlist = _translated(
        rtlil.convert(outer, name="top", ports=[given, mixed, copy], emit_src=False)
    )
    found = nets(netlist, "top")
    assert found["inner"] == ("state",)
    names = [entry.partition("#")[0] for entry in found[""]]
    assert "copy" in names
    assert "mixed" in names
    assert not {"alias", "given", "state", "clk", "rst"} & set(names)
