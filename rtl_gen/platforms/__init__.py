"""FPGA families and their devices, one module a family.

``part("LFE5U-85F-6")`` finds a device by the name that people write on a command line.
"""

from s2nn_hw.ir import InputError

from . import ecp5, gatemate, gowin, ice40, nexus, xilinx7
from .family import RESOURCES, Device, Family, OutputRegister, Part

__all__ = [
    "FAMILIES",
    "RESOURCES",
    "Device",
    "Family",
    "OutputRegister",
    "Part",
    "family",
    "part",
]

FAMILIES = (
    ecp5.FAMILY,
    ice40.FAMILY,
    gowin.FAMILY,
    xilinx7.FAMILY,
    nexus.FAMILY,
    gatemate.FAMILY,
)


def family(name: str) -> Family:
    """The family of that name; InputError lists those that there are."""
    for known in FAMILIES:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in FAMILIES)
    raise InputError(f"family must be one of {names}, not {name!r}")


def part(text: str) -> Part:
    """The part that a user means; InputError lists the devices that are known."""
    for family in FAMILIES:
        for device in family.devices:
            found = device.match(str(text))
            if found is not None:
                return found
    known = ", ".join(device.name for family in FAMILIES for device in family.devices)
    raise InputError(
        f"device must be one of {known}, with a speed or package behind it where it has several "
        f"(LFE5U-85F-6, iCE40UP5K-sg48), not {text!r}"
    )
