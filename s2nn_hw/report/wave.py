"""WaveDrom's lanes as strips of shapes, of the characters that ``ports.wavedrom.json`` uses."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from s2nn_hw.ir import InputError

from .known import pointer

#: Width of a cycle, height of a lane's signal, and of a slope, in pixels.
CYCLE, HEIGHT, _SLOPE = 36, 18, 3

#: Width of a character, and of the room beside a text.
_LETTER, _BESIDE = 6.7, 4

#: Cycles of a strip, which with its names is as wide as a telephone.
_MOST = 6


@dataclass(frozen=True, kw_only=True)
class Label:
    """What is written into a lane.

    Parameters
    ----------
    x: its middle.
    path: where the text stands in the file.
    room: width that it is squeezed into, None where it has more.
    """

    x: float
    text: str
    path: str
    room: int | None


@dataclass(kw_only=True)
class Lane:
    """A signal in the cycles of a strip.

    Parameters
    ----------
    group: stream that it belongs to, empty of none.
    line: path of its level in SVG; boxes: of values; unknown: where it may be anything.
    """

    name: str
    group: str
    line: str = ""
    boxes: str = ""
    unknown: str = ""
    labels: list[Label] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Some cycles of all signals; ``torn``: whether cycles are left out behind it."""

    cycles: int
    torn: bool
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, kw_only=True)
class _Signal:
    """Of each cycle its character, ``|`` where some are left out, and the number of its label."""

    name: str
    group: str
    chars: Sequence[str]
    values: Sequence[int | None]
    data: Sequence[str]
    path: str


def check(data: Mapping[str, Any], where: str) -> None:
    """Raise InputError naming the row that is no signal of those that are drawn, if there is any.

    Rows that are empty keep others apart.
    """
    from .contents import Signal
    from .contents import check as check_row

    rows = list(_signals(data["signal"]))
    if not rows:
        raise InputError(f"{where}: malformed: its signal must have a row that is not empty")
    for row, _, path in rows:
        check_row(Signal, row, f"{where}#{path}")


def strips(data: Mapping[str, Any]) -> list[Strip]:
    """All signals, those of groups after one another, cut where cycles are left out.

    What is longer than _MOST is cut in parts that are alike.  The data is that of check().
    """
    signals = [_signal(*found) for found in _signals(data["signal"])]
    cycles = max(len(signal.chars) for signal in signals)
    gaps = [k for k in range(cycles) if any("|" in signal.chars[k : k + 1] for signal in signals)]
    found = []
    for start, end in zip([0, *(k + 1 for k in gaps)], [*gaps, cycles], strict=True):
        parts = -(-(end - start) // _MOST)
        edges = [start + (end - start) * k // parts for k in range(parts + 1)] if parts else []
        for first, last in itertools.pairwise(edges):
            lanes = tuple(_lane(signal, first, last) for signal in signals)
            torn = last == end and end < cycles
            found.append(Strip(cycles=last - first, torn=torn, lanes=lanes))
    return found


def title(data: Mapping[str, Any]) -> str:
    """What stands above and below the diagram, in sentences."""
    head, foot = (data[name]["text"] for name in ("head", "foot"))
    return f"{head}. {foot[:1].upper()}{foot[1:]}."


def _signals(
    signals: list[Any], group: str = "", path: str = "/signal"
) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Each signal with its group, whose name is the first of its rows, and where it stands."""
    for k, signal in enumerate(signals):
        here = path + pointer(k)
        if isinstance(signal, list) and signal and isinstance(signal[0], str):
            yield from _signals(signal, signal[0], here)
        elif signal != {} and not (group and k == 0):
            yield signal, group, here


def _signal(signal: Mapping[str, Any], group: str, path: str) -> _Signal:
    chars: list[str] = []
    values: list[int | None] = []
    char, count = "x", 0
    for found in signal["wave"]:
        if found not in ".|":
            char = found
            count += found == "="
        chars.append("|" if found == "|" else char)
        values.append(count - 1 if char == "=" else None)
    return _Signal(
        name=signal["name"],
        group=group,
        chars=chars,
        values=values,
        data=signal.get("data", ()),
        path=path,
    )


def _lane(signal: _Signal, first: int, last: int) -> Lane:
    """A signal from one cycle up to another."""
    lane = Lane(name=signal.name, group=signal.group)
    for start, end, char, value in _runs(signal, first, last):
        x, width = start * CYCLE, (end - start) * CYCLE
        if char in "01":
            y = HEIGHT if char == "0" else 0
            # From the level before, or from the left edge.
            lane.line += (
                f"{'L' if lane.line else 'M'}{x + _SLOPE * bool(lane.line)} {y}H{x + width}"
            )
        elif char == "p":
            for k in range(end - start):
                at, half = x + k * CYCLE, CYCLE / 2
                lane.line += f"M{at} {HEIGHT}V0H{at + half:g}V{HEIGHT}H{at + CYCLE}"
        else:
            inner = width - 2 * _SLOPE
            box = (
                f"M{x} {HEIGHT / 2:g}l{_SLOPE} {-HEIGHT / 2:g}h{inner}l{_SLOPE} {HEIGHT / 2:g}"
                f"l{-_SLOPE} {HEIGHT / 2:g}h{-inner}z"
            )
            if value is None:
                lane.unknown += box
            else:
                lane.boxes += box
                lane.labels.append(_label(signal, value, x, width))
            # A level after it begins anew.
            lane.line += f"M{x + width} {HEIGHT / 2:g}" if lane.line else ""
    return lane


def _label(signal: _Signal, value: int, x: int, width: int) -> Label:
    text, room = signal.data[value], width - _BESIDE
    return Label(
        x=x + width / 2,
        text=text,
        path=signal.path + pointer("data", value),
        room=room if len(text) * _LETTER > room else None,
    )


def _runs(signal: _Signal, first: int, last: int) -> Iterator[tuple[int, int, str, int | None]]:
    """From where to where, from 0, a signal is alike, its character and the number of its label."""
    both = list(zip(signal.chars[first:last], signal.values[first:last], strict=True))
    start = 0
    for k, now in enumerate(both):
        if k + 1 == len(both) or both[k + 1] != now:
            yield start, k + 1, *now
            start = k + 1
