"""Two builds side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .build import BuildReport
from .figure import Figure, spoken
from .layer import LayerReport
from .page import SCHEMA


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure of both.

    Parameters
    ----------
    values: of the first and of the second, None where it is not known.
    ratio: the second's over the first's, None where one is not known or the first's is 0.
    unit: for people.
    origins: of the values.
    """

    values: tuple[float | None, float | None]
    ratio: float | None
    unit: str
    origins: tuple[str, str]

    def compared(self) -> str:
        """The ratio for people; of a zero there is none."""
        if self.ratio is None and None not in self.values:
            return "equal" if self.values[0] == self.values[1] else "no ratio"
        return spoken(self.ratio, "×")


@dataclass(frozen=True, kw_only=True)
class LayerPair:
    """The layers of both that have a name.

    Parameters
    ----------
    name: of the layers.
    only: ``A`` or ``B`` where the other build has no such layer, whose figures are then absent.
    figures: name → both.
    """

    name: str
    only: str
    figures: dict[str, Row]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two builds side by side.

    Parameters
    ----------
    schema: version of these fields, see Page.
    builds: both.
    notes: why what is compared may be of different things, a sentence each.
    figures: name → both.
    layers: matched by name.
    """

    schema: int = SCHEMA
    builds: tuple[BuildReport, BuildReport]
    notes: tuple[str, ...]
    figures: dict[str, Row]
    layers: tuple[LayerPair, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


#: Fields of a layer that are compared, and their units.
_FIELDS = ("lanes", "synapses", "weight_bits", "memory_bits", "buffer_bits")


def compare(first: BuildReport, second: BuildReport) -> Pair:
    """The figures of both; layers are matched by name."""
    builds = (first, second)
    named = [{layer.name: layer for layer in build.layers} for build in builds]
    pairs = []
    for name in dict.fromkeys((*named[0], *named[1])):
        ours, theirs = (_figures(layers.get(name)) for layers in named)
        figures = {key: _row(ours.get(key), theirs.get(key)) for key in {**ours, **theirs}}
        only = "A" if name not in named[1] else "B" if name not in named[0] else ""
        pairs.append(LayerPair(name=name, only=only, figures=figures))
    return Pair(
        builds=builds,
        notes=tuple(_notes(*builds)),
        figures={name: _row(first.figures[name], second.figures[name]) for name in first.figures},
        layers=tuple(pairs),
    )


def _notes(first: BuildReport, second: BuildReport) -> Iterator[str]:
    if first.network != second.network:
        yield "They are of two networks."
    runs = [(build.frames, build.stall, build.simulator) for build in (first, second)]
    if None in (first.frames, second.frames):
        if first.frames or second.frames:
            yield (
                "Only one was verified: floor and predicted interval of the other are those of the "
                "samples of its network, and their ratios say little."
            )
    elif runs[0] != runs[1]:
        yield (
            "They were verified with other frames, stalls or simulators, so that ratios of "
            "accuracy, cycles and toggles say little."
        )


def _figures(layer: LayerReport | None) -> dict[str, Figure | int]:
    if layer is None:
        return {}
    return {**{name: getattr(layer, name) for name in _FIELDS}, **layer.figures}


def _row(first: Figure | int | None, second: Figure | int | None) -> Row:
    sides = (first, second)
    values = [side.value if isinstance(side, Figure) else side for side in sides]
    units = [side.unit for side in sides if isinstance(side, Figure)]
    ours, theirs = values
    return Row(
        values=(ours, theirs),
        ratio=theirs / ours if ours and theirs is not None else None,
        unit=units[0] if units else "",
        origins=(_origin(first), _origin(second)),
    )


def _origin(side: Figure | int | None) -> str:
    """What was built is no figure that could be wrong."""
    if isinstance(side, Figure):
        return side.origin.value
    return "absent" if side is None else "emitted"
