"""Circuits of other generators, simulated and mapped as ours are."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from s2nn_hw import golden, peers
from s2nn_hw.ir import Network
from s2nn_hw.toolchain import finish, tools, yosys
from s2nn_hw.toolchain.results import Results, key

from .emit import Progress
from .mapping import Design, place, synthesise

if TYPE_CHECKING:
    from rtl_gen.platforms import Part

#: Other commands of yosys, by family, that may need fewer look-up tables: of the circuits of
#: others the smallest result counts.
_SMALLER = {
    "ecp5": ("synth_ecp5 -abc9 -nowidelut",),
    "xilinx7": ("synth_xilinx -family xc7 -flatten -abc9 -noiopad -noclkbuf -nowidelut",),
}
#: Of circuits that were measured before, one row each.
_MEASURED = Results("measured", keep=4096)
_ROW = "row.json"
#: Cycles that a pipeline may take.
_DEEPEST = 128


def played(
    circuit: peers.Circuit, network: Network, frames: npt.NDArray[np.uint8], simulator: str
) -> dict[str, Any]:
    """Fields of a row of bench.py that simulation gives; ToolError where it does not run."""
    from sim.flat import FlatPorts, play

    ports = FlatPorts(
        top=circuit.top,
        clock=circuit.clock,
        data=circuit.data,
        data_bits=circuit.data_bits,
        result=circuit.result,
        result_bits=circuit.result_bits,
        started=circuit.started,
    )
    trace = golden.run(network, frames)
    wanted = {
        "scores": trace.scores,
        "spikes": (trace.scores >= 0).astype(np.int64),
        "class": trace.classes[:, None],
    }[circuit.gives]
    after = 0 if circuit.started else _DEEPEST
    words = [circuit.pack(frame) for frame in frames]
    seen = play(_files(circuit), ports, words, after=after, simulator=simulator)
    got = [circuit.unpack(value) for value in seen.values]
    want = [tuple(row) for row in wanted.tolist()]
    count = len(frames)
    if circuit.started:
        wrong = sum(g != w for g, w in zip(got, want, strict=True))
        steps = np.diff(seen.cycles)
        latency: float | None = float(steps.max()) if len(steps) else None
        interval = float(steps.mean()) if len(steps) else None
    else:
        # The delay at which most frames are right is what the circuit's latency is.
        misses = [
            sum(g != w for g, w in zip(got[delay : delay + count], want, strict=True))
            for delay in range(after if circuit.clock else 1)
        ]
        wrong = min(misses)
        latency, interval = float(misses.index(wrong)), 1.0
    return {
        "frames": count,
        "mismatches": wrong,
        "gives": circuit.gives,
        "latency_cycles": latency,
        "interval_cycles": interval,
    }


def mapped(
    circuit: peers.Circuit,
    part: Part,
    *,
    mhz: float,
    seeds: int,
    jobs: int,
    progress: Progress,
) -> dict[str, Any]:
    """Fields of such a row: area of the smallest of several syntheses, clock of the fastest.

    A circuit that was measured once is known in the cache, as both takes minutes.
    """
    name = measurement(circuit, part, mhz=mhz, seeds=seeds)
    known = _MEASURED.find(name)
    if known is not None:
        return dict(json.loads((known / _ROW).read_text()))
    family = part.family
    found: dict[str, Any] = {}
    fastest = None
    for command in _commands(part):
        design = _design(circuit, part, command)
        mapped = synthesise(design, tools.yosys())
        counts = Counter(yosys.cells(mapped.folder / yosys.STAT)) - finish.gone(mapped.folder)
        used = yosys.area(counts, family)
        if not found or used["lut"] < found["lut"]:
            found = {unit: used[unit] for unit in ("lut", "ff", "carry", "bram")}
            found["synthesis"] = command
        if circuit.clock is not None and family.nextpnr is not None:
            placed = place(
                design,
                mapped,
                tools.nextpnr(family.nextpnr),
                mhz=mhz,
                seeds=range(1, seeds + 1),
                jobs=jobs,
                progress=progress,
            )
            clocks = [report.fmax_mhz for report in placed.reports.values() if report]
            fastest = max([*clocks, *([] if fastest is None else [fastest])], default=None)
    found["fmax_mhz"] = None if fastest is None else round(fastest, 3)
    making = _MEASURED.begin()
    try:
        (making / _ROW).write_text(json.dumps(found))
        _MEASURED.put(making, name)
    finally:
        _MEASURED.drop(making)
    return found


def measurement(circuit: peers.Circuit, part: Part, *, mhz: float, seeds: int) -> str:
    """The name of what decides the result of mapped()."""
    versions = (tools.yosys().version, finish.version(part.family))
    asked = [*versions, part.name, *_commands(part), circuit.top]
    if circuit.clock is not None and part.family.nextpnr is not None:
        asked += [tools.nextpnr(part.family.nextpnr).version, f"{mhz:g}", str(seeds)]
    texts = [text for item in sorted(_files(circuit).items()) for text in item]
    return key([*asked, *texts])


def _commands(part: Part) -> tuple[str, ...]:
    """Of yosys, each of which is tried."""
    return (part.family.synthesis, *_SMALLER.get(part.family.name, ()))


def _design(circuit: peers.Circuit, part: Part, command: str) -> Design:
    files = _files(circuit)
    return Design(
        part=part,
        files=files,
        reads=tuple(f"read_verilog -sv {name}" for name in sorted(files)),
        top=circuit.top,
        memories={},
        constraints=part.family.constraints,
        options=part.family.options,
        pins=False,
        synthesis=command,
    )


def _files(circuit: peers.Circuit) -> dict[str, str]:
    """Name → text; a name is that of a file in one folder."""
    return {name.replace("/", "_"): (circuit.folder / name).read_text() for name in circuit.files}
