"""What is read of ``timeline.json``, ``example.json`` and the waveform of the ports."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from .content import Content, Count, Positive, Whole


class Cycles(Content):
    """Of a layer in each state."""

    work: Count
    wait: Count
    held: Count


class Worked(Content):
    """What a layer did: spans of a state, from a cycle to before another."""

    name: str
    cycles: Cycles
    spans: list[Annotated[tuple[Literal["work", "wait", "held"], Count, Count], Strict(False)]]


class TimelineFrame(Content):
    """Its number, and the cycles of its beats."""

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
    """See flow.timeline."""

    digest: str
    simulator: str
    cycles: Positive
    frames: Annotated[list[TimelineFrame], Field(min_length=1)]
    layers: list[Worked]


class Values(Content):
    """Of a map or a row of neurons, in base64."""

    shape: list[Positive]
    maximum: Positive
    steps: Positive = 1
    values: str


class LayerValues(Values):
    """What a layer gives."""

    name: str
    kind: Literal["layer", "pool"]


class Example(Content):
    """See flow.example."""

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
    """A line of a diagram."""

    text: str


class Signal(Content):
    """A row of a waveform, a character a cycle: of WaveDrom's those that are drawn here."""

    name: str
    wave: Annotated[str, Field(pattern=r"\A[.|01px=]+\z")]
    data: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if len(self.data) != (values := self.wave.count("=")):
            raise ValueError(f"must have as many data as values, {values}, not {len(self.data)}")
        return self


class Waveform(Content):
    """See report.ports; what the rows of ``signal`` are, its groups aside, says Signal."""

    digest: str
    signal: list[Any]
    head: Said
    foot: Said
