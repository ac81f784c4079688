"""What is read of ``timeline.json``, ``example.json`` and the waveform of the ports."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict, model_validator

from .content import Content, Count, Positive


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


class Timeline(Content):
    """See flow.timeline."""

    digest: str
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
    scores: list[int]

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.answer >= len(self.scores):
            raise ValueError(
                f"class must be that of one of {len(self.scores)} scores, not {self.answer}"
            )
        return self


class Said(Content):
    """A line of a diagram."""

    text: str


class Waveform(Content):
    """See report.ports; what the lanes are is read where they are drawn."""

    digest: str
    signal: list[Any]
    head: Said
    foot: Said
