"""Activity for power tools: what the simulator wrote down of the core, as if it were all there is.

The dumps of both simulators are of the core inside the bench.  Here the core is the topmost
instance, by its own name; times begin with the first counted cycle, and are those of the core's
own clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from s2nn_hw.ir import ToolError

from .activity import ABOVE

#: Of the clock of benches/bench_network.py, picoseconds.
PERIOD = 10_000

_DURATION = re.compile(r"\(DURATION (\d+)\)")
_NET = re.compile(r"\((\S+) \(T0 \d+\) \(T1 (\d+)\) .*\(TC (\d+)\)\)")


def saif(dump: Path, snapshot: Path, top: str, mhz: float) -> Iterator[str]:
    """Lines of a SAIF file.

    Parameters
    ----------
    dump, snapshot: Verilator's SAIF files, see Activity.read().  Both count time from the
        simulation's beginning, and what is before the snapshot, when nothing was recorded, as low.
    top: the core's name; mhz: its clock.

    Raises ToolError if they are not of the same design.
    """
    scale = _scale(mhz)
    yield from (
        "(SAIFILE\n",
        '(SAIFVERSION "2.0")\n',
        '(DIRECTION "backward")\n',
        f'(PROGRAM_NAME "s2nn-hw")\n(VERSION "{version("s2nn-hw")}")\n',
        "(DIVIDER / )\n(TIMESCALE 1 ps)\n",
    )
    depth, duration = 0, 0
    with dump.open() as lines, snapshot.open() as earlier:
        for line, before in zip(lines, earlier, strict=True):
            text = line.strip()
            if found := _DURATION.match(text):
                duration = int(found[1]) - int(_same(_DURATION, before)[1])
                yield f"(DURATION {round(duration * scale)})\n"
            elif not depth:
                if text == f"(INSTANCE {ABOVE[-1]}":
                    depth = 1
                    yield f"(INSTANCE {top}\n"
            elif found := _NET.match(text):
                one, toggles = int(found[2]), int(found[3]) - int(_same(_NET, before)[3])
                yield (
                    f"{' ' * depth}({found[1]} (T0 {round((duration - one) * scale)})"
                    f" (T1 {round(one * scale)}) (TX 0) (TC {toggles}))\n"
                )
            elif text == ")":
                depth -= 1
                yield f"{' ' * depth})\n"
                if not depth:
                    break
            else:
                yield f"{' ' * depth}{text}\n"
                depth += 1
    yield ")\n"


def vcd(dump: Path, top: str, mhz: float) -> Iterator[str]:
    """Lines of a VCD file, from Icarus's; arguments as of saif()."""
    scale, depth, start = _scale(mhz), 0, None
    with dump.open() as lines:
        for line in lines:
            if line.startswith("$date"):
                # The same run gives the same file.
                while "$end" not in line:
                    line = next(lines)
            elif line.startswith("$scope"):
                depth += 1
                if depth >= len(ABOVE):
                    yield f"$scope module {top} $end\n" if depth == len(ABOVE) else line
            elif line.startswith("$upscope"):
                if depth >= len(ABOVE):
                    yield line
                depth -= 1
            elif line.startswith("#"):
                at = int(line[1:])
                start = at if start is None else start
                yield f"#{round((at - start) * scale)}\n"
            else:
                yield line


def _scale(mhz: float) -> float:
    """Of the bench's times, which make them those of a core of that clock."""
    return 1e6 / mhz / PERIOD


def _same(kind: re.Pattern[str], line: str) -> re.Match[str]:
    """What the snapshot has where the dump has this kind of line."""
    found = kind.match(line.strip())
    if found is None:
        raise ToolError(f"the snapshot of the activity is of another core: {line.strip()!r}")
    return found
