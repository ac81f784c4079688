"""What the quantities of a core cost on a family."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import exp

from rtl_gen.platforms.family import Device, Family
from s2nn_hw.ir import InputError

#: Memories, of which each is one of the device's.
_BLOCKS = ("bram", "spram")


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Units of each resource that one of each quantity takes, and what clocks depend on.

    ``shell_mhz``: clock that a board's shell reaches around next to nothing.
    ``mhz_of_device``: Device.mhz of the one that clocks were measured of.

    Made by ``make costs``, which fits them to what yosys made of random networks.
    """

    units: Mapping[str, Mapping[str, float]]
    clock: Mapping[str, float]
    shell_mhz: float
    mhz_of_device: float

    def of(self, quantities: Mapping[str, float]) -> dict[str, float]:
        """Resource → how much all of them take.

        Where a logic cell has a look-up table and a flip-flop that need not belong together, there
        are ``cell``, too: those with either.
        """
        used = {
            resource: sum(each[name] * n for name, n in quantities.items() if name not in _BLOCKS)
            for resource, each in self.units.items()
        }
        return used | {name: float(quantities.get(name, 0)) for name in _BLOCKS}

    def mhz(self, features: Mapping[str, float], device: Device) -> float:
        """The clock that place and route reach, about, with one seed.

        Its logarithm is a sum over the features, and it goes with what is usual for the device.
        """
        found = exp(sum(self.clock[name] * value for name, value in features.items()))
        return found * self._speed(device)

    def shell(self, device: Device) -> float:
        """The clock that a board's shell reaches, about, whatever the core within."""
        return self.shell_mhz * self._speed(device)

    def _speed(self, device: Device) -> float:
        """How quick a device is beside the one that clocks were measured of."""
        return device.mhz / self.mhz_of_device


def costs(family: Family) -> Costs:
    """Those of a family; InputError if they are not known."""
    found = _costs(family.name)
    if found is None:
        raise InputError(f"there are no costs of {family.title} to plan with: use synth")
    return found


@cache
def _costs(name: str) -> Costs | None:
    file = resources.files(__package__) / f"{name}.json"
    return Costs(**json.loads(file.read_text())) if file.is_file() else None
