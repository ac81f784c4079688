"""What to play to a core, and what the golden model and the timing model say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from s2nn_hw import energy
from s2nn_hw.energy import Operations
from s2nn_hw.ir import Network

from .emit import Core, Progress, values

if TYPE_CHECKING:
    from rtl_gen.timing import Schedule
    from s2nn_hw.golden import Trace
    from sim.vectors import Vectors

#: So many frames are sent alone, for their latency, before all are streamed.
ALONE = 64
#: Cycles of the stream that toggles are counted over, about: dumping them takes half a minute.
ACTIVE_CYCLES = 100_000
#: Cycles without a handshake that a working core may need, beyond its latency: the stalls' share.
PATIENCE = 10_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Stimulus:
    """A few frames alone, and then all of them in a stream.

    alone: how many of the first frames are sent alone before.
    active: how many of the first frames of the stream toggles are counted over.
    trace: golden, of the frames.
    predicted: the schedule of the alone frames and then of the stream.
    floors: per layer, the fewest cycles, (frames,).
    events: per layer, (frames,).
    operations: of the arithmetic, per layer that has synapses, see energy.operations().
    vectors: for the bench.
    """

    alone: int
    active: int
    trace: Trace
    predicted: Schedule
    floors: dict[str, npt.NDArray[np.int64]]
    events: dict[str, npt.NDArray[np.int64]]
    operations: dict[str, Operations]
    vectors: Vectors


def stimulus(
    network: Network,
    core: Core,
    frames: npt.NDArray[np.uint8],
    *,
    stall: str,
    seed: int,
    progress: Progress,
) -> Stimulus:
    """The stimulus for frames (n, *shape); InputError on an unknown stall pattern."""
    from rtl_gen import timing
    from s2nn_hw import golden
    from sim import harness
    from sim import stall as patterns
    from sim.vectors import Vectors

    count = len(frames)
    trace = golden.run(network, frames, progress=lambda done: progress("golden model", done, count))
    every = values(network, frames, trace)
    first = min(ALONE, count)
    sent = np.concatenate([np.arange(first), np.arange(count)])
    steps = (sent[:, None] * network.steps + np.arange(network.steps)).reshape(-1)
    alone = np.arange(len(sent)) < first
    # The stream starts from rest, too, so that the two parts do not touch.
    alone[first] = True
    port, results = core.manifest.input, core.manifest.output.beats
    waits, ready = patterns.stall(stall, len(sent) * port.beats, seed)
    waits = waits.reshape(len(sent), port.beats)
    predicted = timing.schedule(
        core.plan,
        {name: array[steps] for name, array in every.items()},
        timing.Source(waits=waits, alone=alone, settle=harness.SETTLE, ready=ready),
    )
    need = np.zeros((len(sent), port.beats), dtype=np.int64)
    need[:, 0] = np.where(alone, np.arange(len(sent)) * results, 0)
    last = np.zeros((len(sent), port.beats), dtype=np.bool_)
    last[:, -1] = True
    beats = port.pack(network.sent(frames))[sent]
    active = _active(predicted, first)

    def a_frame(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The sum of its steps."""
        summed: npt.NDArray[np.int64] = counts.reshape(count, -1).sum(axis=1)
        return summed

    return Stimulus(
        alone=first,
        active=active,
        trace=trace,
        predicted=predicted,
        floors=timing.floors(core.plan, every),
        operations=energy.operations(network, every, count),
        events={node.layer: a_frame(timing.events(node, every)) for node in core.plan.layers},
        vectors=Vectors(
            digest=core.manifest.digest,
            data=beats.reshape(len(sent) * port.beats, -1),
            last=last.reshape(-1),
            waits=waits.reshape(-1),
            need=need.reshape(-1),
            ready=ready,
            spikes={p.layer: every[p.layer][steps] for p in core.manifest.probes},
            scores=trace.scores[sent],
            classes=trace.classes[sent],
            accepted=predicted.accepted.reshape(-1),
            delivered=predicted.delivered.reshape(-1),
            dump=first * port.beats,
            watch=first * port.beats,
            warm=(first - 1) * port.beats,
            dump_end=None if active == count else (first + active) * port.beats,
            timeout=core.manifest.timing["latency_bound"] + PATIENCE,
        ),
    )


def _active(predicted: Schedule, alone: int) -> int:
    """Frames of the stream, after those sent alone, that fit into ACTIVE_CYCLES; at least one."""
    began = predicted.accepted[alone:, 0]
    return max(1, int((began - began[0] <= ACTIVE_CYCLES).sum()))
