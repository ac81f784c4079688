"""Clocks that a core may be made for, and the one that it will reach."""

from collections.abc import Iterable, Mapping, Sequence
from math import inf, log2

from rtl_gen.fabric import Fabric
from rtl_gen.platforms.family import Family

#: Feature that goes with the widest layer of an engine → the engine.
WIDTHS = {"lanes": "event", "inputs": "parallel"}

#: What reads windows of maps adds addresses up, whatever the engine behind it.
WINDOWS = ("windows", 1)


def classes(family: Family) -> list[tuple[float, float, Fabric]]:
    """Ranges of MHz, the fastest first, in each of which register stages are the same.

    Above the first, up to and with the second.
    """
    bounds = sorted({0.0, inf, *family.additions, *(t for t in family.tables if t < inf)})
    return [
        (low, high, family.fabric(None if high == inf else high))
        for low, high in zip(bounds[-2::-1], bounds[:0:-1], strict=True)
    ]


def features(
    fabric: Fabric,
    chosen: Sequence[tuple[str, int]],
    used: Mapping[str, float],
    capacity: Mapping[str, int],
) -> dict[str, float]:
    """What the logarithm of a clock depends on; see Costs.mhz().

    chosen: engine and lanes of each layer, and WINDOWS where there are maps.

    ``additions`` and ``tables`` in a cycle, where there are engines that have the one or the other;
    WIDTHS of the widest layer and the share of the device, as wires get longer with both.
    """
    found = {plain(fabric, [engine for engine, _ in chosen]): 1.0}
    for name in WIDTHS:
        found[name] = max((width(name, *layer) for layer in chosen), default=0.0)
    return found | {"fill": used["lut"] / capacity["lut"]}


def plain(fabric: Fabric, engines: Iterable[str]) -> str:
    """The feature that a core of these engines has, whatever its size."""
    adds = not {"event", "parallel", WINDOWS[0]}.isdisjoint(engines)
    return f"{fabric.additions} additions" if adds else f"{fabric.tables} tables"


def width(feature: str, engine: str, lanes: int) -> float:
    """A layer's part of one of WIDTHS."""
    return log2(lanes) if engine == WIDTHS[feature] else 0.0
