"""What the harness saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from s2nn_hw.manifest import Manifest

from .harness import LOG


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """A run of the harness; cycles as harness() counts them.

    accepted, delivered: int64, cycles of the beats in and out.
    results: TDATA of the beats out, -1 where a bit was unknown.
    lasts: int64, TLAST of the beats out.
    fired, spikes: per probe, cycles and uint8 (firings, neurons); 255 where a bit was unknown.
    errors: values frame_error took on.
    violations: cycles in which the output broke the rules of its stream.
    counters: value of each counter port at the end.
    timed_out: the core stopped answering.
    levels: of the stream in and of that out, valid, ready and last in every cycle, -1 where
        unknown; int8 (2, cycles, 3), without cycles unless the vectors asked for it.
    changed, doing: cycles in which any layer that is watched began to do something else, the first
        being that in which they began to be, and what each did from then on: uint8 (cycles, layers)
        of WAITS, WORKS and HELD.
    """

    accepted: npt.NDArray[np.int64]
    delivered: npt.NDArray[np.int64]
    results: list[int]
    lasts: npt.NDArray[np.int64]
    fired: dict[str, npt.NDArray[np.int64]]
    spikes: dict[str, npt.NDArray[np.uint8]]
    errors: tuple[int, ...]
    violations: tuple[int, ...]
    counters: dict[str, int]
    timed_out: bool
    levels: npt.NDArray[np.int8]
    changed: npt.NDArray[np.int64]
    doing: npt.NDArray[np.uint8]

    @classmethod
    def read(cls, folder: Path, manifest: Manifest) -> Observation:
        """Parse the log."""
        groups: dict[str, list[str]] = {kind: [] for kind in "iopevntlw"}
        for line in (folder / LOG).read_text().splitlines():
            groups[line[0]].append(line[2:])
        delivered, lasts, results = [], [], []
        for line in groups["o"]:
            cycle, last, data = line.split()
            delivered.append(int(cycle))
            lasts.append(_number(last))
            results.append(_number(data, 16))
        fired: dict[str, npt.NDArray[np.int64]] = {}
        spikes: dict[str, npt.NDArray[np.uint8]] = {}
        by_probe: list[list[list[str]]] = [[] for _ in manifest.probes]
        for line in groups["p"]:
            probe, *rest = line.split()
            by_probe[int(probe)].append(rest)
        for probe_entry, lines in zip(manifest.probes, by_probe, strict=True):
            fired[probe_entry.layer] = np.array([int(c) for c, _ in lines], dtype=np.int64)
            spikes[probe_entry.layer] = _bits([data for _, data in lines], probe_entry.bits)
        changed = [line.split() for line in groups["w"]]
        counters = dict(line.split() for line in groups["n"])
        return cls(
            accepted=np.array(groups["i"], dtype=np.int64),
            delivered=np.array(delivered, dtype=np.int64),
            results=results,
            lasts=np.array(lasts, dtype=np.int64),
            fired=fired,
            spikes=spikes,
            errors=tuple(_number(line.split()[1], 2) for line in groups["e"]),
            violations=tuple(int(line) for line in groups["v"]),
            counters={name: _number(value, 10) for name, value in counters.items()},
            timed_out=bool(groups["t"]),
            levels=np.array(
                [[_number(bit) for bit in line.split()] for line in groups["l"]], dtype=np.int8
            )
            .reshape(-1, 2, 3)
            .swapaxes(0, 1),
            changed=np.array([int(cycle) for cycle, _ in changed], dtype=np.int64),
            doing=np.array(
                [[int(bits[k : k + 2], 2) for k in range(0, len(bits), 2)] for _, bits in changed],
                dtype=np.uint8,
            ).reshape(len(changed), len(manifest.watches)),
        )


def _number(text: str, base: int = 2) -> int:
    """-1 for what is not a number: an unknown bit."""
    try:
        return int(text, base)
    except ValueError:
        return -1


def _bits(lines: list[str], width: int) -> npt.NDArray[np.uint8]:
    """Bit j of each hexadecimal number in column j; a row of 255 where one is unknown."""
    size = -(-width // 8)
    rows = np.zeros((len(lines), size), dtype=np.uint8)
    unknown = []
    for k, line in enumerate(lines):
        value = _number(line, 16)
        if value < 0:
            unknown.append(k)
        else:
            rows[k] = np.frombuffer(value.to_bytes(size, "little"), dtype=np.uint8)
    bits = np.unpackbits(rows, axis=1, bitorder="little", count=width)
    bits[unknown] = 255
    return bits
