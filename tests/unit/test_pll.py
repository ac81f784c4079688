"""Dividers of the PLLs: every choice within the datasheet's limits, and none that is better."""

from __future__ import annotations

from fractions import Fraction

import pytest

from rtl_gen.boards import ecp5, gowin, ice40
from rtl_gen.boards.pll import TOLERANCE
from s2nn_hw.ir import InputError

MHZ = 10**6


def check_ecp5(source, found):
    """FPGA-DS-02012: inputs 8…400 MHz, detector 10…400, oscillator 400…800, output 3.125…400."""
    d = found.dividers
    assert 1 <= d["CLKI_DIV"] <= 128
    assert 1 <= d["CLKFB_DIV"] <= 80
    assert 1 <= d["CLKOP_DIV"] <= 128
    assert found.detector == source / d["CLKI_DIV"]
    assert 1 <= d["CLKOS_DIV"] <= 128
    fed_back = found.detector * d["CLKFB_DIV"]
    assert found.oscillator == fed_back * d["CLKOP_DIV"]
    assert found.output == found.oscillator / d["CLKOS_DIV"]
    assert 3.125 * MHZ <= fed_back <= 400 * MHZ
    assert 10 * MHZ <= found.detector <= 400 * MHZ
    assert 400 * MHZ <= found.oscillator <= 800 * MHZ
    assert 3.125 * MHZ <= found.output <= 400 * MHZ


def check_ice40(source, found):
    """FPGA-DS-02008: detector 10…133 MHz, oscillator 533…1066, output 16…275."""
    d = found.dividers
    assert 0 <= d["DIVR"] <= 15
    assert 0 <= d["DIVF"] <= 127
    assert 1 <= d["DIVQ"] <= 6
    assert found.detector == source / (d["DIVR"] + 1)
    assert found.oscillator == found.detector * (d["DIVF"] + 1)
    assert found.output == found.oscillator / 2 ** d["DIVQ"]
    assert 10 * MHZ <= found.detector <= 133 * MHZ
    assert 533 * MHZ <= found.oscillator <= 1066 * MHZ
    assert 16 * MHZ <= found.output <= 275 * MHZ
    assert 1 <= ice40.filter_range(found.detector) <= 6


def check_gowin(source, found):
    """DS117: detector 3…400 MHz, oscillator 400…1200, output 3.125…600."""
    d = found.dividers
    assert 1 <= d["IDIV"] <= 64
    assert 1 <= d["FBDIV"] <= 64
    assert d["ODIV"] in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
    assert found.detector == source / d["IDIV"]
    assert found.output == source * d["FBDIV"] / d["IDIV"]
    assert found.oscillator == found.output * d["ODIV"]
    assert 3 * MHZ <= found.detector <= 400 * MHZ
    assert 400 * MHZ <= found.oscillator <= 1200 * MHZ
    assert 3.125 * MHZ <= found.output <= 600 * MHZ


def outputs_ecp5(source):
    """By brute force, in floats, which frequencies there are."""
    return {
        source / a * n / c
        for a in range(1, 129)
        if source / a >= 10e6
        for n in {b * d for b in range(1, 81) for d in range(1, 129) if source / a * b <= 400e6}
        if 400e6 <= source / a * n <= 800e6
        for c in range(1, 129)
        if 3.125e6 <= source / a * n / c <= 400e6
    }


def outputs_ice40(source):
    return {
        source / (r + 1) * (f + 1) / 2**q
        for r in range(16)
        if source / (r + 1) >= 10e6
        for f in range(128)
        if 533e6 <= source / (r + 1) * (f + 1) <= 1066e6
        for q in range(1, 7)
        if 16e6 <= source / (r + 1) * (f + 1) / 2**q <= 275e6
    }


def outputs_gowin(source):
    return {
        source * b / a
        for a in range(1, 65)
        if source / a >= 3e6
        for b in range(1, 65)
        if 3.125e6 <= source * b / a <= 600e6
        if any(
            400e6 <= source * b / a * c <= 1200e6
            for c in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
        )
    }


FAMILIES = {
    "ecp5": (ecp5, check_ecp5, outputs_ecp5, (25, 48)),
    "ice40": (ice40, check_ice40, outputs_ice40, (12, 16)),
    "gowin": (gowin, check_gowin, outputs_gowin, (27, 50)),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_setting_is_allowed(name):
    family, check, outputs, sources = FAMILIES[name]
    for source in sources:
        found = list(family.settings(Fraction(source * MHZ)))
        assert found
        for setting in found:
            check(Fraction(source * MHZ), setting)
        assert {round(float(s.output)) for s in found} == {round(f) for f in outputs(source * 1e6)}


@pytest.mark.parametrize("name", FAMILIES)
def test_every_wish_is_met_best_or_refused_with_the_nearest(name):
    family, check, outputs, (source, _) = FAMILIES[name]
    there = sorted(outputs(source * 1e6))
    met = refused = 0
    for step in range(4, 1400, 17):
        wanted = Fraction(step * MHZ, 2)
        best = min(there, key=lambda f: abs(f - wanted))
        if abs(best - wanted) <= wanted * TOLERANCE:
            found = family.setting(Fraction(source * MHZ), wanted)
            check(Fraction(source * MHZ), found)
            assert float(found.output) == pytest.approx(best, abs=1)
            met += 1
        else:
            with pytest.raises(InputError) as error:
                family.setting(Fraction(source * MHZ), wanted)
            near = [f for f in there if f < wanted][-1:] + [f for f in there if f > wanted][:1]
            text = " and ".join(f"{f / 1e6:.6g}" for f in near)
            assert f"the nearest being {text} MHz, not {float(wanted) / 1e6:.6g}" in str(
                error.value
            )
            refused += 1
    assert met > 1
    assert refused > 20


@pytest.mark.parametrize(
    ("family", "source", "wanted", "dividers"),
    [
        # As ecppll, icepll and gowin_pll, the calculators of the open flows, have them.
        (ecp5, 25, 100, {"CLKI_DIV": 1, "CLKFB_DIV": 4, "CLKOP_DIV": 6, "CLKOS_DIV": 6}),
        (ice40, 12, 30, {"DIVR": 0, "DIVF": 79, "DIVQ": 5}),
        (ice40, 12, 48, {"DIVR": 0, "DIVF": 63, "DIVQ": 4}),
        (gowin, 27, 54, {"IDIV": 1, "FBDIV": 2, "ODIV": 16}),
    ],
)
def test_known_settings(family, source, wanted, dividers):
    assert family.setting(Fraction(source * MHZ), Fraction(wanted * MHZ)).dividers == dividers


def test_the_loop_filter():
    wanted = {10: 1, 16: 1, 17: 2, 25: 2, 26: 3, 43: 3, 44: 4, 65: 4, 66: 5, 100: 5, 101: 6, 133: 6}
    assert {f: ice40.filter_range(Fraction(f * MHZ)) for f in wanted} == wanted
