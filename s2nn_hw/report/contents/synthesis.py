"""What is read of ``synth.json``."""

from __future__ import annotations

from .content import Content, Count, Interval, Real, Share, Size, Whole


class Units(Content):
    """Of each resource."""

    lut: Whole
    ff: Whole
    carry: Whole
    bram: Whole
    spram: Whole
    dsp: Whole


class Used(Content):
    """Of a resource of a device."""

    used: Count
    capacity: Count
    percent: Size | None


class Accumulators(Content):
    """Over the least that they could take."""

    used: Count
    floor: Count
    over_floor: Size


class Stored(Content):
    """A memory of weights."""

    path: str
    ram_bits: Count


class Weights(Content):
    """All of them."""

    bits: Count
    share: Share | None
    memories: list[Stored]


class Clock(Content):
    """MHz, by seed of place and route."""

    seeds: dict[str, Size | None]
    best: Size
    target: Size


class Rate(Content):
    """At a clock."""

    mhz: Size
    inferences_per_second: Count


class Step(Content):
    """See toolchain.nextpnr.Step; a clock that comes late makes a delay negative."""

    kind: str
    delay_ns: Real
    cell: str
    port: str
    net: str | None


class Synthesis(Content):
    """See flow.SynthResult."""

    digest: str
    board: str | None
    device: str
    family: str
    lut: Used
    ff: Used
    carry: Used
    bram: Used
    spram: Used
    dsp: Used
    layers: dict[str, Units]
    accumulators: dict[str, Accumulators]
    weights: Weights
    fmax_mhz: Clock | None
    timing_met: bool | None
    critical_path: list[Step]
    interval_cycles: Interval
    interval_of: str
    inferences_per_second: Count | None
    at_clock: Rate | None
    seconds: dict[str, Size]
    cached: list[str]
    bitstream: str | None
    versions: dict[str, str]
