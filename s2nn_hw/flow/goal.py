"""What a plan is wanted for."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from s2nn_hw.ir import InputError


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a plan is wanted for; without any of these for as many inferences a second as can be.

    Plans within 3 % of the fastest are taken to be as fast, as predictions are no surer: then the
    smallest of these.

    Parameters
    ----------
    target_fps: inferences a second, with the least area.
    max_latency: seconds from a frame's first beat to its result's last, with the least area.
    min_area: whether the least area is all that counts.
    """

    target_fps: float | None = None
    max_latency: float | None = None
    min_area: bool = False

    def __post_init__(self) -> None:
        if len(self.given) > 1:
            raise InputError(f"one goal must be given, not {' and '.join(self.given)}")
        for name in ("target_fps", "max_latency"):
            value = getattr(self, name)
            if value is not None and not (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
                and value > 0
            ):
                raise InputError(f"{name} must be a number above 0, not {value!r}")

    @property
    def given(self) -> dict[str, Any]:
        """What of it is given."""
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None and value is not False
        }
