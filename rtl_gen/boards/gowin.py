"""Clock of a GW1NR-9.

Limits: DS117 (GW1NR series, table "PLL Switching Characteristics", C6/I5); dividers: UG286, rPLL.
"""

from collections.abc import Iterator
from fractions import Fraction

from amaranth.hdl import Const, Instance, Module, Signal

from .pll import Range, Setting, choose

OUTPUT = Range(low=3.125, high=600)
DETECTOR = Range(low=3, high=400)
OSCILLATOR = Range(low=400, high=1200)
INPUT_DIVIDER, FEEDBACK_DIVIDER = range(1, 65), range(1, 65)
OUTPUT_DIVIDER = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)


def settings(source: Fraction) -> Iterator[Setting]:
    """All that are allowed: the output is fed back, so the oscillator is its multiple."""
    for divide in INPUT_DIVIDER:
        detector = source / divide
        if detector not in DETECTOR:
            continue
        for multiply in FEEDBACK_DIVIDER:
            output = detector * multiply
            if output not in OUTPUT:
                continue
            for times in OUTPUT_DIVIDER:
                if output * times in OSCILLATOR:
                    yield Setting(
                        output=output,
                        detector=detector,
                        oscillator=output * times,
                        dividers={"IDIV": divide, "FBDIV": multiply, "ODIV": times},
                    )


def setting(source: Fraction, wanted: Fraction) -> Setting:
    """The one to use; InputError if there is none."""
    return choose(settings(source), wanted, source, OSCILLATOR)


def add_pll(m: Module, pin, chosen: Setting) -> tuple[Signal, Signal]:
    """Add the PLL behind a buffered clock; returns its output, and whether it has locked."""
    clock = Signal(name="pll_clock")
    locked = Signal(name="pll_locked")
    source = chosen.detector * chosen.dividers["IDIV"]
    m.submodules.pll = Instance(
        "rPLL",
        p_DEVICE="GW1NR-9C",
        p_FCLKIN=f"{float(source) / 1e6:g}",
        p_DYN_IDIV_SEL="false",
        p_IDIV_SEL=chosen.dividers["IDIV"] - 1,
        p_DYN_FBDIV_SEL="false",
        p_FBDIV_SEL=chosen.dividers["FBDIV"] - 1,
        p_DYN_ODIV_SEL="false",
        p_ODIV_SEL=chosen.dividers["ODIV"],
        p_PSDA_SEL="0000",
        p_DYN_DA_EN="false",
        p_DUTYDA_SEL="1000",
        p_CLKFB_SEL="internal",
        p_CLKOUT_BYPASS="false",
        p_CLKOUTP_BYPASS="false",
        p_CLKOUTD_BYPASS="false",
        p_DYN_SDIV_SEL=2,
        p_CLKOUTD_SRC="CLKOUT",
        p_CLKOUTD3_SRC="CLKOUT",
        i_CLKIN=pin,
        i_CLKFB=Const(0),
        i_RESET=Const(0),
        i_RESET_P=Const(0),
        i_FBDSEL=Const(0, 6),
        i_IDSEL=Const(0, 6),
        i_ODSEL=Const(0, 6),
        i_DUTYDA=Const(0, 4),
        i_PSDA=Const(0, 4),
        i_FDLY=Const(0, 4),
        o_CLKOUT=clock,
        o_LOCK=locked,
    )
    return clock, locked
