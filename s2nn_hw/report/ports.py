"""The handshakes of a frame and its result, as a timing diagram."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from s2nn_hw import schema

#: Cycles that are shown on either side of one in which something begins or ends.
_AROUND = 2
_NAMES = ("tvalid", "tready", "tlast")


@dataclass(frozen=True, kw_only=True)
class Levels:
    """What is seen of one stream when the clock rises: 1, 0, or -1 where it is unknown."""

    valid: int
    ready: int
    last: int

    @property
    def taken(self) -> bool:
        """Whether a beat is."""
        return self.valid == 1 and self.ready == 1


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream, cycle by cycle.

    labels: of its beats in order, what ``tdata`` shows while a beat is there.
    """

    name: str
    levels: Sequence[Levels]
    labels: Sequence[str]


def diagram(streams: Sequence[Stream], *, title: str, digest: str) -> str:
    """WaveDrom JSON, strict, of streams of the same cycles.

    Semantics: a column is a cycle and shows what the edge at its end sees; that edge takes a beat
    where valid and ready are high.  Shown are the cycles around the first and last beat of every
    stream and around its first stall of each kind (valid without ready, and no valid between
    two beats); of others stands a gap, in which anything may change.  Cycles are counted from
    the first of the first stream's beats.  ``schema`` and ``digest``, the build's, are passed over
    by what draws such files.
    """
    shown = _shown(streams)
    columns: list[int | None] = []
    for k, cycle in enumerate(shown):
        if k and cycle > shown[k - 1] + 1:
            # In the place of one cycle a gap saves nothing.
            columns.append(cycle - 1 if cycle == shown[k - 1] + 2 else None)
        columns.append(cycle)
    origin = _taken(streams[0])[0]
    numbers = [str(c - origin) for c in columns if c is not None]
    lanes: list[object] = [
        # Not ticks: few who draw these files know more of them than a first and a step.
        {
            "name": "cycle",
            "wave": _wave(["|" if c is None else "=" for c in columns]),
            "data": numbers,
        },
        {"name": "clk", "wave": _wave(["|" if c is None else "p" for c in columns])},
    ]
    for stream in streams:
        lanes += [{}, [stream.name, *_lanes(stream, columns)]]
    text = {
        "schema": schema.PORTS.version,
        "digest": digest,
        "signal": lanes,
        "head": {"text": title},
        "foot": {
            "text": "a beat is taken at the end of a cycle in which tvalid and tready are high"
        },
    }
    return json.dumps(text, indent=1, ensure_ascii=False) + "\n"


def _taken(stream: Stream) -> list[int]:
    return [cycle for cycle, levels in enumerate(stream.levels) if levels.taken]


def _shown(streams: Sequence[Stream]) -> list[int]:
    """Cycles that are, in order."""
    marked: set[int] = set()
    for stream in streams:
        taken = _taken(stream)
        assert taken, "a diagram is of streams that have moved"
        offered = next(c for c, levels in enumerate(stream.levels) if levels.valid == 1)
        marked |= {offered, taken[0], taken[-1]}
        within = range(offered, taken[-1])
        # Valid without ready, and neither: the first of each, from end to end.
        for waits in (True, False):
            stalls = [c for c in within if (stream.levels[c].valid == 1) is waits]
            stalls = [c for c in stalls if not stream.levels[c].taken]
            if stalls:
                end = stalls[0]
                while end + 1 in stalls and end < stalls[0] + 2 * _AROUND:
                    end += 1
                marked |= {stalls[0], end}
    cycles = len(streams[0].levels)
    near = {c + d for c in marked for d in range(-_AROUND, _AROUND + 1)}
    return sorted(c for c in near if 0 <= c < cycles)


def _lanes(stream: Stream, columns: Sequence[int | None]) -> list[object]:
    """Of tdata, tvalid, tready and tlast."""
    payload: list[str] = []
    labels: list[str] = []
    showing = None
    beats = [0]
    for levels in stream.levels:
        beats.append(beats[-1] + levels.taken)
    for cycle in columns:
        if cycle is None:
            payload.append("|")
            continue
        levels = stream.levels[cycle]
        beat = beats[cycle] if levels.valid == 1 else None
        if beat is None:
            payload.append("x")
        elif beat == showing:
            payload.append(".")
        else:
            payload.append("=")
            labels.append(stream.labels[beat])
        showing = beat

    def wave(name: str) -> str:
        chars = []
        for cycle in columns:
            if cycle is None:
                chars.append("|")
                continue
            levels = stream.levels[cycle]
            level = {"tvalid": levels.valid, "tready": levels.ready, "tlast": levels.last}[name]
            unknown = level < 0 or (name == "tlast" and levels.valid != 1)
            chars.append("x" if unknown else str(level))
        return _wave(chars)

    return [
        {"name": "tdata", "wave": _wave(payload), "data": labels},
        *({"name": name, "wave": wave(name)} for name in _NAMES),
    ]


def _wave(chars: Sequence[str]) -> str:
    """A lane, in which what goes on is a dot."""
    text, level = "", ""
    for char in chars:
        if char in ".|":
            text += char
        else:
            text += "." if char == level and char != "=" else char
            level = char
    return text
