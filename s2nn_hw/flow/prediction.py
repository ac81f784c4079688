"""What a plan is expected to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: What is predicted of a device.
RESOURCES = ("lut", "ff", "bram", "spram")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a plan is expected to be, its options and how they were found aside.

    Parameters
    ----------
    engine, lanes, windows, memory: of each layer that has synapses, as ``emit`` takes them.
    freq: clock that it is made for, MHz; fmax_mhz: that it is expected to reach.
    lut, ff, bram, spram: of the device, a board's shell included; area: mean of their shares of it.
    interval_cycles, latency_cycles: means, of frames that follow each other, and of frames alone.
    inferences_per_second, latency_seconds: of these, at ``freq``.
    """

    engine: tuple[str, ...]
    lanes: tuple[int, ...]
    windows: tuple[int, ...]
    memory: tuple[str, ...]
    freq: float
    fmax_mhz: float
    lut: int
    ff: int
    bram: int
    spram: int
    area: float
    interval_cycles: float
    latency_cycles: float
    inferences_per_second: float
    latency_seconds: float

    @property
    def options(self) -> dict[str, Any]:
        """Of each layer that has synapses."""
        return {name: getattr(self, name) for name in ("engine", "lanes", "windows", "memory")}
