"""What is read of a bench, an experiment and a sweep, which are of many networks."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, ConfigDict, model_validator

from .content import Content, Count, Positive, Share, Size
from .verification import Mean


class Circuit(Content):
    """See flow.bench.Row."""

    network: str
    generator: str
    setting: str
    device: str
    lut: Count | None
    interval_cycles: Size | None
    mismatches: Count | None
    error: str | None


class Bench(Content):
    """See flow.BenchResult."""

    rows: list[Circuit]
    networks: dict[str, str]

    @model_validator(mode="after")
    def _known(self) -> Self:
        for row in self.rows:
            if row.network not in self.networks:
                raise ValueError(f"must have the digest of its network {row.network!r}")
        return self


class Case(Content):
    """A row of an experiment's table, of which four columns are read here."""

    data: str
    arch: str
    neuron: str
    weight_bits: Positive | None
    steps: Positive | None
    accuracy: Mean | None = None
    interval_cycles: Mean | None = None
    lut: Mean | None = None
    rtl_toggles: Mean | None = None


class Column(Content):
    """How a figure came to be."""

    origin: str


class Trained(Content):
    """A trial of an experiment; a twin has no network."""

    network: str | None = None


class Experiment(Content):
    """See flow.experiment."""

    board: str | None
    device: str | None
    columns: dict[str, Column]
    trials: list[Trained]
    table: list[Case]


def _filled(cell: str) -> str | None:
    return cell or None


class Trial(Content):
    """A row of a sweep's table, whose cells are text."""

    model_config = ConfigDict(strict=False)

    number: Count
    model: str
    network: str
    plan: Count
    seed: Count
    state: str
    accuracy: Annotated[Share | None, BeforeValidator(_filled)] = None
    interval_cycles: Annotated[Size | None, BeforeValidator(_filled)] = None
    lut: Annotated[Count | None, BeforeValidator(_filled)] = None
    toggles: Annotated[Size | None, BeforeValidator(_filled)] = None
