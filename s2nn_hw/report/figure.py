"""A number that says where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """How a figure came to be."""

    SIMULATED = "simulated"
    PREDICTED = "predicted"
    MEASURED = "measured"
    ESTIMATED = "estimated"
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value, where it comes from, and how it is made.

    Parameters
    ----------
    value: None where it is not known, never 0.
    unit: for people; of a ``share`` the value is 0…1.
    origin: ``measured``, ``simulated``, ``predicted``, ``estimated`` or ``absent``.
    command: that makes it, also where it is absent.
    source: where the value stands, ``verify.json#/latency_cycles/mean`` (RFC 6901); empty of what
        is computed from other figures.
    """

    value: float | None
    unit: str
    origin: Origin
    command: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        assert (self.value is None) == (self.origin is Origin.ABSENT)

    @classmethod
    def of(
        cls, value: object, unit: str, origin: Origin, *, command: str = "", source: str = ""
    ) -> Figure:
        """The figure, absent unless the value is a number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return cls(value=None, unit=unit, origin=Origin.ABSENT, command=command)
        return cls(value=value, unit=unit, origin=origin, command=command, source=source)

    def text(self) -> str:
        """For people: value and unit, or ``absent``."""
        return spoken(self.value, self.unit)


def spoken(value: float | None, unit: str = "") -> str:
    """A number for people with its unit; a share in per cent, None as ``absent``."""
    if value is None:
        return "absent"
    if unit == "share":
        return f"{100 * value:.2f} %"
    whole = isinstance(value, int) or value >= 100_000
    number = f"{value:,.0f}" if whole else f"{value:,.2f}"
    return f"{number} {unit}".rstrip()
