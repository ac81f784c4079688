"""Reports: what is known with its origin, what is not known by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from s2nn_hw import flow, report
from s2nn_hw.ir import InputError
from s2nn_hw.manifest import InputPort, LayerEntry, Manifest, Memory, OutputPort, sha256
from s2nn_hw.report import Check, Figure, Origin
from s2nn_hw.report.text import text

VERILOG = "module core; endmodule\n"
DIGEST = "d" * 64

VERIFIED: dict[str, Any] = {
    "schema": 1,
    "frames": 200,
    "mismatches": 0,
    "layers": [
        {
            "name": "hidden1",
            "engine": "event",
            "lanes": 4,
            "events_mean": 100.5,
            "accumulates_mean": 1608.0,
            "multiply_accumulates_mean": 64.0,
            "floor_cycles_mean": 40.0,
            "toggles_per_frame": 5000.25,
        },
        {
            "name": "readout",
            "engine": "event",
            "lanes": 2,
            "events_mean": 10.0,
            "accumulates_mean": 30.0,
            "multiply_accumulates_mean": 0.0,
            "floor_cycles_mean": 5.0,
            "toggles_per_frame": None,
        },
    ],
    "latency_cycles": {"min": 50, "mean": 60.5, "max": 71},
    "interval_cycles": {"mean": 44.0},
    "interval_floor_mean": 40.0,
    "interval_predicted_mean": 44.0,
    "toggles_per_frame": 6000.0,
    "toggle_frames": 200,
    "accuracy": 0.975,
    "frames_per_second": 2272727.0,
    "simulator": "verilator",
    "stall": "none",
    "seed": 0,
    "versions": {"verilator": "5.048"},
    "digest": DIGEST,
    "checks": [{"name": "scores", "passed": True, "detail": "200 frames agree"}],
    "passed": True,
    "modules": {},
    "netlist": None,
}


def entry(name: str, inputs: int, neurons: int, lanes: int) -> LayerEntry:
    return LayerEntry(
        name=name,
        module=name,
        engine="event",
        lanes=lanes,
        inputs=inputs,
        neurons=neurons,
        synapses=inputs * neurons,
        weight_bits=4,
        potential_bits=9,
        windows=1,
        memories=(Memory(path=f"{name}.w", rows=inputs, row_bits=4 * neurons, file="w.hex"),),
        buffers=(),
    )


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A folder as emit leaves it."""
    manifest = Manifest(
        top="core",
        digest=DIGEST,
        network="n" * 64,
        options={"lanes": [4, 2]},
        files={"core.v": sha256(VERILOG.encode())},
        input=InputPort(tdata_bits=8, pixel_bits=1, pixels_per_beat=8, pixels=64),
        output=OutputPort(tdata_bits=32, class_bits=8, score_bits=8, classes=3),
        layers=(entry("hidden1", 64, 16, 4), entry("readout", 16, 3, 2)),
        probes=(),
        counters=(),
        nets={},
        timing={},
        versions={"amaranth": "0.5.10"},
    )
    (tmp_path / "core.v").write_text(VERILOG)
    (tmp_path / "core.json").write_text(manifest.to_json())
    return tmp_path


def verified(build: Path, **changes: Any) -> Path:
    (build / "verify.json").write_text(json.dumps({**VERIFIED, **changes}))
    return build


def printed(build: Path) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(text(report.read(build)))
    return capture.get()


def test_nothing_is_said_of_the_rate_under_stalls(build: Path) -> None:
    found = report.read(verified(build, stall="bursty"))
    assert found.figures["interval"].value == 44.0
    assert found.figures["interval_over_floor"].value is None
    assert found.figures["inferences_per_second"].value is None


def test_a_verified_build(build: Path) -> None:
    found = report.read(verified(build))
    assert found.passed is True
    assert found.checks == (Check(name="scores", passed=True, detail="200 frames agree"),)
    assert found.figures["accuracy"] == Figure(
        value=0.975,
        unit="share",
        origin=Origin.SIMULATED,
        command=f"s2nn-hw verify MODEL --lanes 4,2 --frames 200 -o {build}",
        source="verify.json#/accuracy",
    )
    assert found.figures["interval"].value == 44.0
    assert found.figures["interval_predicted"].origin is Origin.PREDICTED
    assert found.figures["interval_over_floor"].value == pytest.approx(1.1)
    assert found.figures["inferences_per_second"].value == pytest.approx(100e6 / 44)
    assert found.figures["inferences_per_second"].origin is Origin.ESTIMATED
    assert found.figures["simulation_speed"].origin is Origin.MEASURED
    assert found.files == {
        "core.v": len(VERILOG),
        "core.json": (build / "core.json").stat().st_size,
    }
    hidden, readout = found.layers
    assert hidden.memory_bits == 64 * 16 * 4
    assert hidden.figures["toggles_per_frame"].value == 5000.25
    assert readout.figures["toggles_per_frame"].origin is Origin.ABSENT
    # 100.5 events into 16 neurons and 10 into 3, at 0.9 pJ each, and 64 products and sums at 4.6
    assert found.figures["arithmetic_energy"].value == pytest.approx(
        (100.5 * 16 + 10 * 3) * 0.9 + 64 * 4.6
    )
    assert hidden.figures["arithmetic_energy"].value == pytest.approx(1608 * 0.9 + 64 * 4.6)


