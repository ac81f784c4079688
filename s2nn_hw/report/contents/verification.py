"""What is read of ``verify.json``."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from .content import Content, Count, Interval, Positive, Real, Share, Size


class Spread(Content):
    """Of frames sent alone; nothing of a core that died, negative of one that answers too early."""

    min: Real | None
    mean: Real | None
    max: Real | None


class Mean(Content):
    """A mean, where there is one."""

    mean: Size | None


class Between(Content):
    """Of frames that follow each other; nothing of a single one."""

    mean: Interval | None


class Verdict(Content):
    """A check, see report.Check."""

    name: str
    passed: bool
    detail: str = ""


class VerifiedLayer(Content):
    """See flow.outcome.LayerResult."""

    name: str
    engine: str
    lanes: Positive
    events_mean: Size
    accumulates_mean: Size
    multiply_accumulates_mean: Size
    floor_cycles_mean: Size
    toggles_per_frame: Size | None


class Netlist(Content):
    """See flow.gates.NetlistResult."""

    device: str
    family: str
    passed: bool
    cells: Count
    unseen: list[str]
    netlist_toggles_per_frame: Size | None
    netlist_toggles: dict[str, Size]
    netlist_toggles_of_layers: dict[str, Size | None]


class Verification(Content):
    """See flow.VerifyResult."""

    digest: str
    passed: bool
    frames: Positive
    mismatches: Count
    accuracy: Share | None
    latency_cycles: Spread
    interval_cycles: Between
    interval_predicted_mean: Size | None
    interval_floor_mean: Size
    toggles_per_frame: Size | None
    toggle_frames: Count
    modules: dict[str, Size]
    layers: list[VerifiedLayer]
    checks: list[Verdict]
    simulator: str
    stall: str
    seed: Count
    frames_per_second: Size
    netlist: Netlist | None
    versions: dict[str, str]

    @model_validator(mode="after")
    def _agree(self) -> Self:
        failed = [check.name for check in self.checks if not check.passed]
        if self.passed and failed:
            raise ValueError(f"must not have passed, as its check {failed[0]!r} has not")
        latency = self.latency_cycles
        for value in (latency.min, latency.mean, latency.max) if self.passed else ():
            if value is None or value < 0:
                raise ValueError(f"must not have passed with a latency of {value} cycles")
        return self
