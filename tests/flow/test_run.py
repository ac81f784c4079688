"""A network on a board: the simulated one bit for bit, and serial ports with all kinds on them."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import s2nn_hw
from s2nn_hw import cli, flow, golden
from s2nn_hw.flow.emit import build
from s2nn_hw.flow.run import RunResult, built_core
from s2nn_hw.host.packets import Packet, Parser
from s2nn_hw.ir import InputError, ToolError
from s2nn_hw.protocol import ANSWER, ESCAPE, SYNC, Identity, Request, digest_bytes
from sim import board, runner

RNG = np.random.default_rng(8)
#: Frames of 27 bits: their last byte and beat are not full.
NETWORK = s2nn_hw.from_arrays(
    [RNG.integers(-3, 4, (5, 9)), RNG.integers(-3, 4, (3, 5))], [RNG.integers(-1, 2, 5), None], 3
)
FRAMES = RNG.integers(0, 8, (40, 9), dtype=np.uint8)
LABELS = RNG.integers(0, 3, 40)


def needed(simulator: str) -> str:
    """Skips, by name, a test whose simulator is absent; where CI is set that is a failure."""
    reason = runner.unusable(simulator)
    if reason:
        if os.environ.get("CI"):
            pytest.fail(f"{simulator}: {reason}")
        pytest.skip(f"{simulator}: {reason}")
    return simulator


@pytest.fixture
def icarus() -> str:
    """Starts in no time."""
    return needed("icarus")


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_a_simulated_board_computes_what_the_network_does(simulator: str) -> None:
    seen: list[tuple[str, int, int]] = []
    result = flow.run(
        NETWORK,
        FRAMES,
        port="sim",
        simulator=needed(simulator),
        labels=LABELS,
        lanes=2,
        source="here",
        progress=lambda *stage: seen.append(stage),
    )
    trace = golden.run(NETWORK, FRAMES)
    assert isinstance(result, RunResult)
    assert np.array_equal(result.scores, trace.scores)
    assert np.array_equal(result.classes, trace.classes)
    assert result.passed
    data = json.loads(json.dumps(result.as_dict()))
    assert data["mismatches"] == data["resent"] == 0
    assert data["flags"] == []
    assert data["frames"] == 40
    assert data["window"] == 16
    assert data["accuracy"] == (trace.classes == LABELS).mean()
    assert data["images"] == "here"
    assert (data["simulator"], data["baud"]) == (simulator, None)
    assert data["frames_per_second"] > 0
    assert [stage for stage, done, total in seen if done == total] == ["emit", "build", "run"]


def test_channels_are_sent_pixel_by_pixel(icarus: str) -> None:
    from s2nn_hw.ir import Conv2d, Dense, FrameFormat, Layer, Network

    rng = np.random.default_rng(2)
    network = Network(
        input=FrameFormat(shape=(3, 4, 4), bits=2),
        layers=(
            Layer(
                name="a",
                projections=(
                    Conv2d(
                        source="input",
                        weights=rng.integers(-3, 4, (4, 3, 3, 3)).astype(np.int8),
                        weight_bits=3,
                        padding=(1, 1),
                    ),
                ),
                thresholds=rng.integers(-2, 5, 4),
            ),
            Layer(
                name="readout",
                projections=(
                    Dense(
                        source="a",
                        weights=rng.integers(-1, 2, (3, 64)).astype(np.int8),
                        weight_bits=2,
                    ),
                ),
            ),
        ),
    )
    frames = rng.integers(0, 4, (6, 3, 4, 4), dtype=np.uint8)
    assert flow.run(network, frames, port="sim", simulator=icarus).passed


@pytest.mark.parametrize("memory", [("ram", "rom"), "ram"])
def test_weights_are_loaded_over_the_line(
    icarus: str, monkeypatch: pytest.MonkeyPatch, memory: Any
) -> None:
    """And sent again where the line spoils them: a packet is written once it was found whole."""
    rng = np.random.default_rng(7)
    sent = []

    class Noisy(board.SimulatedLine):
        def write(self, data: bytes) -> None:
            sent.append(data)
            spoilt = bytearray(data)
            if len(sent) % 5 == 0 and len(data) > 20:
                spoilt[int(rng.integers(1, len(data)))] ^= 1 << int(rng.integers(8))
            super().write(bytes(spoilt))

    monkeypatch.setattr(board, "SimulatedLine", Noisy)
    result = flow.run(NETWORK, FRAMES, port="sim", simulator=icarus, memory=memory, family="ice40")
    assert result.passed
    assert result.resent > 0


def test_a_wrong_core_is_seen(
    icarus: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that says it is this network, and has one weight of another."""
    (first, _), (second, _) = (
        [p.weights for p in layer.projections] * 2 for layer in NETWORK.layers
    )
    changed = first.copy()
    changed[0, 0] += 1 if changed[0, 0] < 3 else -1
    other = s2nn_hw.from_arrays([changed, second], [NETWORK.layers[0].thresholds, None], 3)

    def forged(network: Any, **options: Any) -> Any:
        core = build(other, **options)
        manifest = dataclasses.replace(core.manifest, network=network.digest())
        files = {**core.files, f"{manifest.top}.json": manifest.to_json()}
        return dataclasses.replace(core, manifest=manifest, files=files)

    monkeypatch.setattr(sys.modules["s2nn_hw.flow.run"], "build", forged)
    s2nn_hw.save(NETWORK, tmp_path / "model.s2nn")
    np.save(tmp_path / "frames.npy", FRAMES)
    command = ["run", str(tmp_path), "--images", str(tmp_path / "frames.npy"), "--port", "sim"]
    assert cli.main([*command, "--simulator", icarus, "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert not data["passed"]
    assert data["mismatches"] > 0
    trace, wrong = golden.run(NETWORK, FRAMES), golden.run(other, FRAMES)
    assert (
        data["mismatches"]
        == (trace.scores != wrong.scores).sum() + (trace.classes != wrong.classes).sum()
    )


def test_what_the_line_spoils_is_sent_again(icarus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host and gateware together: changed and lost bytes, packets cut short, noise between."""
    rng = np.random.default_rng(6)
    sent = []

    class Noisy(board.SimulatedLine):
        def write(self, data: bytes) -> None:
            sent.append(data)
            spoilt = bytearray(data)
            at = int(rng.integers(1, len(data)))
            if len(sent) % 9 == 0:
                spoilt[at] ^= 1 << int(rng.integers(8))
            if len(sent) % 11 == 0:
                del spoilt[at]
            if len(sent) % 13 == 0:
                del spoilt[at:]
            noise = rng.choice([SYNC, ESCAPE, 2, 5, 0], int(rng.integers(4))).astype(np.uint8)
            super().write(noise.tobytes() + spoilt)

    monkeypatch.setattr(board, "SimulatedLine", Noisy)
    result = flow.run(NETWORK, FRAMES, port="sim", simulator=icarus)
    assert result.passed
    assert np.array_equal(result.scores, golden.run(NETWORK, FRAMES).scores)
    assert result.resent > 5
    assert {"a wrong CRC", "a truncated packet"} <= set(result.flags)


@pytest.fixture
def port() -> Any:
    """A pseudo-terminal with a board that says what it is told to; returns (name, identity)."""
    master, slave = os.openpty()
    identity: dict[str, Any] = {
        "digest": digest_bytes(NETWORK.digest()),
        "frame_bytes": 4,
        "result_bytes": 4,
        "window": 2,
    }

    def serve() -> None:
        parser = Parser()
        trace = golden.run(NETWORK, FRAMES)
        frame = 0
        while True:
            try:
                data = os.read(master, 1000)
            except OSError:
                return
            for packet in parser.feed(data):
                payload = b"\0\0"
                if packet.type == Request.IDENTIFY:
                    said = {name: value for name, value in identity.items() if name != "silent"}
                    payload = Identity(**said).to_bytes()
                if packet.type == Request.INFER:
                    values = [int(trace.classes[frame]), *trace.scores[frame].tolist()]
                    payload = b"".join(v.to_bytes(1, "little", signed=True) for v in values)
                    frame += 1
                if "silent" not in identity:
                    os.write(master, Packet(packet.type | ANSWER, packet.tag, payload).encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield os.ttyname(slave), identity
    os.close(slave)
    thread.join(10)
    os.close(master)


def test_a_board_on_a_serial_port(port: Any) -> None:
    name, _ = port
    result = flow.run(NETWORK, FRAMES, port=name, timeout=5)
    assert result.passed
    assert np.array_equal(result.scores, golden.run(NETWORK, FRAMES).scores)
    assert (result.port, result.baud, result.window) == (name, 1_000_000, 2)
    assert result.simulator is None


def test_another_network_on_the_board_is_refused(port: Any) -> None:
    name, identity = port
    identity["digest"] = b"\xab" * 8
    with pytest.raises(InputError) as error:
        flow.run(NETWORK, FRAMES, port=name)
    assert str(error.value) == (
        f"{name}: the board holds another network: its digest begins with {'ab' * 8}, "
        f"this one's with {NETWORK.digest()[:16]}"
    )


def test_another_layout_on_the_board_is_refused(port: Any) -> None:
    name, identity = port
    identity["frame_bytes"] = 9
    with pytest.raises(InputError, match="takes frames of 9 bytes and gives results of 4, this"):
        flow.run(NETWORK, FRAMES, port=name)


def test_a_board_that_does_not_answer_is_told(port: Any) -> None:
    name, identity = port
    identity["silent"] = True
    with pytest.raises(InputError, match=f"^{name}: no answer at 9600 baud: is there a board"):
        flow.run(NETWORK, FRAMES, port=name, baud=9600, timeout=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": "/dev/ttyNONE"}, "/dev/ttyNONE: no such port"),
        ({"port": "sim", "simulator": "vcs"}, "simulator must be one of verilator, icarus, not"),
        ({"port": "sim", "baud": 9600}, "baud must be left out with the port sim, which has no"),
        ({"port": "/dev/ttyNONE", "baud": 0}, "baud must be 1 or more, not 0"),
        ({"port": "sim", "labels": [1]}, "labels must be 40, one an image, not of shape"),
        ({"port": "sim", "labels": [9] * 40}, r"a label must be 0…\d, not 9 \(image 0\)"),
        ({"port": "sim", "lanes": 0}, "lanes must be 1 or more, not 0"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}"):
        flow.run(NETWORK, FRAMES, **options)


def test_options_of_another_version_are_told(tmp_path: Path) -> None:
    options = json.loads(build(NETWORK).files["options.json"])
    file, model = tmp_path / "options.json", tmp_path / "model.s2nn"
    file.write_text(json.dumps(options))
    assert built_core(model, NETWORK)["engine"] == ["event", "event"]
    for schema in ({"schema": 2}, {}):
        del options["schema"]
        options |= schema
        file.write_text(json.dumps(options))
        wanted = r"options\.json: its 'schema' .*: make it again with s2nn-hw emit$"
        with pytest.raises(InputError, match=wanted):
            built_core(model, NETWORK)


def test_a_simulation_that_dies_is_told(icarus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.board.harness", lambda *names: "module s2nn_bench; endmodule\n")
    with pytest.raises(ToolError, match=r"^the simulation did not begin: "):
        flow.run(NETWORK, FRAMES, port="sim", simulator=icarus)
