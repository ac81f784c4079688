"""Clock of an iCE40.

Limits: FPGA-DS-02008, iCE40 UltraPlus (table "sysCLOCK PLL Timing"); dividers and filter:
FPGA-TN-02052.
"""

from collections.abc import Iterator
from fractions import Fraction

from amaranth.hdl import Const, Instance, Module, Signal

from .pll import Range, Setting, choose

OUTPUT = Range(low=16, high=275)
DETECTOR = Range(low=10, high=133)
OSCILLATOR = Range(low=533, high=1066)
REFERENCE_DIVIDER, FEEDBACK_DIVIDER, OUTPUT_POWER = range(16), range(128), range(1, 7)
#: MHz of the detector below which the loop filter has this number.
_FILTER = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5), (134, 6))

#: Block RAMs read as zero for 3 µs after configuration, Amaranth's iCE40 platform says.
RESET_SECONDS = Fraction(15, 10**6)


def settings(source: Fraction) -> Iterator[Setting]:
    """All that are allowed, the oscillator itself being fed back ("SIMPLE")."""
    for divide in REFERENCE_DIVIDER:
        detector = source / (divide + 1)
        if detector not in DETECTOR:
            continue
        for multiply in FEEDBACK_DIVIDER:
            oscillator = detector * (multiply + 1)
            if oscillator not in OSCILLATOR:
                continue
            for power in OUTPUT_POWER:
                if oscillator / 2**power in OUTPUT:
                    yield Setting(
                        output=oscillator / 2**power,
                        detector=detector,
                        oscillator=oscillator,
                        dividers={"DIVR": divide, "DIVF": multiply, "DIVQ": power},
                    )


def setting(source: Fraction, wanted: Fraction) -> Setting:
    """The one to use; InputError if there is none."""
    return choose(settings(source), wanted, source, OSCILLATOR)


def filter_range(detector: Fraction) -> int:
    """Number of the loop filter."""
    return next(number for limit, number in _FILTER if detector < limit * 10**6)


def add_pll(m: Module, port, chosen: Setting) -> tuple[Signal, Signal]:
    """Add the PLL whose pad the clock's is; returns its output, and whether it has locked."""
    clock = Signal(name="pll_clock")
    locked = Signal(name="pll_locked")
    m.submodules.pll = Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(chosen.dividers["DIVR"], 4),
        p_DIVF=Const(chosen.dividers["DIVF"], 7),
        p_DIVQ=Const(chosen.dividers["DIVQ"], 3),
        p_FILTER_RANGE=Const(filter_range(chosen.detector), 3),
        p_PLLOUT_SELECT="GENCLK",
        io_PACKAGEPIN=port.io,
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_PLLOUTGLOBAL=clock,
        o_LOCK=locked,
    )
    return clock, locked
