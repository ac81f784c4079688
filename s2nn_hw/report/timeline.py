"""When each layer works, waits and is held, as ``timeline.json`` has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from s2nn_hw.ir import InputError

#: What a layer does in a cycle: takes something, has nothing to take, cannot give what it has.
STATES = ("work", "wait", "held")

#: Of a layer's row.  States differ in height, too, for those who do not see colours.
HEIGHT = 20
_TALL = {"work": 20, "held": 12, "wait": 3}


def check(data: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    """Raise InputError unless it is of these layers, whose spans are all of its cycles.

    Frames were through in these, but for one that is alone.
    """
    known, cycles = list(names), data["cycles"]
    for layer in data["layers"]:
        name = layer["name"]
        if name not in known:
            raise InputError(f"{where}: its layer {name!r} is not one of the core's")
        counted, at = dict.fromkeys(STATES, 0), 0
        for state, start, end in layer["spans"]:
            if start != at or end <= start:
                raise InputError(
                    f"{where}: layer {name!r}: a span must begin at cycle {at} and not be empty, "
                    f"which [{start}, {end}) is not"
                )
            counted[state] += end - start
            at = end
        if at != cycles:
            raise InputError(f"{where}: layer {name!r}: its spans must end at {cycles}, not {at}")
        if counted != layer["cycles"]:
            raise InputError(
                f"{where}: layer {name!r}: its spans have {counted}, its cycles {layer['cycles']}"
            )
    found = [layer["name"] for layer in data["layers"]]
    if found != known:
        raise InputError(
            f"{where}: its layers must be those of the core, {', '.join(known)}, "
            f"not {', '.join(found) or 'none'}"
        )
    for frame in data["frames"] if len(data["frames"]) > 1 else ():
        if frame["last_out"] >= cycles:
            raise InputError(
                f"{where}: frame {frame['frame']}: its last_out must be before cycle {cycles}, "
                f"not {frame['last_out']}"
            )


def bottleneck(data: Mapping[str, Any]) -> str | None:
    """The layer that works in the most cycles; None where there is none."""
    layers = data["layers"]
    most = max(layers, key=lambda layer: layer["cycles"]["work"], default=None)
    return None if most is None else str(most["name"])


def paths(spans: Iterable[tuple[str, int, int]]) -> dict[str, str]:
    """State → the path of all its spans in SVG, a unit a cycle, on a ground at HEIGHT."""
    found = dict.fromkeys(STATES, "")
    for state, start, end in spans:
        tall = _TALL[state]
        found[state] += f"M{start} {HEIGHT - tall}h{end - start}v{tall}h{start - end}z"
    return found


def ticks(cycles: int, *, most: int = 10) -> list[int]:
    """Round numbers along an axis that begins at 0."""
    step = 1
    while cycles > most * step:
        step = step * 2 if not str(step).startswith("2") else step * 5 // 2
    return list(range(0, cycles + 1, step))
