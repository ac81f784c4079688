"""Compares what a simulation saw with what the golden model says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from s2nn_hw.manifest import Manifest
from s2nn_hw.report.check import Check

from .observation import Observation
from .vectors import Vectors


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """What must come out, for the frames that are answered, in order.

    spikes: hidden layer → uint8 (n, neurons).
    scores: int64 (n, classes).
    classes: int64 (n,).
    delivered: int64 (n, output beats), predicted cycle of each output beat; None: not compared.
    accepted: int64 (input beats,), predicted cycle of each input beat; None: not compared.
    errors: int, bits of ``frame_error`` that must have been seen by the end; no others may.
    """

    spikes: dict[str, npt.NDArray[np.uint8]]
    scores: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    delivered: npt.NDArray[np.int64] | None = None
    accepted: npt.NDArray[np.int64] | None = None
    errors: int = 0


def compare(
    manifest: Manifest, vectors: Vectors, seen: Observation, expected: Expected
) -> tuple[Check, ...]:
    """Every check, passed or not; the detail of a failed one names the first difference."""
    raise NotImplementedError
