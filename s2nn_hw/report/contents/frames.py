"""What is read of ``timeline.json``, ``example.json`` and the waveform of the ports."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from .content import Content, Count, Positive, Whole


class Cycles(Content):
    """Of a layer in each state.

    work: in which it was at work.
    wait: in which it waited for input.
    held: in which it was held by back-pressure.
    """

    work: Count
    wait: Count
    held: Count


class Worked(Content):
    """What a layer or pool did.

    name: of the layer.
    cycles: in each state.
    spans: state, first cycle, and the cycle behind its last.
    """

    name: str
    cycles: Cycles
    spans: list[Annotated[tuple[Literal["work", "wait", "held"], Count, Count], Strict(False)]]


class TimelineFrame(Content):
    """A frame of the timeline.

    frame: its number, from 0.
    first_in, last_in: cycles in which its first and last beat were taken.
    first_out, last_out: cycles in which the first and last beat of its result were.
    """

    frame: Count
    first_in: Count
    last_in: Count
    first_out: Count
    last_out: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        # A result may come before the last beat, where that holds pixels that no window reads.
        for first, last in (
            ("first_in", "last_in"),
            ("first_in", "first_out"),
            ("first_out", "last_out"),
        ):
            start, end = getattr(self, first), getattr(self, last)
            if start > end:
                raise ValueError(f"must not have {first} {start} after {last} {end}")
        return self


class Timeline(Content):
    """What every layer did in the first frames, ``timeline.json``.

    digest: of the build.
    simulator: that saw it.
    cycles: that were watched; cycle 0 is that in which the first beat was taken.
    frames: that were through by then.
    layers: and pools, in the network's order.
    """

    digest: str
    simulator: str
    cycles: Positive
    frames: Annotated[list[TimelineFrame], Field(min_length=1)]
    layers: list[Worked]


class Values(Content):
    """Of a map or a row of neurons.

    shape: channels, height and width, or neurons.
    maximum: greatest value that there may be.
    steps: that follow one another.
    values: base64, in raster order, channels first; of the input a byte each, of others eight
        spikes a byte, the first in the highest bit, and of greater values a byte each, or two, the
        lower one first, where 255 is not enough.
    """

    shape: list[Positive]
    maximum: Positive
    steps: Positive = 1
    values: str


class LayerValues(Values):
    """What a layer gives.

    name: of the layer.
    kind: what it is.
    """

    name: str
    kind: Literal["layer", "pool"]


class Example(Content):
    """One frame through the layers, ``example.json``.

    digest: of the build.
    frame: its number.
    label: of the data set, None where there is none.
    class: that of the greatest score, the first of them.
    input: what the core is sent.
    layers: and pools but the readout, what each gives at the last step.
    steps: of the network.
    scores: of all classes.
    """

    digest: str
    frame: Count
    label: Count | None
    answer: Count = Field(alias="class")
    input: Values
    layers: list[LayerValues]
    steps: Positive = 1
    scores: list[Whole]

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.answer >= len(self.scores):
            raise ValueError(
                f"class must be that of one of {len(self.scores)} scores, not {self.answer}"
            )
        if self.answer != (greatest := self.scores.index(max(self.scores))):
            raise ValueError(
                f"class must be {greatest}, the first of the greatest score, not {self.answer}"
            )
        return self


class Said(Content):
    """A line of a diagram.

    text: of the line.
    """

    text: str


class Signal(Content):
    """A row of a waveform.

    name: of the signal.
    wave: a character a cycle, of WaveDrom's those that are drawn here.
    data: what stands in its values, in their order.
    """

    name: str
    wave: Annotated[str, Field(pattern=r"\A[.|01px=]+\z")]
    data: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if len(self.data) != (values := self.wave.count("=")):
            raise ValueError(f"must have as many data as values, {values}, not {len(self.data)}")
        return self


class Waveform(Content):
    """The ports as one frame goes in and its result comes, ``ports.wavedrom.json``.

    digest: of the build.
    signal: rows, each a Signal, none, or a group: its name and its rows.
    head: the title.
    foot: what stands below.
    """

    digest: str
    signal: list[Any]
    head: Said
    foot: Said
