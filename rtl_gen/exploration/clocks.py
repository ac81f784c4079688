"""Clocks that a core may be made for, and the one that it will reach."""

from collections.abc import Mapping, Sequence
from math import inf, log2

from rtl_gen.fabric import Fabric
from rtl_gen.platforms.family import Family


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

    chosen: engine and lanes of each layer.

    ``additions`` and ``tables`` in a cycle, where there are engines that have the one or the other;
    lanes of the widest layer and the share of the device, as wires get longer with both.
    """
    engines = {engine for engine, _ in chosen}
    adds = bool(engines & {"event", "parallel"})
    found = {f"{fabric.additions} additions": 1.0} if adds else {}
    if not adds:
        found[f"{fabric.tables} tables"] = 1.0
    lanes = max((n for engine, n in chosen if engine == "event"), default=1)
    inputs = max((n for engine, n in chosen if engine == "parallel"), default=1)
    return found | {
        "lanes": log2(lanes),
        "inputs": log2(inputs),
        "fill": used["lut"] / capacity["lut"],
    }
