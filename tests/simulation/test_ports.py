"""The ports of emitted cores under cocotbext-axi, which shares nothing with our own bench."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

import cocotb_tools.runner
import numpy as np
import pytest

from s2nn_hw import golden

BENCHES = Path(__file__).parent / "benches"
#: Shares of cycles in which the source and the sink pause.
PAUSES = {"none": (0.0, 0.0), "source": (0.6, 0.0), "sink": (0.0, 0.8), "both": (0.4, 0.5)}


@pytest.fixture
def play(icarus, tmp_path, monkeypatch):
    """Plays rounds to a core; what was seen in each.  Skips, by name, without the bus model."""
    try:
        importlib.metadata.version("cocotbext-axi")
    except importlib.metadata.PackageNotFoundError:
        if os.environ.get("CI"):
            pytest.fail("cocotbext-axi is not installed")
        pytest.skip("cocotbext-axi is not installed")
    # cocotb gives its simulator's Python this path, which holds no folder of the tests.
    monkeypatch.syspath_prepend(str(BENCHES))

    def run(made, rounds: list[dict], *, pauses: str, seed: int, text: str = "") -> list[dict]:
        for path in made.folder.glob("*.hex"):
            shutil.copy(path, tmp_path)
        (tmp_path / "core.v").write_text(text or made.core.files["s2nn_core.v"])
        played = {
            "seed": seed,
            "pauses": PAUSES[pauses],
            "rounds": rounds,
            # A frame's share of pauses is less than this, too.
            "cycles": 10 * made.core.manifest.timing["latency_bound"],
        }
        (tmp_path / "play.json").write_text(json.dumps(played))
        runner = cocotb_tools.runner.get_runner("icarus")
        runner.build(
            sources=[tmp_path / "core.v"],
            hdl_toplevel="s2nn_core",
            build_dir=tmp_path / "build",
            timescale=("1ns", "1ps"),
            log_file=tmp_path / "build.log",
        )
        with suppress(SystemExit):  # the file says it, too
            runner.test(
                test_module="bench_ports",
                hdl_toplevel="s2nn_core",
                hdl_toplevel_lang="verilog",
                build_dir=tmp_path / "build",
                test_dir=tmp_path,
                results_xml=str(tmp_path / "results.xml"),
                log_file=tmp_path / "run.log",
            )
        log = (tmp_path / "run.log").read_text()[-3000:]
        assert cocotb_tools.runner.get_results(tmp_path / "results.xml") == (1, 0), (
            f"seed {seed}: {log}"
        )
        return json.loads((tmp_path / "seen.json").read_text())

    return run


def turn(made, frames: np.ndarray, faults: dict[int, str] | None = None, **cut) -> dict:
    """A round: the frames' bytes, some of them too short or too long, and how many are answered."""
    sent = [frame.tobytes() for frame in made.core.manifest.input.pack(frames)]
    beat = len(sent[0]) // made.core.manifest.input.beats
    for k, fault in (faults or {}).items():
        sent[k] = sent[k][:-beat] if fault == "early" else sent[k] + sent[k][:beat]
    return {
        "frames": [frame.hex() for frame in sent],
        "results": len(sent) - len(faults or {}),
        "cut": "",
        "cycles": 0,
        **cut,
    }


def check(made, seen: dict, frames: np.ndarray) -> None:
    """That a round's results are the golden model's for these frames: TLAST ends each."""
    port = made.core.manifest.output
    width = port.tdata_bits // 8
    beats = []
    for result in seen["results"]:
        data = bytes.fromhex(result)
        assert len(data) == port.beats * width
        beats += [int.from_bytes(data[k : k + width], "little") for k in range(0, len(data), width)]
    classes, scores = port.unpack(beats)
    trace = golden.run(made.network, frames)
    np.testing.assert_array_equal(scores, trace.scores)
    np.testing.assert_array_equal(classes, trace.classes)


@pytest.fixture(scope="session")
def wide(emitted):
    """Results of several beats."""
    made = emitted(30, 8, 70, frames=12)
    assert made.core.manifest.output.beats > 1
    return made


@pytest.mark.parametrize("pauses", PAUSES)
@pytest.mark.parametrize("core", ["small", "planes", "maps", "wide"])
def test_whole_frames(request, play, core, pauses):
    made = request.getfixturevalue(core)
    (seen,) = play(made, [turn(made, made.frames)], pauses=pauses, seed=11)
    check(made, seen, made.frames)
    assert seen["errors"] == [0, 0]


