"""What sets the pace of a core, and what would change it: lanes and engines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from s2nn_hw.ir import INPUT

from .advice import Advice
from .figure import Figure, Origin
from .known import Known
from .layer import LayerReport, feeds

#: Gain below which it is not worth while to widen one layer alone.
_GAIN = 1.05

#: Share of the slowest layer's floor that others may take when they are made narrower: banks are
#: never quite even, so that a layer needs more than its floor.
_ROOM = 0.8

#: Share of spikes above which the parallel engine takes less area times cycles; 51 to 77 % in
#: docs/results/zeros.md.
_MANY = 0.5

#: Floor over what the event engine would need, from which on that is said.
_FEWER = 1.5


def advice(known: Known, layers: Sequence[LayerReport], interval: Figure) -> list[Advice]:
    """On the cycles between frames.

    interval: of frames that follow each other without stalls; where a verification has none,
        this is said, and nothing of a core that takes a frame a cycle.
    """
    if interval.value is None and known.verified:
        sentence = (
            "Which layer sets the pace is told by frames that follow each other without stalls: "
            "verify two or more, without --stall."
        )
        return [Advice(about="pace", sentence=sentence, names={}, figures={})]
    floors = [layer.figures["floor"].value for layer in layers]
    if interval.value is None or interval.value <= 1 or None in floors:
        return []
    found = _Pace(known=known, layers=layers, interval=interval)
    return [*found.slowest(), *found.engine(), *found.narrower()]


def _floor(layer: LayerReport) -> float:
    return layer.figures["floor"].value or 0.0


@dataclass(kw_only=True)
class _Pace:
    """The layers of a core by their floors, the fewest cycles that an engine of its lanes needs."""

    known: Known
    layers: Sequence[LayerReport]
    interval: Figure

    @cached_property
    def ranked(self) -> list[LayerReport]:
        """The slowest first."""
        return sorted(self.layers, key=_floor, reverse=True)

    @cached_property
    def named(self) -> dict[str, LayerReport]:
        """By name."""
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def steps(self) -> int:
        """Of a frame."""
        return int(self.known.manifest.options.get("steps", 1))

    def slowest(self) -> list[Advice]:
        """Which layer sets the pace, and how much more lanes could gain."""
        first, *others = self.ranked
        names, figures = {"layer": first.name}, {"interval": self.interval}
        figures |= {"floor": first.figures["floor"]}
        a_window = ", a window at a time," if self._together(first) > 1 else ""
        sentence = f"{{layer}} sets the pace: its floor{a_window} is {{floor}}, "
        sentence += "the interval {interval}. "
        stream = self._stream(first)
        gathers = first.engine in ("pool", "unrolled")
        if gathers or stream * _GAIN >= _floor(first):
            if not stream:
                return []
            sentence += (
                "It gathers its windows a pixel a cycle, but for pixels without spikes, "
                if gathers
                else "It takes a pixel or window a cycle, "
            ) + "which no lanes change."
            return [Advice(about="pace", sentence=sentence, names=names, figures=figures)]
        if first.engine == "parallel" and first.lanes >= first.inputs:
            sentence += "All inputs of a window have a lane: there is no use for more."
            return [Advice(about="pace", sentence=sentence, names=names, figures=figures)]
        if not others and not stream:
            return [self._alone(first, sentence, names, figures)]
        second = max(others, key=_floor, default=None)
        if second is not None and _floor(second) >= self._least(first):
            # Which of them it is, floors do not tell.
            return [
                Advice(
                    about="pace",
                    sentence="{layer} and {next} set the pace: their floors are {floor} and "
                    "{bound}, the interval {interval}. More lanes for one of them alone gain next "
                    "to nothing.",
                    names=names | {"next": second.name},
                    figures=figures | {"bound": second.figures["floor"]},
                )
            ]
        next_, bound = max(
            ((layer, self._least(layer)) for layer in others), key=lambda x: x[1], default=(None, 0)
        )
        if next_ is not None and bound > stream:
            names |= {"next": next_.name}
            sentence += "Of the others {next} needs the most, at least {bound}: "
        else:
            bound = stream
            sentence += "A pixel or window a cycle would still be {bound}: "
        if not bound or not self.interval.value:
            return []
        gain, option = self.interval.value / bound, ""
        if self._loaded(first):
            sentence += "as constants, which more lanes can read, the weights of {layer}"
        else:
            sentence += "more lanes for {layer}" + (" alone" if gain < _GAIN else "")
            lanes = math.ceil(first.lanes * _floor(first) / bound)
            # A multiple keeps as many of them at a window, and so as evenly at work.
            lanes -= lanes % first.lanes if lanes > 2 * first.lanes else 0
            if gain >= _GAIN and self._usable(first, lanes):
                option = self._lanes({first.name: lanes})
        figures |= {
            "bound": self._computed(bound, "cycles", Origin.PREDICTED),
            "gain": self._computed(gain, "×", Origin.ESTIMATED),
        }
        return [
            Advice(
                about="pace",
                sentence=f"{sentence} make the core {{gain}} as fast at best.",
                names=names,
                figures=figures,
                option=option,
            )
        ]

    def _alone(
        self, only: LayerReport, sentence: str, names: dict[str, str], figures: dict[str, Figure]
    ) -> Advice:
        """Of a layer that waits for no other."""
        lanes = 2 * only.lanes
        half = self._computed(math.ceil(_floor(only) / 2), "cycles", Origin.ESTIMATED)
        return Advice(
            about="pace",
            sentence=f"{sentence}There is no other layer: with twice the lanes it needs at least "
            "{half}.",
            names=names,
            figures=figures | {"half": half},
            option=self._lanes({only.name: lanes}) if self._usable(only, lanes) else "",
        )

    def engine(self) -> list[Advice]:
        """Where the other engine of convolutions would take fewer cycles or less area."""
        first, *_ = self.ranked
        cycles = self._on_event(first)
        if cycles is not None and cycles * _FEWER <= _floor(first):
            return [self._other(first, "event", cycles, "the event engine")]
        dense = [x for x in self.layers if (x.figures["spike_rate"].value or 0) > _MANY]
        for layer in sorted(dense, key=lambda x: -(x.figures["spike_rate"].value or 0)):
            at_most = self._on_parallel(layer)
            if at_most is not None and at_most <= _floor(first):
                other = "the parallel engine, which has no encoders,"
                return [self._other(layer, "parallel", at_most, other)]
        return []

    def _other(self, layer: LayerReport, engine: str, cycles: float, words: str) -> Advice:
        names = [engine if x is layer else x.engine for x in self.layers if x.engine != "pool"]
        return Advice(
            about="engine",
            sentence=f"Of the inputs of {{layer}} {{rate}} spike: {words} needs at most {{cycles}} "
            "with as many lanes, its own {floor}, by their floors.",
            names={"layer": layer.name},
            figures={
                "rate": layer.figures["spike_rate"],
                "cycles": self._computed(cycles, "cycles", Origin.ESTIMATED),
                "floor": layer.figures["floor"],
            },
            option=f"--engine {','.join(names)} {self._lanes({})}",
        )

    def narrower(self) -> list[Advice]:
        """How many lanes would do where layers wait for the slowest."""
        first, *others = self.ranked
        fewer, most = {}, 0.0
        for layer in others:
            # An n-th of the lanes takes at most n times the floor, whatever the windows hold.
            times = math.floor(_ROOM * _floor(first) / _floor(layer)) if _floor(layer) else 1
            lanes = math.ceil(layer.lanes / times) if times > 1 else layer.lanes
            if lanes < layer.lanes and self._usable(layer, lanes) and not self._port(layer):
                fewer[layer.name] = lanes
                most = max(most, math.ceil(layer.lanes / lanes) * _floor(layer))
        if not fewer:
            return []
        sentence = (
            "With fewer lanes {fewer} would need no more than {most} by their floors, and {layer} "
            "{floor} as now."
        )
        figures = {
            "most": self._computed(most, "cycles", Origin.ESTIMATED),
            "floor": first.figures["floor"],
        }
        areas = [self.named[name].figures["lut"].value for name in fewer]
        if None not in areas:
            total = sum(area for area in areas if area is not None)
            figures["lut"] = self._computed(total, "", Origin.MEASURED, "synth")
            sentence += " They take {lut} look-up tables."
        return [
            Advice(
                about="lanes",
                sentence=sentence,
                names={"layer": first.name, "fewer": ", ".join(fewer)},
                figures=figures,
                option=self._lanes(fewer),
            )
        ]

    def _computed(self, value: float, unit: str, origin: Origin, verb: str = "verify") -> Figure:
        return Figure.of(value, unit, origin, command=self.known.verbs[verb])

    def _least(self, layer: LayerReport) -> float:
        """Cycles below which it does not come with the lanes that it has.

        A floor rounds the cycles of every window up, by less than one, which lanes that take
        several windows at a time need not.
        """
        if self._together(layer) == 1:
            return _floor(layer)
        least = max(self._stream(layer), _floor(layer) - self.steps * layer.windows)
        # Each of several projections has lanes of its own.
        events = (layer.figures["events"].value or 0) if len(layer.sources) == 1 else 0
        return max(least, events / layer.lanes)

    def _together(self, layer: LayerReport) -> int:
        """Windows at a time."""
        told = self.known.manifest.options.get("layers") or ()
        return next((int(x.get("pixels", 1)) for x in told if x["layer"] == layer.name), 1)

    def _stream(self, layer: LayerReport) -> float:
        """Cycles that it needs with any lanes: its windows, and what maps that it reads send it."""
        needs = [layer.windows if len(layer.shape) > 1 else 0]
        for source in layer.sources:
            if source != INPUT:
                needs.append(math.prod(self.named[source].shape[1:]) if self._map(source) else 0)
            elif self._port_is_map:
                needs.append(self.known.manifest.input.step_beats)
        return self.steps * max(needs)

    @cached_property
    def _port_is_map(self) -> bool:
        """Whether the input comes pixel by pixel, whatever the lanes."""
        readers = [layer for layer in self.layers if INPUT in layer.sources]
        return any(len(layer.shape) > 1 or layer.engine == "pool" for layer in readers)

    def _map(self, source: str) -> bool:
        return source in self.named and len(self.named[source].shape) > 1

    def _port(self, layer: LayerReport) -> bool:
        """Whether its lanes decide how wide the input port is."""
        return INPUT in layer.sources and not self._port_is_map

    def _loaded(self, layer: LayerReport) -> bool:
        memory = self.known.options.get("memory")
        weighted = [x.name for x in self.layers if x.engine != "pool"]
        if not isinstance(memory, list) or len(memory) != len(weighted):
            return False
        return layer.name in weighted and memory[weighted.index(layer.name)] == "ram"

    def _usable(self, layer: LayerReport, lanes: int, engine: str = "") -> bool:
        """Whether it may have so many, as far as can be told; see rtl_gen/lanes.py."""
        engine = engine or layer.engine
        if engine not in ("event", "parallel") or self._loaded(layer):
            return False
        if engine == "parallel":
            return lanes <= layer.inputs
        if len(layer.shape) > 1:
            # Each of them a window of its own.
            return len(layer.shape) == 3 and lanes <= layer.shape[2]
        source = layer.sources[0]
        if source in self.named:
            return lanes <= self.named[source].shape[0]
        return not self._port_is_map and lanes <= layer.inputs

    def _lanes(self, changed: Mapping[str, int]) -> str:
        weighted = [layer for layer in self.layers if layer.engine != "pool"]
        numbers = (changed.get(layer.name, layer.lanes) for layer in weighted)
        return f"--lanes {','.join(map(str, numbers))}"

    def _on_event(self, layer: LayerReport) -> float | None:
        """Cycles at most of a convolution there, with as many lanes."""
        told, events = feeds(layer.name, self.known.manifest), layer.figures["events"].value
        if layer.engine != "parallel" or len(told) != 1 or events is None:
            return None
        if not self._usable(layer, layer.lanes, "event"):
            return None
        # A plane of a window without any takes a cycle, one with some a part of one more.
        planes = told[0].get("planes", 1)
        most: float = events / layer.lanes + self.steps * layer.windows * planes
        return max(most, self._stream(layer))

    def _on_parallel(self, layer: LayerReport) -> float | None:
        """Cycles at most of a convolution there, with as many inputs a cycle."""
        told = feeds(layer.name, self.known.manifest)
        if layer.engine != "event" or len(told) != 1 or "window" not in told[0] or self.steps > 1:
            return None
        if not self._usable(layer, layer.lanes, "parallel"):
            return None
        taps: int = math.prod(told[0]["window"]["kernel"])
        adding: int = math.ceil(layer.inputs / layer.lanes) * told[0].get("planes", 1)
        return max(layer.windows * max(taps, adding), self._stream(layer))
