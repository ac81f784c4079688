"""Other generators: what they are given, what is read of theirs, and how it is set side by side."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from s2nn_hw import peers
from s2nn_hw.ir import INPUT, Conv2d, Dense, FrameFormat, InputError, Layer, Network, ToolError
from s2nn_hw.peers import Circuit, Field
from s2nn_hw.report import comparison


def network(bits=1):
    rng = np.random.default_rng(5)
    return Network(
        input=FrameFormat(shape=(1, 2, 3), bits=bits),
        layers=(
            Layer(
                name="hidden",
                projections=(
                    Dense(source=INPUT, weights=rng.integers(-3, 4, (4, 6)), weight_bits=3),
                ),
                thresholds=rng.integers(-2, 3, 4),
            ),
            Layer(
                name="readout",
                projections=(
                    Dense(source="hidden", weights=rng.integers(-3, 4, (3, 4)), weight_bits=3),
                ),
            ),
        ),
    )


def test_a_chain_is_the_network(tmp_path):
    net = network(bits=2)
    taken = peers.chain(net)
    assert taken.input_bits == 2
    assert [w.shape for w in taken.weights] == [(4, 6), (3, 4)]
    assert np.array_equal(taken.thresholds[0], net.layers[0].thresholds)
    taken.write(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as read:
        assert set(read.files) == {"input_bits", "weights_0", "weights_1", "thresholds_0"}
        assert np.array_equal(read["weights_1"], taken.weights[1])


def test_what_is_no_chain_is_named():
    weights = np.ones((2, 1, 3, 3), dtype=np.int8)
    net = Network(
        input=FrameFormat(shape=(1, 4, 4), bits=1),
        layers=(
            Layer(
                name="map",
                projections=(Conv2d(source=INPUT, weights=weights, weight_bits=2),),
                thresholds=[1, 1],
            ),
        ),
    )
    with pytest.raises(InputError, match="layer 'map' is a convolution"):
        peers.chain(net)


def circuit(folder, **changes):
    entry = {
        "files": ["a.v"],
        "top": "peer",
        "clock": None,
        "data": "x",
        "result": "y",
        "constant": 1 << 12,
        "input_fields": [{"low": 2 * k, "bits": 2, "signed": False, "scale": 1} for k in range(6)],
        "fields": [
            {"low": 0, "bits": 3, "signed": True, "scale": 1},
            {"low": 3, "bits": 2, "signed": True, "scale": 4},
            {"low": 5, "bits": 0, "signed": True, "scale": 1},
        ],
        "gives": "scores",
        "started": False,
        "seconds": 0.5,
    }
    folder.mkdir(exist_ok=True)
    (folder / "circuit.json").write_text(json.dumps(entry | changes))
    return Circuit.read(folder)


def test_frames_are_packed_and_results_unpacked(tmp_path):
    made = circuit(tmp_path)
    assert (made.data_bits, made.result_bits) == (13, 5)
    assert made.pack(np.array([1, 2, 3, 0, 1, 2])) == 0b1_10_01_00_11_10_01
    assert made.unpack(0b10_101) == (-3, -8, 0)
    assert made.unpack(None) is None
    assert Field(low=1, bits=2, signed=False, scale=3).of(0b110) == 9


def test_a_circuit_that_is_not_whole_is_refused(tmp_path):
    with pytest.raises(ToolError, match=r"circuit\.json"):
        Circuit.read(tmp_path)
    with pytest.raises(InputError, match="what the generator wrote"):
        circuit(tmp_path, extra=1)


def peer(**changes):
    return peers.Peer(
        **{
            "name": "other",
            "script": "other.py",
            "requirements": ("s2nn-hw-there-is-no-such-peer==1",),
            "settings": (peers.Setting(name="usual"),),
            **changes,
        }
    )


def test_a_program_that_is_absent_is_named():
    with pytest.raises(ToolError, match="the program 'no-such-program' is not on PATH"):
        peers.environment(peer(programs=("no-such-program",)))


def test_a_peer_that_cannot_be_installed_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ToolError, match=r"other could not be installed: .*no-such-peer"):
        peers.environment(peer())
    assert list((tmp_path / "s2nn-hw" / "peers").iterdir()) == []


def test_a_generator_that_fails_is_told_with_its_last_words(tmp_path):
    there = peers.Environment(peer=peer(script="dwn2rtl_peer.py"), python=Path(sys.executable))
    with pytest.raises(ToolError, match=r"other made no circuit: ModuleNotFoundError.*dwn2rtl"):
        there.generate(peers.chain(network()), peer().settings[0], tmp_path / "made")


def row(generator, setting, device="D", **fields):
    return {
        **dict.fromkeys(comparison.COLUMNS.values()),
        "network": "n",
        "generator": generator,
        "setting": setting,
        "device": device,
        "version": "1",
        "interval_cycles": 1,
        "mismatches": 0,
        "generate_seconds": 1.0,
        "error": None,
        **fields,
    }


ROWS = [
    row("s2nn-hw", "unrolled", lut=60, datapath_lut=50, fmax_mhz=150.0),
    row("s2nn-hw", "event", lut=10, interval_cycles=7, fmax_mhz=100.0),
    row("a", "x", lut=100, generate_seconds=3.0),
    row("a", "y", lut=120, fmax_mhz=100.0),
    row("b", "wrong", lut=20, mismatches=1, fmax_mhz=500.0),
    row("b", "slow", lut=20, interval_cycles=9, fmax_mhz=500.0),
    row("c", "", device="", interval_cycles=None, error="it | failed"),
]


def test_the_best_peer_is_right_and_takes_a_frame_a_cycle():
    (entry,) = comparison.best(ROWS, "s2nn-hw")
    assert (entry["peer"], entry["peer_lut"]) == ("a, x", 100)
    assert (entry["area_ratio"], entry["datapath_ratio"]) == (0.6, 0.5)
    assert (entry["fastest_peer"], entry["clock_ratio"]) == ("a, y", 1.5)
    assert (entry["seconds"], entry["peer_seconds"]) == (1.0, 1.0)
    assert comparison.best(ROWS[1:], "s2nn-hw") == []


def test_every_row_is_in_the_table_and_the_plot(tmp_path):
    data = {
        "rows": ROWS,
        "best": comparison.best(ROWS, "s2nn-hw"),
        "networks": {"n": "0123456789abcdef"},
        "versions": {"yosys": "0.70"},
    }
    text = comparison.markdown(data)
    for words in ("| a 1 | y | D | 120 |", "* c: it | failed", "geometric mean of 1 ratios 0.600"):
        assert words in text
    comparison.plot(data, tmp_path / "plot.svg")
    assert "</svg>" in (tmp_path / "plot.svg").read_text()
