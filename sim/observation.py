"""What a simulation saw, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True, eq=False)
class ProbeLog:
    """Firings of one probe: cycles int64 (n,), data uint8 (n, bits), undefined bits as 0."""

    cycles: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """Everything that crossed the core's ports and probes; cycle 0 is the first after reset.

    Parameters
    ----------
    manifest, vectors: digests of what was simulated.
    simulator: ``verilator`` or ``icarus``.
    accepted: int64 (n,), cycle of each input beat.
    delivered: int64 (m,), cycle of each output beat.
    beats: its data, integers.
    last: bool (m,), its TLAST.
    probes: by layer.
    violations: (cycle, rule) of the m_axis protocol, the first hundred; a rule is
        ``valid-dropped``, ``data-changed``, ``last-changed`` or ``x`` (undefined bits).
    errors: (cycle, value) whenever ``frame_error`` was seen to change.
    counters: by name, at the end; None where undefined.
    timed_out: the core hung and the run was given up.
    cycles: simulated in all.
    toggles: module path → net → toggles, from the offering of the marked beat to the last result
        due; empty if activity was switched off.
    toggle_cycles: clock edges within that time.
    build_seconds, run_seconds: wall clock; the first is 0.0 if nothing had to be built.
    """

    manifest: str
    vectors: str
    simulator: str
    accepted: npt.NDArray[np.int64]
    delivered: npt.NDArray[np.int64]
    beats: list[int]
    last: npt.NDArray[np.bool_]
    probes: dict[str, ProbeLog]
    violations: tuple[tuple[int, str], ...]
    errors: tuple[tuple[int, int], ...]
    counters: dict[str, int | None]
    timed_out: bool
    cycles: int
    toggles: dict[str, dict[str, int]] = field(default_factory=dict)
    toggle_cycles: int = 0
    build_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def module_toggles(self) -> dict[str, int]:
        """Toggles of the nets of each module itself, without its submodules."""
        return {module: sum(nets.values()) for module, nets in self.toggles.items()}
