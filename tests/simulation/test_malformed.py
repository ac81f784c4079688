"""Frames whose TLAST comes early or late: dropped, told, and harmless to their neighbours."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from s2nn_hw import golden
from s2nn_hw.flow.emit import values
from sim import stall

#: What is wrong with a frame → TLAST of each beat sent, given the beats of a whole one.
FAULTS = {
    "first": lambda beats: [True],
    "early": lambda beats: [False] * (beats - 2) + [True],
    "late": lambda beats: [False] * beats + [True],
    "very late": lambda beats: [False] * (5 * beats + 1) + [True],
    "twice as long": lambda beats: [False] * (2 * beats - 1) + [True],
}
EARLY = {"first", "early"}

#: One of each between whole frames, the last frame malformed too.
MIXED = ["", "first", "", "", "very late", "", "early", "", "twice as long", "", "late"]


def cut(port, frame: np.ndarray, beats: int) -> np.ndarray:
    """The frame as it runs on after so many beats: the rest of its values are zero."""
    values = frame.reshape(port.channels, -1).T.reshape(-1).copy()
    values[beats * port.pixels_per_beat :] = 0
    return values.reshape(-1, port.channels).T.reshape(frame.shape)


def malformed(made, faults: list[str], pattern: str, seed: int = 3):
    """Vectors of one frame a fault, a whole one where that is empty.

    Malformed frames run through the hidden layers and end in the readout.
    """
    port, beats = made.core.manifest.input, made.core.manifest.input.beats
    rng = np.random.default_rng(seed)
    last, data, errors, frames = [], [], [], []
    for k, fault in enumerate(faults):
        rows = FAULTS[fault](beats) if fault else [b == beats - 1 for b in range(beats)]
        packed = port.pack(made.frames[k : k + 1])[0]
        # What is too much looks like pixels.
        more = rng.integers(0, 256, (max(0, len(rows) - beats), packed.shape[1]), dtype=np.uint8)
        data.append(np.concatenate([packed, more])[: len(rows)])
        last += rows
        frames.append(cut(port, made.frames[k], len(rows)))
        if fault:
            errors += [1 if fault in EARLY else 2, 0]
    whole = np.flatnonzero([not fault for fault in faults])
    trace = golden.run(made.network, np.stack(frames))
    every = values(made.network, np.stack(frames), trace)
    waits, ready = stall.stall(pattern, len(last), seed)
    return dataclasses.replace(
        made.stimulus().vectors,
        data=np.concatenate(data),
        last=np.array(last),
        waits=waits,
        need=np.zeros(len(last), np.int64),
        ready=ready,
        spikes={probe.layer: every[probe.layer] for probe in made.core.manifest.probes},
        scores=trace.scores[whole],
        classes=trace.classes[whole],
        accepted=None,
        delivered=None,
        # A malformed frame at the end has to run through.
        quiet=made.core.manifest.timing["latency_bound"],
        errors=tuple(errors),
        dump=None,
        timeout=2000,
    )


def failed(simulation) -> dict[str, str]:
    return {verdict.name: verdict.detail for verdict in simulation.verdicts if not verdict.passed}


@pytest.mark.parametrize("pattern", sorted(stall.PATTERNS))
@pytest.mark.parametrize("core", ["small", "planes", "maps"])
def test_every_fault_among_whole_frames(request, icarus, core, pattern):
    made = request.getfixturevalue(core)
    assert failed(made.run(malformed(made, MIXED, pattern))) == {}


@pytest.mark.parametrize("core", ["small", "planes", "maps"])
def test_on_verilator(request, simulator, core):
    made = request.getfixturevalue(core)
    vectors = malformed(made, MIXED, "random")
    assert failed(made.run(vectors, simulator("verilator"))) == {}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("core", ["planes", "maps"])
def test_first_of_all(request, icarus, core, fault):
    made = request.getfixturevalue(core)
    assert failed(made.run(malformed(made, [fault, "", ""], "none"))) == {}


def test_one_after_the_other(icarus, planes):
    """Errors may then merge: only the first and that it is cleared at the end is sure."""
    faults = ["", *["first", "late", "early", "very late"] * 3, "", ""]
    vectors = malformed(planes, faults, "none")
    simulation = planes.run(vectors)
    assert failed(simulation).keys() <= {"frame_error"}
    assert simulation.seen.errors[0] == 1
    assert simulation.seen.errors[-1] == 0
    assert set(simulation.seen.errors) <= {0, 1, 2, 3}


def test_an_error_stays_until_it_is_cleared(icarus, planes):
    """Without an acknowledgement both kinds come to stand side by side."""
    vectors = dataclasses.replace(malformed(planes, ["early", "", "late", ""], "none"), errors=())
    simulation = planes.run(vectors)
    assert failed(simulation).keys() == {"frame_error"}
    assert simulation.seen.errors == (1, 3)


def test_where_one_beat_is_a_frame(icarus, emitted):
    """Then no TLAST can be early."""
    made = emitted(7, 3, 2)
    assert made.core.manifest.input.beats == 1
    vectors = malformed(made, ["", "late", "", "very late", "", ""], "random")
    assert failed(made.run(vectors)) == {}
