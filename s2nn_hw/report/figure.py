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
    """A value with unit and origin; one that is not known is ``absent`` and None, never 0."""

    value: float | None
    unit: str
    origin: Origin

    def __post_init__(self) -> None:
        assert (self.value is None) == (self.origin is Origin.ABSENT)

    @classmethod
    def of(cls, value: object, unit: str, origin: Origin) -> Figure:
        """The figure, absent unless the value is a number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return cls(value=None, unit=unit, origin=Origin.ABSENT)
        return cls(value=value, unit=unit, origin=origin)

    def text(self) -> str:
        """For people: value and unit, or ``absent``."""
        if self.value is None:
            return "absent"
        if self.unit == "share":
            return f"{100 * self.value:.2f} %"
        whole = isinstance(self.value, int) or self.value >= 100_000
        number = f"{self.value:,.0f}" if whole else f"{self.value:,.2f}"
        return f"{number} {self.unit}".rstrip()
