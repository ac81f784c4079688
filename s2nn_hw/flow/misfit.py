"""What is too much for a device, of a netlist, and what would fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError, Network
from s2nn_hw.toolchain import netlist

from .emit import planned
from .mapping import Design

if TYPE_CHECKING:
    from rtl_gen.platforms import Part, fit
    from s2nn_hw.manifest import LayerEntry


def fewer_lanes(network: Network, options: Mapping[str, Any]) -> fit.Smaller:
    """What the layers of a core with these options but fewer lanes would be."""
    from rtl_gen.emit import layers

    def smaller(lanes: int) -> Sequence[LayerEntry] | None:
        try:
            return layers(network, planned(network, **{**options, "lanes": lanes}))
        except InputError:
            return None

    return smaller


def misfit(
    part: Part,
    need: fit.Need,
    mapped: Path,
    design: Design,
    smaller: fit.Smaller,
    board: str | None,
) -> str | None:
    """Which resource, by how much, and what would fit; None if it may fit."""
    from rtl_gen.platforms import fit

    used, pair = dict(need.used), part.family.pair
    what = "it needs" if board is None else f"with the shell of the board {board} it needs"
    if pair is not None and not fit.excess(used, part.device):
        # Each is a logic cell of its own.
        used["lut"] += netlist.unpaired(mapped, design.top, *pair)
        what += ", with the flip-flops that share no logic cell with a look-up table,"
        if not fit.excess(used, part.device):
            what += f" of the {part.family.fill:.0%} of cells up to which placing is tried,"
            part = _fillable(part)
    if not fit.excess(used, part.device):
        return None
    return fit.message(part, replace(need, used=used), smaller, what=what)


def _fillable(part: Part) -> Part:
    """The part with as many logic cells as place and route manages to fill."""
    device = part.device
    cells = int(device.capacity["lut"] * part.family.fill)
    return replace(part, device=replace(device, capacity={**device.capacity, "lut": cells}))