@pytest.mark.parametrize("core", ["small", "planes", "maps"])
def test_malformed_frames(request, play, core):
    """TLAST early, late, and both; every whole frame is answered and no other."""
    made = request.getfixturevalue(core)
    frames = made.frames[:8]
    faults = [{0: "early"}, {2: "late"}, {3: "early", 5: "late", 7: "early"}, {}]
    seen = play(made, [turn(made, frames, f) for f in faults], pauses="both", seed=12)
    for bad, one in zip(faults, seen, strict=True):
        check(made, one, np.delete(frames, list(bad), axis=0))
        kinds = (1 if "early" in bad.values() else 0) | (2 if "late" in bad.values() else 0)
        assert one["errors"] == [kinds, 0]


@pytest.mark.parametrize("core", ["small", "maps"])
def test_a_reset_of_one_cycle_forgets_everything(request, play, core):
    """Wherever it hits: in a frame that comes in, behind it, or while its result goes out."""
    made = request.getfixturevalue(core)
    whole = made.core.manifest.input.pack(made.frames[:1])[0].tobytes().hex()
    bound = made.core.manifest.timing["latency_bound"]
    rounds = [turn(made, made.frames[:3])]
    rounds += [
        turn(made, made.frames[1:4], cut=whole, cycles=cycles)
        for cycles in range(1, bound, max(1, bound // 6))
    ]
    seen = play(made, rounds, pauses="none", seed=13)
    check(made, seen[0], made.frames[:3])
    for one in seen[1:]:
        check(made, one, made.frames[1:4])
        assert one["errors"] == [0, 0]


#: What a core around the core does wrong → the expressions of its outputs that are.
FAULTS = {
    "a score": {"m_axis_tdata": "tdata ^ (1 << 8)"},
    "no last": {"m_axis_tlast": "1'b0"},
    "always ready": {"s_axis_tready": "1'b1"},
    "valid before its time": {"m_axis_tvalid": "1'b1"},
    "silent of errors": {"frame_error": "2'b00"},
}


def wrapped(made, fault: dict[str, str]) -> str:
    """The core within one that has its name and ports, and is wrong."""
    text = made.core.files["s2nn_core.v"]
    assert "module s2nn_core(" in text
    bits_in, bits_out = made.core.manifest.input.tdata_bits, made.core.manifest.output.tdata_bits
    outputs = {
        "s_axis_tready": "ready",
        "m_axis_tdata": "tdata",
        "m_axis_tvalid": "valid",
        "m_axis_tlast": "last",
        "frame_error": "error",
    }
    assigned = "".join(f"  assign {name} = {value};\n" for name, value in (outputs | fault).items())
    return (
        text.replace("module s2nn_core(", "module inner(")
        + f"""
module s2nn_core(
  input clk, input rst,
  input [{bits_in - 1}:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready,
  input s_axis_tlast,
  output [{bits_out - 1}:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready,
  output m_axis_tlast,
  output [1:0] frame_error, input frame_error_clear
);
  wire [{bits_out - 1}:0] tdata;
  wire ready, valid, last;
  wire [1:0] error;
  inner inner (
    .clk(clk), .rst(rst), .s_axis_tdata(s_axis_tdata), .s_axis_tvalid(s_axis_tvalid),
    .s_axis_tready(ready), .s_axis_tlast(s_axis_tlast), .m_axis_tdata(tdata),
    .m_axis_tvalid(valid), .m_axis_tready(m_axis_tready), .m_axis_tlast(last),
    .frame_error(error), .frame_error_clear(frame_error_clear)
  );
{assigned}endmodule
"""
    )


@pytest.mark.parametrize("fault", ["", *FAULTS])
def test_a_wrong_core_is_told(play, small, fault):
    frames, faults = small.frames[:12], {4: "early"}
    text = wrapped(small, FAULTS.get(fault, {}))

    def whole() -> None:
        (seen,) = play(small, [turn(small, frames, faults)], pauses="sink", seed=14, text=text)
        check(small, seen, np.delete(frames, 4, axis=0))
        assert seen["errors"] == [1, 0]

    if fault:
        with pytest.raises(AssertionError):
            whole()
    else:
        whole()
