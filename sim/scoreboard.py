"""The verdict: what was seen against what the golden model says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.manifest import Manifest

from .observation import Observation
from .vectors import Expected


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One check.

    mismatches: values that differ, 0 if it passed.
    """

    name: str
    passed: bool
    mismatches: int
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judge(manifest: Manifest, seen: Observation, expected: Expected) -> list[Verdict]:
    """Every check, in the same order for every run of a core."""
    frames, beats = len(expected.scores), manifest.output.beats
    verdicts = [
        _verdict("digest", expected.digest == manifest.digest, "vectors and core belong together"),
        _verdict("alive", not seen.timed_out, "the core answers to the end"),
        _verdict(
            "frames",
            len(seen.delivered) == frames * beats,
            f"{len(seen.delivered)} beats of results for {frames} frames of {beats}",
        ),
        _verdict(
            "stream rules",
            not seen.violations,
            f"{len(seen.violations)} breaches"
            + (f", the first in cycle {seen.violations[0]}" if seen.violations else ""),
        ),
        _same(
            "TLAST",
            seen.lasts,
            np.tile(np.arange(beats) == beats - 1, frames).astype(np.int64),
            ("beat",),
        ),
        _verdict(
            "frame_error",
            seen.errors == expected.errors,
            f"values {list(seen.errors)}, expected {list(expected.errors)}",
        ),
    ]
    for probe in manifest.probes:
        verdicts.append(
            _same(
                f"spikes {probe.layer}",
                seen.spikes[probe.layer],
                probe.expected(expected.spikes[probe.layer]),
                ("frame" if probe.pixels == 1 else "pixel", "neuron"),
            )
        )
    whole = [max(value, 0) for value in seen.results]
    whole = whole[: len(whole) // beats * beats]
    classes, scores = manifest.output.unpack(whole)
    verdicts += [
        _same("scores", scores, expected.scores, ("frame", "class")),
        _same("classes", classes, expected.classes, ("frame",)),
    ]
    if expected.accepted is not None:
        verdicts.append(_same("cycles in", seen.accepted, expected.accepted, ("beat",)))
    if expected.delivered is not None:
        verdicts.append(_same("cycles out", seen.delivered, expected.delivered, ("beat",)))
    return verdicts


def _verdict(name: str, passed: bool, detail: str) -> Verdict:
    return Verdict(name=name, passed=bool(passed), mismatches=0 if passed else 1, detail=detail)


def _same(
    name: str,
    seen: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    axes: tuple[str, ...],
) -> Verdict:
    """Element by element; what one side lacks counts as different."""
    common = min(len(seen), len(expected))
    differ = seen[:common] != expected[:common]
    longer = max(seen[common:].size, expected[common:].size)
    count = int(differ.sum()) + longer
    detail = f"{expected.size} values agree"
    if differ.any():
        at = tuple(int(k) for k in np.argwhere(differ)[0])
        place = ", ".join(f"{axis} {k}" for axis, k in zip(axes, at, strict=True))
        detail = f"{place}: {int(seen[at])}, expected {int(expected[at])}; {count} differ"
    elif longer:
        detail = f"{len(seen)} {axes[0]}s, expected {len(expected)}"
    return Verdict(name=name, passed=count == 0, mismatches=count, detail=detail)
