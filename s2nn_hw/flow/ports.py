"""One frame through the simulated core, for the diagram of its ports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from s2nn_hw import schema
from s2nn_hw.ir import Network
from s2nn_hw.report import Check
from s2nn_hw.report.ports import Levels, Stream, diagram

from .emit import Core, values

if TYPE_CHECKING:
    from sim.vectors import Vectors

PORTS = schema.PORTS.file
#: Cycles in which the source has nothing, at first and after the first beat, and in which the sink
#: lets the result wait.
_BEFORE, _PAUSE, _BUSY = 2, 2, 3


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What was seen of the ports.

    diagram: WaveDrom JSON; None if the check fails.
    check: whether the frame that it shows is in order; ``mismatches`` as in VerifyResult.
    """

    diagram: str | None
    check: Check
    mismatches: int


def ports(
    network: Network, core: Core, frame: npt.NDArray[np.uint8], folder: Path, simulator: str
) -> Ports:
    """Timing diagram of a frame (1, *shape) that the core in the folder is played by itself.

    The source pauses before the second beat and the sink is busy when the result comes, so that
    both kinds of stall are seen.
    """
    import sim.runner

    vectors = _vectors(network, core, frame)
    simulation = sim.runner.simulate(folder, vectors, simulator=simulator)
    manifest = core.manifest
    source, sink = (
        [Levels(valid=valid, ready=ready, last=last) for valid, ready, last in side]
        for side in simulation.seen.levels.tolist()
    )
    beats = [str(k) for k in range(1, manifest.output.beats)]
    inputs = [str(k) for k in range(manifest.input.beats)]
    streams = [
        Stream(name="s_axis", levels=source, labels=inputs),
        Stream(name="m_axis", levels=sink, labels=[f"class {vectors.classes[0]}", *beats]),
    ]
    failed = [f"{v.name}: {v.detail}" for v in simulation.verdicts if not v.passed]
    title = f"{manifest.top}: a frame and its result, source and sink stalling once"
    return Ports(
        diagram=None if failed else diagram(streams, title=title, digest=manifest.digest),
        check=Check(
            name="ports diagram",
            passed=not failed,
            detail="; ".join(failed) or "the frame that it shows is in order",
        ),
        mismatches=sum(verdict.mismatches for verdict in simulation.verdicts),
    )


def _vectors(network: Network, core: Core, frame: npt.NDArray[np.uint8]) -> Vectors:
    from rtl_gen import timing
    from s2nn_hw import golden
    from sim.harness import READY_PERIOD
    from sim.vectors import Vectors

    manifest = core.manifest
    trace = golden.run(network, frame)
    every = values(network, frame, trace)
    waits = np.zeros((1, manifest.input.beats), np.int64)
    waits[0, :2] = [_BEFORE, _PAUSE][: manifest.input.beats]
    ready = np.ones(READY_PERIOD, np.bool_)

    def predicted() -> timing.Schedule:
        source = timing.Source(waits=waits, alone=np.array([True]), settle=0, ready=ready)
        return timing.schedule(core.plan, every, source)

    comes = int(predicted().delivered[0, 0])
    ready[np.arange(comes, comes + _BUSY) % READY_PERIOD] = False
    schedule = predicted()
    last = np.zeros(manifest.input.beats, np.bool_)
    last[-1] = True
    return Vectors(
        digest=manifest.digest,
        data=manifest.input.pack(network.sent(frame))[0],
        last=last,
        waits=waits[0],
        need=np.zeros(manifest.input.beats, np.int64),
        ready=ready,
        spikes={p.layer: every[p.layer] for p in manifest.probes},
        scores=trace.scores,
        classes=trace.classes,
        accepted=schedule.accepted.reshape(-1),
        delivered=schedule.delivered.reshape(-1),
        timeout=manifest.timing["latency_bound"] + READY_PERIOD,
        levels=True,
    )
