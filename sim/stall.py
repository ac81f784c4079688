"""Named patterns of idle sources and busy sinks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError

from .harness import READY_PERIOD

Waits = npt.NDArray[np.int64]
Ready = npt.NDArray[np.bool_]


def _none(rng: np.random.Generator, beats: int) -> tuple[Waits, Ready]:
    """Always valid, always ready."""
    return np.zeros(beats, np.int64), np.ones(READY_PERIOD, np.bool_)


def _random(rng: np.random.Generator, beats: int) -> tuple[Waits, Ready]:
    """Each beat late by up to four cycles half of the time; a sink ready every other cycle."""
    waits = rng.integers(1, 5, beats) * (rng.random(beats) < 0.5)
    return waits.astype(np.int64), rng.random(READY_PERIOD) < 0.5


def _bursty(rng: np.random.Generator, beats: int) -> tuple[Waits, Ready]:
    """Long runs and long pauses on both sides."""
    waits = rng.integers(50, 200, beats) * (rng.random(beats) < 0.02)
    ready = np.repeat(rng.random(READY_PERIOD // 64) < 0.5, 64)
    return waits.astype(np.int64), ready


def _slow_source(rng: np.random.Generator, beats: int) -> tuple[Waits, Ready]:
    """A beat every eight cycles or so, and a sink that never waits."""
    return rng.integers(4, 12, beats).astype(np.int64), np.ones(READY_PERIOD, np.bool_)


def _slow_sink(rng: np.random.Generator, beats: int) -> tuple[Waits, Ready]:
    """A source that never waits, and a sink ready in one cycle of sixty-four."""
    return np.zeros(beats, np.int64), rng.random(READY_PERIOD) < 1 / 64


PATTERNS: dict[str, Callable[[np.random.Generator, int], tuple[Waits, Ready]]] = {
    "none": _none,
    "random": _random,
    "bursty": _bursty,
    "slow-source": _slow_source,
    "slow-sink": _slow_sink,
}


def stall(name: str, beats: int, seed: int) -> tuple[Waits, Ready]:
    """Waits of so many beats and the sink's pattern; the same for the same seed."""
    if name not in PATTERNS:
        raise InputError(f"stall must be one of {', '.join(PATTERNS)}, not {name!r}")
    waits, ready = PATTERNS[name](np.random.default_rng(seed), beats)
    ready[0] = True  # every pattern lets something through
    return waits, ready
