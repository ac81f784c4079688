"""The FPGA families: parts by name, what their cells count as, and what fits."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import s2nn_hw
from rtl_gen.platforms import FAMILIES, RESOURCES, fit, part
from s2nn_hw.flow.area import accumulators
from s2nn_hw.flow.misfit import misfit
from s2nn_hw.ir import InputError
from s2nn_hw.manifest import LayerEntry, Manifest, Memory
from s2nn_hw.toolchain import netlist


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("LFE5U-85F", "LFE5U-85F-6-CABGA381"),
        ("lfe5u-25f-8", "LFE5U-25F-8-CABGA381"),
        ("ecp5-45k-7-CABGA256", "LFE5U-45F-7-CABGA256"),
        ("LFE5U-85F-CABGA756-7", "LFE5U-85F-7-CABGA756"),
        ("up5k", "iCE40UP5K-sg48"),
        ("iCE40HX8K-cb132", "iCE40HX8K-cb132"),
        ("GW1NR-9", "GW1NR-9"),
        ("GW1NR-LV9QN88PC6/I5", "GW1NR-9"),
        ("xc7a35t", "XC7A35T"),
    ],
)
def test_a_part_has_many_names(text: str, name: str) -> None:
    assert part(text).name == name
    assert part(name) == part(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("virtex", "^device must be one of LFE5U-12F, .*CCGM1A1, .*, not 'virtex'$"),
        ("", "^device must be one of "),
        ("LFE5U-85", "^device must be one of "),
        ("up5kx", "^device must be one of "),
        ("LFE5U-85F-9", "^LFE5U-85F comes as 6, 7, 8, CABGA381, .*, not as '9'$"),
        ("GW1NR-9-x", "^GW1NR-9 comes as no choice, not as 'x'$"),
    ],
)
def test_an_unknown_part_is_told(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        part(text)


def test_every_device_is_found_by_each_of_its_names() -> None:
    names = []
    for family in FAMILIES:
        for device in family.devices:
            for name in (device.name, *device.other):
                assert part(name).device is device
                assert part(name).family is family
                names.append(name.lower())
            assert set(device.capacity) <= set(RESOURCES)
            assert {"lut", "ff", "carry", "bram"} <= set(device.capacity)
    assert len(names) == len(set(names))


def test_a_block_ram_holds_no_more_than_its_bits() -> None:
    for family in FAMILIES:
        for units in family.cells.values():
            assert set(units) <= set(RESOURCES)
        assert max(words * bits for words, bits in family.bram_shapes) == family.bram_bits


def layer(**changes: Any) -> LayerEntry:
    fields: dict[str, Any] = {
        "name": "hidden1",
        "module": "layer_hidden1",
        "engine": "event",
        "lanes": 4,
        "inputs": 784,
        "neurons": 128,
        "synapses": 100352,
        "weight_bits": 4,
        "potential_bits": 13,
        "accumulator_bits": 128 * 13,
        "adder_bits": 128 * (5 + 5 + 6),
        "windows": 1,
        "memories": (Memory(path="layer_hidden1.weights0", rows=784, row_bits=512, file="w.hex"),),
        "buffers": (),
    }
    return LayerEntry(**{**fields, **changes})


def test_the_floor_of_the_accumulators() -> None:
    pool = layer(neurons=9, synapses=0, weight_bits=0, accumulator_bits=0, adder_bits=0)
    layers = [layer(), pool, layer(accumulator_bits=90, adder_bits=0)]
    assert fit.floor(layers) == {"lut": 1664 + 2048 + 90, "ff": 1664 + 90}


def fewer(lanes: int) -> list[LayerEntry]:
    """The layer with so many lanes, of memories of their own."""
    weights = Memory(path="layer_hidden1.weights0", rows=-(-784 // lanes), row_bits=512, file="w")
    adders = {1: 0, 2: 5, 3: 5 + 6, 4: 5 + 5 + 6}[lanes]
    return [layer(lanes=lanes, adder_bits=128 * adders, memories=(weights,) * lanes)]


def test_what_cannot_fit_is_told_before_any_tool_runs() -> None:
    reason = fit.hopeless([layer()], part("hx1k"), fewer)
    assert reason is not None
    assert "iCE40HX1K-tq144: its accumulators alone need 3,712 lut of 1,280 (2,432 too" in reason
    small = layer(neurons=32, accumulator_bits=32 * 13, adder_bits=0)
    reason = fit.hopeless([small], part("hx8k"), lambda lanes: None)
    assert reason is not None
    assert "its weights alone need 98 bram of 32 (66 too many)" in reason
    assert "by estimate it would with weights of 1 bit" in reason
    # Large memories that start empty hold no weights.
    single = layer(lanes=1, accumulator_bits=832, adder_bits=0)
    reason = fit.hopeless([single], part("up5k"), fewer)
    assert reason is not None
    assert "its weights alone need 98 bram of 30" in reason
    assert fit.hopeless([layer()], part("LFE5U-25F"), fewer) is None


@pytest.mark.parametrize(
    ("used", "advice"),
    [
        (
            {"lut": 30000},
            "30,000 lut of 24,288 (5,712 too many); W --lanes 2 or W weights of 2 bits",
        ),
        ({"bram": 110}, "110 bram of 56 (54 too many); W --lanes 2 or W weights of 1 bit"),
        (
            {"lut": 30000, "bram": 160},
            "30,000 lut of 24,288 (5,712 too many), 160 bram of 56 (104 too many); W weights of "
            "1 bit",
        ),
        (
            {"lut": 41000, "bram": 150},
            "41,000 lut of 24,288 (16,712 too many), 150 bram of 56 (94 too many); "
            "W --lanes 1 and weights of 3 bits",
        ),
        (
            {"lut": 300000},
            "300,000 lut of 24,288 (275,712 too many); by estimate it would not with --lanes 1 and "
            "weights of 1 bit either",
        ),
    ],
    ids=str,
)
def test_what_would_fit_is_estimated(used: dict[str, int], advice: str) -> None:
    """Of look-up tables two thirds are accumulators; block RAMs are all of weights."""
    need = fit.Need(
        used=used,
        layers=fewer(4),
        accumulators={"lut": used.get("lut", 0) * 2 // 3},
        weights=used.get("bram", 0),
    )
    text = fit.message(part("LFE5U-25F"), need, fewer)
    wanted = advice.replace("; W", "; by estimate it would with").replace("or W", "or with")
    assert text == f"the network does not fit LFE5U-25F-6-CABGA381: it needs {wanted}"


@pytest.mark.parametrize(
    ("loose", "reason"),
    [
        (50, None),
        (
            100,
            "the network does not fit iCE40UP5K-sg48: it needs, with the flip-flops that share no "
            "logic cell with a look-up table, of the 90% of cells up to which placing is tried, "
            "4,800 lut of 4,752 (48 too many); by estimate it would with --lanes 3 or with weights "
            "of 3 bits",
        ),
        (
            600,
            "the network does not fit iCE40UP5K-sg48: it needs, with the flip-flops that share no "
            "logic cell with a look-up table, 5,300 lut of 5,280 (20 too many); by estimate it "
            "would with --lanes 3 or with weights of 3 bits",
        ),
    ],
)
def test_cells_that_cannot_be_filled_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loose: int, reason: str | None
) -> None:
    monkeypatch.setattr(netlist, "unpaired", lambda *_: loose)
    need = fit.Need(used={"lut": 4700}, layers=fewer(4))
    design: Any = SimpleNamespace(top="core")
    assert misfit(part("up5k"), need, tmp_path / "netlist", design, fewer, None) == reason


def test_what_is_around_a_core_does_not_shrink() -> None:
    need = fit.Need(used={"lut": 1000}, layers=fewer(4), fixed={"lut": 400})
    assert need.of(fewer(1), part("LFE5U-25F").family) == {"lut": 400 + 600 * 5 // 8}


@pytest.mark.parametrize("lanes", [1, 2, 3, 5])
def test_the_manifest_tells_what_is_needed(tmp_path: Path, lanes: int) -> None:
    """Weights of 1 and −1 alone: a neuron's sum of n is in −n…n, and of two lanes in −2…2."""
    rng = np.random.default_rng(2)
    weights = [rng.choice([-1, 1], (6, 20)), rng.choice([-1, 1], (3, 6))]
    weights[0][:, :10], weights[0][:, 10:] = 1, -1
    network = s2nn_hw.from_arrays(weights, [np.zeros(6, int), None])
    s2nn_hw.flow.emit(network, tmp_path / "out", lanes=(lanes, 1))
    hidden, readout = Manifest.read(tmp_path / "out").layers
    words = {m.file: (tmp_path / "out" / m.file).read_text().split() for m in hidden.memories}
    assert fit.stored_bits([hidden]) == sum(
        len(words[m.file]) * m.row_bits for m in hidden.memories
    )
    assert hidden.accumulator_bits == 6 * 5  # −10…10
    assert hidden.adder_bits == 6 * {1: 0, 2: 3, 3: 3 + 3, 5: 3 + 3 + 4 + 4}[lanes]
    assert readout.adder_bits == 0
    assert readout.accumulator_bits <= 3 * readout.potential_bits


def test_accumulators_of_windows_at_a_time_are_counted_all() -> None:
    modules = {
        "layer_conv1.accumulators0.neuron_*": {"lut": 3, "ff": 2},
        "layer_conv1.accumulators11": {"lut": 4},
        "layer_readout.accumulators.neuron_*": {"lut": 5},
        "layer_accumulators_x.engine": {"lut": 100},
    }
    assert (accumulators(modules)["lut"], accumulators(modules)["ff"]) == (12, 2)
