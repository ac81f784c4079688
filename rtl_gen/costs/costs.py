"""What the quantities of a core cost on a family."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import exp

from rtl_gen.platforms.family import Family
from s2nn_hw.ir import InputError

#: Memories, of which each is one of the device's.
_BLOCKS = ("bram", "spram")


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Units of each resource that one of each quantity takes, and what clocks depend on.

    Made by ``make costs``, which fits them to what yosys made of random networks.
    """

    units: Mapping[str, Mapping[str, float]]
    clock: Mapping[str, float]

    def of(self, quantities: Mapping[str, float]) -> dict[str, float]:
        """Resource → how much all of them take."""
        used = {
            resource: sum(each.get(name, 0.0) * n for name, n in quantities.items())
            for resource, each in self.units.items()
        }
        return used | {name: float(quantities.get(name, 0)) for name in _BLOCKS}


    def mhz(self, features: Mapping[str, float]) -> float:
        """The clock that place and route reach, about, with one seed.

        Its logarithm is a sum over the features.
        """
        return exp(sum(self.clock[name] * value for name, value in features.items()))


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
