"""Synthesis: yosys' script, and what it reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from s2nn_hw.ir import ToolError

from . import fields

if TYPE_CHECKING:
    from rtl_gen.platforms import Family

SCRIPT = "synth.ys"
LOG = "synth.log"
STAT = "stat.json"
NETLIST = "netlist.json"
#: Without pins but the clock; see ``Family``.
UNBOUND = "unbound.json"
MEMORIES = "memories.json"

#: Sums that are added on in the same cycle: what is not to be kept, yosys makes compressors of,
#: which take twice the look-up tables.
ADDENDS = "*_accumulator*/w:sum_*"
#: Where things are from, the cells' library too: on another machine it would be another netlist.
_STRIP = ("src", "module_not_derived")


def script(family: Family, reads: Sequence[str], top: str, *, pins: bool) -> str:
    """Commands that map a design; they run in the folder of its files.

    The memories are written down as they were read, before anything is made of them.

    Parameters
    ----------
    reads: commands that read the files.
    pins: whether its ports are pins; of a core alone there is a netlist without them beside.
    """
    strip = " ".join(f"-unset {name}" for name in _STRIP)
    commands = [
        *reads,
        f"hierarchy -top {top}",
        "select -set contents t:$meminit*",
        "select -set homes @contents %m",
        "proc @homes",
        "select @contents",
        f"write_json -selected {MEMORIES}",
        "select -clear",
        f"setattr -set keep 1 {ADDENDS}",
        *family.before,
        f"{family.synthesis} -top {top}",
        *family.after,
        f"setattr {strip} =*/w:* =*/t:*",
        f"setattr -mod {strip} =*",
        f"tee -q -o {STAT} stat -json",
        f"write_json {NETLIST}",
    ]
    if family.nextpnr is not None and not pins:
        commands += [*family.unbound, f"write_json {UNBOUND}"]
    return "\n".join(commands) + "\n"


def cells(stat: Path) -> dict[str, int]:
    """Type of cell → how many, of the whole design, from ``stat -json``."""
    data = fields.load(stat)
    design = fields.field(data, "design", dict, stat.name)
    counts = fields.field(design, "num_cells_by_type", dict, stat.name)
    return {
        kind: fields.typed(count, int, stat.name, kind)
        for kind, count in counts.items()
        if kind != "$scopeinfo"
    }


def area(counts: Mapping[str, int], family: Family) -> Counter[str]:
    """Resource → units, of so many cells; ToolError names a type that the family does not have."""
    used: Counter[str] = Counter()
    for kind, count in counts.items():
        if kind not in family.cells:
            raise ToolError(
                f"yosys made {count} cells {kind}, of which it is not known what they take of "
                f"{family.title}"
            )
        for resource, units in family.cells[kind].items():
            used[resource] += units * count
    return used


def check_memories(report: Path, files: Mapping[str, str], row_bits: Mapping[str, int]) -> None:
    """Raise ToolError unless every memory file was read, whole and as it is.

    Parameters
    ----------
    report: the script's ``memories.json``.
    files: name → text, a word in hexadecimal a line; row_bits: name → bits of a word.
    """
    seen = set(_contents(report))
    for name, text in files.items():
        width = row_bits[name]
        words = [int(line, 16) for line in text.split()]
        wanted = "".join(f"{word:0{width}b}"[::-1] for word in words)
        if wanted not in seen:
            raise ToolError(f"{name}: yosys did not read this memory's contents as they are")


def _contents(report: Path) -> Iterable[str]:
    """Initial contents of all memories, the lowest bit first."""
    data = fields.load(report)
    for module in fields.field(data, "modules", dict, report.name).values():
        for name, cell in fields.field(module, "cells", dict, report.name).items():
            connections = fields.field(cell, "connections", dict, f"{report.name}: {name}")
            bits = fields.field(connections, "DATA", list, f"{report.name}: {name}")
            yield "".join(map(str, bits))
