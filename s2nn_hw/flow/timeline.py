"""What every layer did in the first frames of the stream, as the simulation saw it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from s2nn_hw import schema

from .emit import Core
from .stimulus import Stimulus

if TYPE_CHECKING:
    from sim.observation import Observation

TIMELINE = schema.TIMELINE.file
#: Frames that are shown at the most: the first enters an empty core, the last ones a full one.
FRAMES = 8
#: Spans of all layers together, of some twenty bytes each.
SPANS = 12_000


def timeline(core: Core, played: Stimulus, seen: Observation, simulator: str) -> str:
    """The file of a core that passed.

    Cycle 0 is that in which the first beat of the stream was taken; ``cycles`` were watched, to the
    last result of ``frames``, or WATCHED of the harness, or as many as SPANS are enough for, and
    then ``frames`` is the first one alone if not even that was through.  ``layers`` has of each
    layer and pool the cycles in which it worked, waited and was held, see rtl_gen.watches, and as
    spans (what, from, to) in which of them.
    """
    from sim.harness import HELD, WAITS, WATCHED, WORKS

    names = {WORKS: "work", WAITS: "wait", HELD: "held"}
    manifest = core.manifest
    begin = int(seen.changed[0])
    changed = seen.changed - begin
    begins = [_begins(changed, doing) for doing in seen.doing.T]
    starts = np.sort(np.concatenate([changed[at] for at in begins]))
    most = min([WATCHED, *starts[SPANS : SPANS + 1].tolist()])
    frames = _frames(core, played, seen, begin, most)
    cycles = min(most, frames[-1]["last_out"] + 1)
    layers = []
    for watch, doing, at in zip(manifest.watches, seen.doing.T, begins, strict=True):
        edges = [*(start for start in changed[at].tolist() if start < cycles), cycles]
        spans = [
            [names[what], start, end]
            for what, start, end in zip(
                doing[at].tolist()[: len(edges) - 1], edges[:-1], edges[1:], strict=True
            )
        ]
        total = {
            name: sum(end - start for what, start, end in spans if what == name)
            for name in names.values()
        }
        layers.append({"name": watch.layer, "cycles": total, "spans": spans})
    data = {
        "schema": schema.TIMELINE.version,
        "digest": manifest.digest,
        "simulator": simulator,
        "cycles": cycles,
        "frames": frames,
        "layers": layers,
    }
    return json.dumps(data, separators=(",", ":")) + "\n"


def _begins(changed: npt.NDArray[np.int64], doing: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Where a layer began to do something else, as indices of the changes."""
    new = np.ones(len(changed), dtype=np.bool_)
    new[1:] = doing[1:] != doing[:-1]
    return np.flatnonzero(new)


def _frames(
    core: Core, played: Stimulus, seen: Observation, begin: int, most: int
) -> list[dict[str, Any]]:
    """The first frames of the stream that were through in so many cycles, at least one."""
    accepted = seen.accepted.reshape(-1, core.manifest.input.beats)[played.alone :] - begin
    delivered = seen.delivered.reshape(-1, core.manifest.output.beats)[played.alone :] - begin
    through = int((delivered[:FRAMES, -1] < most).sum())
    return [
        {
            "frame": k,
            "first_in": int(accepted[k, 0]),
            "last_in": int(accepted[k, -1]),
            "first_out": int(delivered[k, 0]),
            "last_out": int(delivered[k, -1]),
        }
        for k in range(max(1, through))
    ]
