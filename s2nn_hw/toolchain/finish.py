"""What a device has to spare and yosys leaves, made use of in a flat netlist."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import carries, fields, registers, starts

if TYPE_CHECKING:
    from rtl_gen.platforms import Family


#: Of all that is done here, by the name of the family: what was finished by another is another
#: netlist.
_VERSIONS = {"ice40": "6"}
_OTHERS = "4"

#: Cells that yosys counted and are gone: type → how many of them, less those that are new.
GONE = "gone.json"


def version(family: Family) -> str:
    """Of what is done to a family's netlists."""
    return _VERSIONS.get(family.name, _OTHERS)


def finish(folder: Path, family: Family, top: str, netlists: Sequence[str]) -> None:
    """Change yosys' netlists of a design in place, and write down what is gone.

    Nothing changes for what is read: the same nets carry the same values in the same cycles, but
    what a block RAM gives between power-on and the first clock edge.
    """
    absorbed = Counter[str]()
    for name in netlists:
        data = fields.load(folder / name)
        designs = fields.field(data, "modules", dict, name)
        module = fields.field(designs, top, dict, name)
        fields.field(module, "cells", dict, name)
        absorbed = registers.absorb(module, family.output_registers)
        added = starts.take_in(module)
        added += starts.join(module)
        if absorbed.total() + added + carries.shorten(module):
            (folder / name).write_text(json.dumps(data))
        if added:
            absorbed[starts.CARRY] = -added
    (folder / GONE).write_text(json.dumps(absorbed) + "\n")


def gone(folder: Path) -> Counter[str]:
    """What finish() wrote down."""
    found = fields.load(folder / GONE)
    return Counter({kind: int(fields.number(found, kind, GONE)) for kind in found if found[kind]})
