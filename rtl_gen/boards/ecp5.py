"""Clock of an ECP5.

Limits: FPGA-DS-02012 (table "sysCLOCK PLL Timing"); dividers: FPGA Libraries Reference Guide,
EHXPLLL.
"""

from collections.abc import Iterator
from fractions import Fraction

from amaranth.hdl import Instance, Module, Signal

from .pll import Range, Setting, choose

OUTPUT = Range(low=3.125, high=400)
DETECTOR = Range(low=10, high=400)
OSCILLATOR = Range(low=400, high=800)
INPUT_DIVIDER, FEEDBACK_DIVIDER, OUTPUT_DIVIDER = range(1, 129), range(1, 81), range(1, 129)


def settings(source: Fraction) -> Iterator[Setting]:
    """All that are allowed.

    CLKOP is fed back, and CLKOS goes out: of one oscillator they may divide it unalike, and so
    there are many more frequencies than the multiples of the detector's.
    """
    for divide in INPUT_DIVIDER:
        detector = source / divide
        if detector not in DETECTOR:
            continue
        for times in range(1, int(OSCILLATOR.high * 10**6 / detector) + 1):
            if detector * times not in OSCILLATOR:
                continue
            for output in OUTPUT_DIVIDER:
                feedback = _feedback(detector, times, output)
                if detector * times / output in OUTPUT and feedback is not None:
                    yield Setting(
                        output=detector * times / output,
                        detector=detector,
                        oscillator=detector * times,
                        dividers={
                            "CLKI_DIV": divide,
                            "CLKFB_DIV": times // feedback,
                            "CLKOP_DIV": feedback,
                            "CLKOS_DIV": output,
                        },
                    )


def _feedback(detector: Fraction, times: int, output: int) -> int | None:
    """What CLKOP divides by: as the output if that can be, so that they are alike."""
    for divide in (output, *OUTPUT_DIVIDER):
        multiply, rest = divmod(times, divide)
        if not rest and multiply in FEEDBACK_DIVIDER and detector * multiply in OUTPUT:
            return divide
    return None


def setting(source: Fraction, wanted: Fraction) -> Setting:
    """The one to use; InputError if there is none."""
    return choose(settings(source), wanted, source, OSCILLATOR)


def add_pll(m: Module, pin, chosen: Setting) -> tuple[Signal, Signal]:
    """Add the PLL behind a buffered clock; returns its output, and whether it has locked."""
    clock = Signal(name="pll_clock")
    locked = Signal(name="pll_locked")
    feedback = Signal(name="pll_feedback")
    m.submodules.pll = Instance(
        "EHXPLLL",
        **{f"p_{name}": value for name, value in chosen.dividers.items()},
        p_FEEDBK_PATH="CLKOP",
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOS_ENABLE="ENABLED",
        # In phase with the input: a divider counts from where it ends.
        p_CLKOP_CPHASE=chosen.dividers["CLKOP_DIV"] - 1,
        p_CLKOP_FPHASE=0,
        p_CLKOS_CPHASE=chosen.dividers["CLKOS_DIV"] - 1,
        p_CLKOS_FPHASE=0,
        # Of the loop filter; nextpnr takes them from attributes.
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        i_CLKI=pin,
        i_CLKFB=feedback,
        i_RST=0,
        i_STDBY=0,
        i_PHASESEL0=0,
        i_PHASESEL1=0,
        i_PHASEDIR=0,
        i_PHASESTEP=0,
        i_PHASELOADREG=0,
        i_PLLWAKESYNC=0,
        i_ENCLKOP=0,
        o_CLKOP=feedback,
        o_CLKOS=clock,
        o_LOCK=locked,
    )
    return clock, locked
