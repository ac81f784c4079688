"""WaveDrom's lanes as shapes, those of its characters that ``ports.wavedrom.json`` uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .known import pointer

#: Width of a cycle, height of a lane's signal, and of a slope, in pixels.
CYCLE, HEIGHT, _SLOPE = 48, 18, 3


@dataclass(frozen=True, kw_only=True)
class Label:
    """What is written into a lane: its middle, and where the text stands in the file."""

    x: float
    text: str
    path: str


@dataclass(kw_only=True)
class Lane:
    """A signal.

    Parameters
    ----------
    group: stream that it belongs to, empty of none.
    line: path of its level in SVG; boxes: of values; unknown: where it may be anything.
    gaps: where cycles are left out.
    """

    name: str
    group: str
    cycles: int
    line: str = ""
    boxes: str = ""
    unknown: str = ""
    gaps: list[float] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def lanes(data: Mapping[str, Any]) -> list[Lane]:
    """All signals, those of groups after one another.

    Raises ValueError where there is none, on a character of another kind, and on more or fewer
    labels than values.
    """
    found = [_lane(*signal) for signal in _signals(data["signal"], "", "/signal")]
    if not found:
        raise ValueError("no signals")
    return found


def title(data: Mapping[str, Any]) -> str:
    """What stands above and below the diagram, in sentences."""
    head, foot = (str(data[name]["text"]) for name in ("head", "foot"))
    return f"{head}. {foot[:1].upper()}{foot[1:]}."


def _signals(
    signals: list[Any], group: str, path: str
) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Each signal with its group and where it stands."""
    for k, signal in enumerate(signals):
        here = path + pointer(k)
        if isinstance(signal, list) and signal:
            yield from _signals(signal, str(signal[0]), here)
        elif isinstance(signal, Mapping) and signal:
            yield signal, group, here


def _lane(signal: Mapping[str, Any], group: str, path: str) -> Lane:
    wave = str(signal["wave"])
    lane = Lane(name=str(signal["name"]), group=group, cycles=len(wave))
    middles: list[float] = []
    for start, end, char in _runs(wave, lane):
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
            if char == "x":
                lane.unknown += box
            else:
                lane.boxes += box
                # A value that goes on behind a gap is written before it.
                gap = wave.find("|", start, end)
                middles.append((x + (end if gap < 0 else gap) * CYCLE) / 2)
            # A level after it begins anew.
            lane.line += f"M{x + width} {HEIGHT / 2:g}" if lane.line else ""
    data = list(signal.get("data", ()))
    if len(data) != len(middles):
        raise ValueError(f"{len(data)} labels of {len(middles)} values")
    lane.labels = [
        Label(x=x, text=str(text), path=path + pointer("data", k))
        for k, (x, text) in enumerate(zip(middles, data, strict=True))
    ]
    return lane


def _runs(wave: str, lane: Lane) -> Iterator[tuple[int, int, str]]:
    """First cycle, the one behind the last, and what the lane is in them."""
    start, char = 0, ""
    for k, found in enumerate(wave):
        if found == "|":
            lane.gaps.append((k + 0.5) * CYCLE)
        if found not in ".|01px=":
            raise ValueError(f"character {found!r} of a wave")
        if found in ".|" and char:
            continue
        if char:
            yield start, k, char
        # A gap in which the lane begins may be anything.
        start, char = k, "x" if found in ".|" else found
    if char:
        yield start, len(wave), char
