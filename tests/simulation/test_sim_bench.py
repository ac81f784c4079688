"""The bench against cores made by hand: right ones pass to the cycle, wrong ones fail by name."""

from __future__ import annotations

import numpy as np
import pytest

from s2nn_hw.ir import InputError, ToolError
from sim import runner, stall
from sim.harness import READY_PERIOD


def failed(simulation) -> list[str]:
    return [verdict.name for verdict in simulation.verdicts if not verdict.passed]


@pytest.mark.parametrize("pattern", sorted(stall.PATTERNS))
def test_values_and_cycles_under_every_pattern(summer, icarus, pattern):
    bench = summer()
    beats = len(bench.frames) * 3
    waits, ready = stall.stall(pattern, beats, 3)
    need = np.zeros(beats, np.int64)
    need[9:18:3] = [3, 4, 5]
    simulation = bench.run(bench.timed(waits, need, ready))
    assert failed(simulation) == []
    names = {verdict.name for verdict in simulation.verdicts}
    assert {"spikes hidden1", "scores", "classes", "cycles in", "cycles out"} <= names


def test_both_simulators_see_the_same(summer, simulator):
    bench = summer()
    beats = len(bench.frames) * 3
    vectors = bench.timed(*_stalled(beats))
    a = bench.run(vectors, simulator("icarus"))
    b = bench.run(vectors, simulator("verilator"))
    assert failed(a) == failed(b) == []
    np.testing.assert_array_equal(a.seen.accepted, b.seen.accepted)
    np.testing.assert_array_equal(a.seen.delivered, b.seen.delivered)
    assert a.seen.results == b.seen.results
    assert bench.run(vectors, "verilator").build_seconds == 0.0, "built twice"


def _stalled(beats):
    waits, ready = stall.stall("random", beats, 5)
    return waits, np.zeros(beats, np.int64), ready


@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("wrong sum", "scores"),
        ("ignores valid", "scores"),
        ("restless payload", "stream rules"),
        ("drops valid", "stream rules"),
        ("dead", "alive"),
        ("mute", "alive"),
        ("echo", "frames"),
        ("endless", "frames"),
        ("no last", "TLAST"),
        ("late", "cycles out"),
        ("wrong spikes", "spikes hidden1"),
    ],
)
def test_a_wrong_core_fails(summer, icarus, fault, noticed):
    bench = summer(fault)
    simulation = bench.run(bench.timed(*_stalled(len(bench.frames) * 3)))
    assert noticed in failed(simulation)
    verdict = next(v for v in simulation.verdicts if v.name == noticed)
    assert verdict.mismatches > 0
    assert verdict.detail


def test_the_first_difference_is_named(summer, icarus):
    bench = summer()
    right = bench.vectors()
    spikes = right.spikes["hidden1"].copy()
    spikes[[4, 9], 1] ^= 1
    simulation = bench.run(bench.vectors(spikes={"hidden1": spikes}))
    (verdict,) = [v for v in simulation.verdicts if not v.passed]
    assert (verdict.name, verdict.mismatches) == ("spikes hidden1", 2)
    assert "frame 4, neuron 1: 0, expected 1" in verdict.detail


def test_unknown_bits_are_noticed(summer, icarus):
    bench = summer()
    text = (bench.folder / "summer.v").read_text()
    broken = text.replace("m_axis_tdata = { held,", "m_axis_tdata = { {8{1'bx}},")
    assert broken != text
    bench = bench.rewritten(broken)
    simulation = bench.run(bench.vectors(spikes={}))
    assert "stream rules" in failed(simulation)


def test_vectors_of_another_core_are_refused(summer, icarus):
    bench = summer()
    with pytest.raises(InputError, match="another build"):
        bench.run(bench.vectors(digest="1" * 64))


def test_no_frames_are_refused(summer, icarus):
    bench = summer(frames=1)
    nothing = {
        "data": np.zeros((0, 1), np.uint8),
        "last": np.zeros(0, np.bool_),
        "waits": np.zeros(0, np.int64),
        "need": np.zeros(0, np.int64),
        "scores": np.zeros((0, 1), np.int64),
        "classes": np.zeros(0, np.int64),
    }
    with pytest.raises(InputError, match="at least one frame"):
        bench.run(bench.vectors(**nothing))


def test_a_core_that_is_no_verilog_is_a_tool_error(summer, each):
    bench = summer().rewritten("module summer(; endmodule\n")
    with pytest.raises(ToolError, match="could not build"):
        bench.run(bench.vectors(), each)


def test_a_bench_that_runs_nothing_is_no_pass(summer, icarus, monkeypatch):
    """cocotb's runner returns as if all were well where no test ran."""
    bench = summer()
    play = runner._Model.play

    def nothing(model, runner_, *arguments, **options):
        test = runner_.test
        runner_.test = lambda **given: test(**{**given, "test_module": "json"})
        play(model, runner_, *arguments, **options)

    monkeypatch.setattr(runner._Model, "play", nothing)
    with pytest.raises(ToolError, match="no verdict"):
        bench.run(bench.vectors())


def test_an_unknown_simulator_is_refused():
    with pytest.raises(InputError, match="simulator must be one of"):
        runner.unusable("modelsim")


@pytest.mark.parametrize("pattern", sorted(stall.PATTERNS))
def test_patterns_are_seeded(pattern):
    waits, ready = stall.stall(pattern, 500, 1)
    again, ready_again = stall.stall(pattern, 500, 1)
    np.testing.assert_array_equal(waits, again)
    np.testing.assert_array_equal(ready, ready_again)
    assert waits.shape == (500,)
    assert waits.min() >= 0
    assert ready.shape == (READY_PERIOD,)
    assert ready.any()


def test_an_unknown_pattern_is_refused():
    with pytest.raises(InputError, match="stall must be one of none, random"):
        stall.stall("nonesuch", 1, 0)


def test_verilators_library_is_compiled_once(summer, simulator, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiled = []
    for fault in ("none", "late"):
        bench = summer(fault)
        assert bench.run(bench.vectors(), simulator("verilator")).build_seconds > 0
        logs = {path.parent: path for path in tmp_path.glob("cache/s2nn-hw/builds/*/build.log")}
        newest = max(logs.values(), key=lambda path: path.stat().st_mtime)
        compiled.append("-c -o verilated.o" in newest.read_text())
        assert {path.name for path in newest.parent.iterdir()} == {
            "build.log",
            "complete",
            "s2nn_bench",
        }
    assert compiled == [True, False]