def test_what_is_unknown_is_absent_and_not_zero(build: Path) -> None:
    found = report.read(build)
    assert found.passed is None
    for figure in [*found.figures.values(), *(f for e in found.layers for f in e.figures.values())]:
        assert figure.value is None
        assert figure.origin is Origin.ABSENT
    shown = printed(build)
    assert "core: not verified" in shown
    assert len(re.findall(r"\babsent\b", shown)) == len(found.figures) + 3 * len(found.layers)


def test_an_absent_accuracy_does_not_hide_the_rest(build: Path) -> None:
    found = report.read(verified(build, accuracy=None))
    assert found.figures["accuracy"].origin is Origin.ABSENT
    assert found.figures["interval"].origin is Origin.SIMULATED


def test_the_text_holds_every_figure(build: Path) -> None:
    shown = printed(verified(build))
    for expected in (
        "core: verified, 200 frames on verilator, stalls: none",
        "97.50 %",
        "60.50 cycles",
        "44.00 cycles",
        "1.10 ×",
        "2,272,727 at 100 MHz",
        "5,000.2",
        "6,000.00",
        "200 frames agree",
        "core.v",
        "predicted",
        "estimated",
    ):
        assert expected in shown


def test_a_failure_is_shouted(build: Path) -> None:
    checks = [{"name": "scores", "passed": False, "detail": "frame [3]: 1, not 2"}]
    shown = printed(verified(build, passed=False, checks=checks))
    assert "core: FAILED" in shown
    assert "frame [3]: 1, not 2" in shown


def test_the_function_gives_json(build: Path) -> None:
    data = json.loads(json.dumps(flow.report(verified(build))))
    assert data["figures"]["latency_mean"] == {
        "value": 60.5,
        "unit": "cycles",
        "origin": "simulated",
        "command": f"s2nn-hw verify MODEL --lanes 4,2 --frames 200 -o {build}",
        "source": "verify.json#/latency_cycles/mean",
    }
    assert [layer["name"] for layer in data["layers"]] == ["hidden1", "readout"]


def test_options_are_those_resolved(build: Path) -> None:
    assert report.read(build).options == {"lanes": [4, 2]}
    options = {
        **{"engine": ["event", "event"], "lanes": [4, 2], "windows": [1, 1]},
        **{"memory": ["rom", "rom"], "counters": False, "unroll_limit": None},
        **{"family": None, "freq": None},
    }
    file = build / "options.json"
    file.write_text(json.dumps({"schema": 1, **options, "digest": DIGEST}))
    assert report.read(build).options == options
    file.write_text(json.dumps({"schema": 1, **options, "digest": "e" * 64}))
    with pytest.raises(InputError, match=r"options\.json: is of another build .*: emit again$"):
        report.read(build)
    file.write_text(json.dumps({"schema": 1, **options, "lanes": [4, 4], "digest": DIGEST}))
    with pytest.raises(InputError, match=r"its lanes must be 4, 2, as core\.json has it, not 4, 4"):
        report.read(build)


def test_another_builds_verification_is_refused(build: Path) -> None:
    with pytest.raises(InputError, match=r"verify\.json: is of another build than core\.json"):
        report.read(verified(build, digest="e" * 64))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "must hold a JSON object, not list"),
        (json.dumps({**VERIFIED, "layers": [{}]}), "malformed: it lacks 'layers/0/name'$"),
        (
            json.dumps({**VERIFIED, "layers": 3}),
            "malformed: its layers must be a valid list, not 3$",
        ),
        (json.dumps({**VERIFIED, "checks": [{}]}), "malformed: it lacks 'checks/0/name'$"),
        (
            json.dumps({**VERIFIED, "latency_cycles": 3}),
            "malformed: its latency_cycles must be an object, not 3$",
        ),
    ],
)
def test_a_malformed_verification_is_told(build: Path, content: str, message: str) -> None:
    (build / "verify.json").write_text(content)
    with pytest.raises(InputError, match=rf"verify\.json: {message}"):
        report.read(build)


def test_no_build_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such build folder"):
        report.read(tmp_path / "absent")
    with pytest.raises(InputError, match="must hold one emitted core"):
        report.read(tmp_path)
