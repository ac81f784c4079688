"""What the generator tells the bench: ports as formulas, and files that cannot be swapped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2nn_hw.ir import InputError
from s2nn_hw.manifest import (
    Buffer,
    InputPort,
    LayerEntry,
    Manifest,
    Memory,
    OutputPort,
    Probe,
    Watch,
    find,
    sha256,
)


@given(st.integers(1, 40), st.integers(1, 8), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_pixels_lie_where_the_docstring_says(
    pixels: int, bits: int, per_beat: int, seed: int
) -> None:
    tdata_bits = -(-per_beat * bits // 8) * 8
    port = InputPort(
        tdata_bits=tdata_bits, pixel_bits=bits, pixels_per_beat=per_beat, pixels=pixels
    )
    frames = np.random.default_rng(seed).integers(0, 2**bits, (3, pixels), dtype=np.uint8)
    packed = port.pack(frames)
    assert packed.shape == (3, port.beats, tdata_bits // 8)
    for n, frame in enumerate(frames):
        for index, pixel in enumerate(frame):
            k, p = divmod(index, per_beat)
            beat = int.from_bytes(packed[n, k].tobytes(), "little")
            assert beat >> (p * bits) & (2**bits - 1) == pixel
        # What is left over is zero.
        last = int.from_bytes(packed[n, -1].tobytes(), "little")
        assert last >> (((pixels - 1) % per_beat + 1) * bits) == 0


@given(
    st.integers(1, 4), st.integers(1, 12), st.integers(1, 8), st.data(), st.integers(0, 2**32 - 1)
)
def test_channels_of_a_pixel_lie_together(
    channels: int, size: int, bits: int, data: st.DataObject, seed: int
) -> None:
    per_beat = data.draw(st.integers(1, 2 * channels))
    port = InputPort(
        tdata_bits=-(-per_beat * bits // 8) * 8,
        pixel_bits=bits,
        pixels_per_beat=per_beat,
        pixels=channels * size,
        channels=channels,
    )
    shape = (3, channels, 1, size)
    frames = np.random.default_rng(seed).integers(0, 2**bits, shape, dtype=np.uint8)
    packed = port.pack(frames)
    assert packed.shape == (3, port.beats, port.tdata_bits // 8)
    for n in range(3):
        for index in range(channels * size):
            k, p = divmod(index, per_beat)
            beat = int.from_bytes(packed[n, k].tobytes(), "little")
            pixel, channel = divmod(index, channels)
            assert beat >> (p * bits) & (2**bits - 1) == frames[n, channel, 0, pixel]


@given(
    st.integers(1, 4),
    st.integers(1, 8),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_what_a_probe_sees(channels: int, planes: int, height: int, width: int, seed: int) -> None:
    probe = Probe(
        layer="pool",
        valid="pool.v",
        data="pool.d",
        channels=channels,
        planes=planes,
        pixels=height * width,
    )
    assert probe.bits == channels * planes
    values = np.random.default_rng(seed).integers(
        0, 2**planes, (2, channels, height, width), dtype=np.uint8
    )
    seen = probe.expected(values)
    assert seen.shape == (2 * height * width, probe.bits)
    for n, y, x in np.ndindex(2, height, width):
        row = seen[(n * height + y) * width + x]
        for c in range(channels):
            value = sum(int(row[b * channels + c]) << b for b in range(planes))
            assert value == values[n, c, y, x]


def test_a_probe_of_a_flat_layer_sees_its_spikes() -> None:
    probe = Probe(layer="hidden1", valid="hidden1.v", data="hidden1.d", channels=5)
    spikes = np.random.default_rng(1).integers(0, 2, (7, 5), dtype=np.uint8)
    np.testing.assert_array_equal(probe.expected(spikes), spikes)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.lists(st.integers(-128, 127), min_size=3, max_size=3)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([8, 16, 24, 32, 64]),
)
def test_results_come_back(results: list[tuple[int, list[int]]], tdata_bits: int) -> None:
    port = OutputPort(tdata_bits=tdata_bits, class_bits=8, score_bits=8, classes=3)
    assert port.bits == 32
    beats = []
    for class_, scores in results:
        word = bytes([class_, *(score & 0xFF for score in scores)])
        number = int.from_bytes(word, "little")
        for k in range(port.beats):
            beats.append(number >> (k * tdata_bits) & (2**tdata_bits - 1))
    classes, scores_ = port.unpack(beats)
    assert classes.tolist() == [class_ for class_, _ in results]
    assert scores_.tolist() == [scores for _, scores in results]


def manifest(**changes: Any) -> Manifest:
    layer = LayerEntry(
        name="readout",
        module="readout",
        engine="event",
        lanes=2,
        inputs=4,
        neurons=3,
        synapses=12,
        weight_bits=4,
        potential_bits=6,
        windows=1,
        memories=(Memory(path="readout.w0", rows=2, row_bits=12, file="core_w0.hex"),),
        buffers=(Buffer(path="readout.feed.reader0.buffer", bits=40, least_bits=20),),
    )
    fields: dict[str, Any] = {
        "top": "core",
        "digest": "d" * 64,
        "network": "n" * 64,
        "options": {"lanes": [2]},
        "files": {"core.v": sha256(b"module core; endmodule\n"), "core_w0.hex": sha256(b"0\n")},
        "input": InputPort(tdata_bits=8, pixel_bits=1, pixels_per_beat=4, pixels=4),
        "output": OutputPort(tdata_bits=32, class_bits=8, score_bits=8, classes=3),
        "layers": (layer,),
        "probes": (Probe(layer="readout", valid="readout.v", data="readout.d", channels=3),),
        "watches": (
            Watch(
                layer="readout",
                works=(("readout.v",),),
                held=(("readout.v", "!readout.r"), ("readout.d",)),
            ),
        ),
        "counters": ("count_cycles",),
        "nets": {"": ("clk",), "readout": ("v", "d")},
        "timing": {"latency": 9},
        "versions": {"amaranth": "0.5.10"},
    }
    return Manifest(**{**fields, **changes})


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "core.v").write_bytes(b"module core; endmodule\n")
    (tmp_path / "core_w0.hex").write_bytes(b"0\n")
    (tmp_path / "core.json").write_text(manifest().to_json())
    return tmp_path


def test_reads_what_was_written(build: Path) -> None:
    assert Manifest.read(build) == manifest()
    assert Manifest.read(build, "core") == manifest()
    assert manifest().verilog == "core.v"


def test_one_of_before_there_were_watches_is_read(build: Path) -> None:
    data = json.loads(manifest().to_json())
    del data["watches"]
    (build / "core.json").write_text(json.dumps(data))
    assert Manifest.read(build) == manifest(watches=())


def test_the_text_is_deterministic() -> None:
    assert manifest().to_json() == manifest().to_json()
    assert manifest().to_json().endswith("}\n")


def test_a_changed_file_is_told(build: Path) -> None:
    (build / "core_w0.hex").write_text("1\n")
    with pytest.raises(InputError, match=r"core_w0\.hex: was changed since it was emitted"):
        Manifest.read(build)


def test_an_absent_file_is_told(build: Path) -> None:
    (build / "core_w0.hex").unlink()
    with pytest.raises(InputError, match=r"core_w0\.hex: cannot be read: No such file"):
        Manifest.read(build)


def test_another_version_is_told(build: Path) -> None:
    (build / "core.json").write_text(manifest(version=99).to_json())
    with pytest.raises(InputError, match=r"core\.json: its 'version' .* must be 3, not 99: make"):
        Manifest.read(build)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 3}', "3"])
def test_another_file_is_told(build: Path, text: str) -> None:
    (build / "core.json").write_text(text)
    with pytest.raises(InputError, match=r"core\.json: not a manifest"):
        Manifest.read(build)


def test_an_unknown_field_is_told(build: Path) -> None:
    data = json.loads(manifest().to_json()) | {"extra": 1}
    (build / "core.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="not a manifest"):
        Manifest.read(build)


def test_no_or_two_cores_are_told(build: Path) -> None:
    assert find(build) == build / "core.json"
    (build / "other.json").write_text("{}")
    assert find(build) == build / "core.json", "a JSON file without its Verilog is no manifest"
    (build / "other.v").write_text("")
    with pytest.raises(InputError, match="must hold one emitted core"):
        find(build)
    with pytest.raises(InputError, match="must hold one emitted core"):
        find(build / "none")
