"""Place and route: nextpnr's arguments, and what it reports."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import ToolError

from . import fields

if TYPE_CHECKING:
    from rtl_gen.platforms import Part

REPORT = "report.json"
#: What nextpnr adds to the name of a clock's net where it goes over a global one.
_GLOBAL = re.compile(r"^\$glbnet\$|_?\$glb_clk$")
LOG = "nextpnr.log"

#: What nets are routed with.  The first, which is nextpnr's own choice, gives the faster clocks,
#: and may take an hour on designs that the second is through with in minutes.
ROUTERS = ("router1", "router2")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a path: through a cell, or along a net.

    kind: ``clk-to-q``, ``logic``, ``routing`` or ``setup``.
    cell, port: where it ends; net: what it went along, None within a cell.
    """

    kind: str
    delay_ns: float
    cell: str
    port: str
    net: str | None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What a report says.

    fmax_mhz: of the clock.
    critical_path: the slowest from register to register.
    utilization: type of site → how many are used, and there.
    """

    fmax_mhz: float
    critical_path: tuple[Step, ...]
    utilization: dict[str, dict[str, int]]


def arguments(
    part: Part, *, netlist: str, mhz: float, seed: int, router: str | None = None
) -> list[str]:
    """For a netlist; a clock that is missed is for the report to say."""
    return [
        *part.nextpnr,
        *("--json", netlist, "--report", REPORT),
        *("--freq", f"{mhz:g}", "--seed", str(seed), "--timing-allow-fail"),
        *(() if router is None else ("--router", router)),
    ]


def read(path: Path, clock: Collection[str] = ()) -> Placed:
    """A report; ToolError names the field that is missing.

    Parameters
    ----------
    clock: names of the net of the clock that is asked for; none where there is but one.
    """
    data = fields.load(path)
    clocks = fields.field(data, "fmax", dict, path.name)
    clock = _clock(clocks, clock, path.name)
    found = clocks[clock]
    paths = fields.field(data, "critical_paths", list, path.name)
    inside = [
        entry
        for entry in paths
        if all(fields.field(entry, end, str, path.name).endswith(f" {clock}") for end in ENDS)
    ]
    if not inside:
        raise ToolError(f"{path.name}: 'critical_paths' holds none from {clock} to {clock}")
    worst = max(inside, key=lambda entry: _delay(entry, path.name))
    used = fields.field(data, "utilization", dict, path.name)
    return Placed(
        fmax_mhz=fields.number(found, "achieved", f"{path.name}: fmax"),
        critical_path=tuple(
            _step(step, path.name) for step in fields.field(worst, "path", list, path.name)
        ),
        utilization={
            site: {
                name: int(fields.number(numbers, name, f"{path.name}: {site}"))
                for name in ("used", "available")
            }
            for site, numbers in used.items()
        },
    )


ENDS = ("from", "to")


def _clock(clocks: Collection[str], wanted: Collection[str], where: str) -> str:
    """What the report calls the one that is wanted, or the only one."""
    found = [name for name in clocks if not wanted or _GLOBAL.sub("", name) in wanted]
    if len(found) == 1:
        return found[0]
    if not wanted:
        raise ToolError(f"{where}: the report must tell of one clock, not of {len(clocks)}")
    known = ", ".join(sorted(clocks)) or "none"
    raise ToolError(
        f"{where}: the report must tell of the core's clock, {' or '.join(sorted(wanted))}, once; "
        f"its clocks: {known}"
    )


def _delay(entry: Any, where: str) -> float:
    steps = fields.field(entry, "path", list, where)
    return sum(fields.number(step, "delay", where) for step in steps)


def _step(step: Any, where: str) -> Step:
    end = fields.field(step, "to", dict, where)
    kind = fields.field(step, "type", str, where)
    return Step(
        kind=kind,
        delay_ns=round(fields.number(step, "delay", where), 3),
        cell=fields.field(end, "cell", str, where),
        port=fields.field(end, "port", str, where),
        net=fields.field(step, "net", str, where) if kind == "routing" else None,
    )
