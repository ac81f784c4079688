"""What is read of ``options.json`` and ``plan.json``: how layers are built, or are to be."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .content import Content, Count, Interval, Positive, Size, Whole


class Choice(Content):
    """Of each layer that has synapses, in their order."""

    engine: list[str]
    lanes: list[Positive]
    windows: list[Positive]
    memory: list[Literal["rom", "ram"]]

    @model_validator(mode="after")
    def _even(self) -> Self:
        found = {len(x) for x in (self.engine, self.lanes, self.windows, self.memory)}
        if len(found) != 1:
            raise ValueError("must have as many of engine, lanes, windows and memory")
        return self


class Options(Choice):
    """See flow.emit.Options; of a core as it is built they have its digest."""

    counters: bool
    unroll_limit: Whole | None
    family: str | None
    freq: Size | None
    digest: str


class PlanOptions(Choice):
    """What a plan is to emit."""

    family: str
    freq: Size


class Prediction(Choice):
    """See flow.prediction.Prediction."""

    fmax_mhz: Size
    lut: Count
    ff: Count
    bram: Count
    interval_cycles: Interval
    inferences_per_second: Size


class Plan(Content):
    """See flow.PlanResult."""

    network: str
    board: str | None
    device: str | None
    options: PlanOptions
    predicted: Prediction
    front: Annotated[list[Prediction], Field(min_length=1)]
