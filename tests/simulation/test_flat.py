"""Circuits with flat ports are played frame by frame, and bench sets them beside ours."""

import json

import numpy as np
import pytest

from s2nn_hw import flow, peers
from s2nn_hw.ir import INPUT, Dense, FrameFormat, Layer, Network, ToolError
from s2nn_hw.peers import Circuit
from sim.flat import FlatPorts, play

PORTS = {"top": "peer", "data": "x", "data_bits": 4, "result": "y", "result_bits": 4}
STARTED = """module peer (input clk, rst_n, start, sample_ready, output reg ready, input [3:0] x,
  output reg [3:0] y);
  reg [2:0] left;
  always @(posedge clk)
    if (!rst_n) begin ready <= 1; left <= 0; end
    else if (ready) begin if (start) begin ready <= 0; left <= 3; y <= 4'bx; end end
    else if (left != 0) left <= left - 1;
    else begin y <= ~x; ready <= 1; end
endmodule
"""


def test_a_combinational_circuit_answers_in_the_same_cycle(icarus):
    ports = FlatPorts(**PORTS, clock=None, started=False)
    text = "module peer (input [3:0] x, output [3:0] y); assign y = x + 1; endmodule"
    seen = play({"peer.v": text}, ports, [1, 7, 15])
    assert seen.values == (2, 8, 0)


def test_a_pipeline_answers_later_and_what_is_unknown_is_none(icarus):
    ports = FlatPorts(**PORTS, clock="clk", started=False)
    text = """module peer (input clk, input [3:0] x, output reg [3:0] y);
      reg [3:0] z;
      always @(posedge clk) begin z <= x; y <= z == 7 ? 4'b01x0 : z; end endmodule"""
    seen = play({"peer.v": text}, ports, [1, 7, 15], after=2)
    assert seen.values[2:] == (1, None, 15)


def test_a_circuit_that_is_started_is_waited_for(icarus):
    ports = FlatPorts(**PORTS, clock="clk", started=True)
    seen = play({"peer.v": STARTED}, ports, [1, 7, 15, 0])
    assert seen.values == (14, 8, 0, 15)
    assert len(set(np.diff(seen.cycles))) == 1


def test_a_circuit_that_stops_is_an_error(monkeypatch, icarus):
    monkeypatch.setattr("sim.flat.PATIENCE", 100)
    ports = FlatPorts(**PORTS, clock="clk", started=True)
    text = STARTED.replace("ready <= 1; end\nendmodule", "end\nendmodule")
    with pytest.raises(ToolError, match="peer: 0 of 2 results"):
        play({"peer.v": text}, ports, [1, 7])


def small():
    weights = [[1, -1, 1, 0], [1, 1, 0, 0]]
    return Network(
        input=FrameFormat(shape=(4,), bits=1),
        layers=(
            Layer(
                name="hidden",
                projections=(Dense(source=INPUT, weights=weights, weight_bits=2),),
                thresholds=[1, 2],
            ),
            Layer(
                name="readout",
                projections=(Dense(source="hidden", weights=[[1, 1], [0, -1]], weight_bits=2),),
            ),
        ),
    )


class Handmade:
    """A generator of one network."""

    def __init__(self, text):
        self.text = text

    def generate(self, chain, setting, folder):
        folder.mkdir(parents=True)
        (folder / "peer.v").write_text(self.text)
        bit = {"bits": 1, "signed": False, "scale": 1}
        entry = {
            "files": ["peer.v"],
            "top": "peer",
            "clock": None,
            "data": "x",
            "result": "y",
            "constant": 0,
            "input_fields": [{**bit, "low": k} for k in range(4)],
            "fields": [
                {"low": 0, "bits": 2, "signed": False, "scale": 1},
                {"low": 2, "bits": 1, "signed": True, "scale": 1},
            ],
            "gives": "scores",
            "started": False,
            "seconds": 0.1,
        }
        (folder / "circuit.json").write_text(json.dumps(entry))
        return Circuit.read(folder)


RIGHT = """module peer (input [3:0] x, output [2:0] y);
  wire a = x[0] + x[2] > x[1];
  wire b = x[0] & x[1];
  assign y = {b, {1'b0, a} + {1'b0, b}};
endmodule
"""
RIGHT = RIGHT.replace("x[0] + x[2] > x[1]", "{1'b0, x[0]} + {1'b0, x[2]} > {1'b0, x[1]}")


def test_bench_tells_right_from_wrong_and_goes_on_after_a_failure(tmp_path, monkeypatch, icarus):
    made = {"alkaid": Handmade(RIGHT), "da4ml": Handmade(RIGHT.replace("x[2]", "x[3]"))}

    def environment(peer):
        if peer.name not in made:
            raise ToolError("it is not to be had")
        return made[peer.name]

    monkeypatch.setattr(peers, "environment", environment)
    net = small()
    frames = np.array([[k >> i & 1 for i in range(4)] for k in range(16)], dtype=np.uint8)
    result = flow.bench(
        {"small": net},
        tmp_path / "out",
        images={"small": frames},
        others=("alkaid", "da4ml", "dwn2rtl"),
        engines=("unrolled",),
        devices=("XC7A100T",),
    )
    rows = {}
    for row in result.rows:
        rows.setdefault(row.generator, row)
    assert rows["s2nn-hw"].mismatches == rows["alkaid"].mismatches == 0
    assert rows["s2nn-hw"].frames == 16
    assert rows["da4ml"].mismatches > 0
    assert (rows["alkaid"].latency_cycles, rows["alkaid"].interval_cycles) == (0, 1)
    assert rows["alkaid"].lut > 0
    assert rows["dwn2rtl"].error == "it is not to be had"
    (best,) = result.best
    assert best["peer"].startswith("alkaid")
    for name in ("bench.json", "bench.md", "bench.svg"):
        assert (tmp_path / "out" / name).is_file()
    assert json.loads((tmp_path / "out" / "bench.json").read_text())["networks"] == {
        "small": net.digest()
    }
