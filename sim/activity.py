"""Toggles, counted from what the simulator itself wrote down.

A toggle is one bit of one net of the manifest that changes between two clock edges.  Both
simulators are run without delays, so a net changes at most once a cycle.  An unknown bit counts
as zero, as Verilator, which knows no others, has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from s2nn_hw.manifest import Manifest

#: Instances above the core in the dump.
ABOVE = ("s2nn_bench", "dut")


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Toggles of every net that the manifest names, by module path and name."""

    nets: dict[str, dict[str, int]]

    def module(self, path: str) -> int:
        """Toggles in a module and all below it; the whole core for the empty path."""
        return sum(
            sum(counts.values())
            for inner, counts in self.nets.items()
            if not path or inner == path or inner.startswith(f"{path}.")
        )

    @classmethod
    def read(cls, dump: Path, manifest: Manifest, snapshot: Path | None = None) -> Activity:
        """Count the toggles in a SAIF or VCD file.

        Verilator's SAIF takes every net for low before the dump and counts a toggle for each that
        is high as it begins.  A SAIF that ends in that moment, ``snapshot``, tells which those are.

        Raises ValueError naming a net that the dump does not hold: a missing count is not zero.
        """
        wanted = {
            (path, _split(entry)[0]): _split(entry)[1]
            for path, entries in manifest.nets.items()
            for entry in entries
        }
        counts = _vcd(dump, wanted) if snapshot is None else _saif(dump, wanted)
        high = {} if snapshot is None else _saif(snapshot, wanted)
        nets: dict[str, dict[str, int]] = {path: {} for path in manifest.nets}
        for path, name in wanted:
            if (path, name) not in counts:
                raise ValueError(f"{dump.name}: no net {name!r} in module {path!r}")
            nets[path][name] = counts[path, name] - high.get((path, name), 0)
        return cls(nets=nets)


#: Nets by (module path, name); the bits to count, None for all.
_Wanted = dict[tuple[str, str], set[int] | None]
_Counts = dict[tuple[str, str], int]


def _split(entry: str) -> tuple[str, set[int] | None]:
    """Name and bits of an entry of manifest.nets."""
    name, _, ranges = entry.partition("#")
    if not ranges:
        return name, None
    bits: set[int] = set()
    for part in ranges.split(","):
        low, _, high = part.partition("-")
        bits.update(range(int(low), int(high or low) + 1))
    return name, bits


def _path(scopes: list[str]) -> str | None:
    """Module path below the core; None above it."""
    if tuple(scopes[: len(ABOVE)]) != ABOVE:
        return None
    return ".".join(scopes[len(ABOVE) :])


def _saif(dump: Path, wanted: _Wanted) -> _Counts:
    """Per net, the sum of its bits' TC."""
    counts: _Counts = {}
    scopes: list[str] = []
    opened: list[str] = []
    path: str | None = None
    with dump.open() as file:
        for line in file:
            text = line.strip()
            if text.startswith("(INSTANCE "):
                scopes.append(text[len("(INSTANCE ") :].strip())
                opened.append("instance")
                path = _path(scopes)
            elif text == ")":
                if opened and opened.pop() == "instance":
                    scopes.pop()
                    path = _path(scopes)
            elif text == "(NET":
                opened.append("net")
            elif path is not None and "(TC " in text:
                net, _, rest = text[1:].partition(" ")
                name, bracket, index = net.rpartition("\\[")
                bit = int(index[:-2]) if bracket else 0
                if not bracket:
                    name = net
                name = name.replace("\\", "")
                if (path, name) not in wanted:
                    continue
                bits = wanted[path, name]
                toggles = int(rest[rest.index("(TC ") + 4 :].partition(")")[0])
                counts[path, name] = counts.get((path, name), 0) + (
                    toggles if bits is None or bit in bits else 0
                )
    return counts


def _vcd(dump: Path, wanted: _Wanted) -> _Counts:
    """Per net, the bits that differ between one value and the next."""
    with dump.open() as file:
        lines = iter(file)
        nets, masks = _declarations(lines, wanted)
        values: dict[str, int] = {}
        toggles = dict.fromkeys(nets, 0)
        for line in lines:
            kind = line[0]
            if kind in "01xz":
                code = line[1:].strip()
                value = 1 if kind == "1" else 0
            elif kind in "bB":
                text, _, code = line[1:].strip().partition(" ")
                if "x" in text or "z" in text:
                    text = text.replace("x", "0").replace("z", "0")
                value = int(text, 2)
            else:
                continue
            if code not in nets:
                continue
            before = values.get(code)
            values[code] = value
            if before is not None:
                toggles[code] += ((before ^ value) & masks[code]).bit_count()
    return {net: toggles[code] for code, net in nets.items()}


def _declarations(
    lines: Iterator[str], wanted: _Wanted
) -> tuple[dict[str, tuple[str, str]], dict[str, int]]:
    """The wanted nets by their codes, and which of their bits count."""
    nets: dict[str, tuple[str, str]] = {}
    masks: dict[str, int] = {}
    scopes: list[str] = []
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == "$scope":
            scopes.append(words[2])
        elif words[0] == "$upscope":
            scopes.pop()
        elif words[0] == "$var":
            path, name = _path(scopes), words[4].lstrip("\\")
            if path is None or (path, name) not in wanted:
                continue
            bits = wanted[path, name]
            nets[words[3]] = (path, name)
            masks[words[3]] = -1 if bits is None else sum(1 << bit for bit in bits)
        elif words[0] == "$enddefinitions":
            break
    return nets, masks
