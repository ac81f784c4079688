"""What a generator made of a network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import well_formed
from s2nn_hw.toolchain import fields

#: The file in which a generator's script says what it made.
CIRCUIT = "circuit.json"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One number in the output: bits from ``low`` on, times ``scale``; no bits are a 0."""

    low: int
    bits: int
    signed: bool
    scale: int

    def of(self, word: int) -> int:
        """The number, of a value of the port."""
        value = word >> self.low & (1 << self.bits) - 1
        if self.signed and value >> max(0, self.bits - 1) & 1:
            value -= 1 << self.bits
        return value * self.scale


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """Verilog with flat ports.

    Parameters
    ----------
    folder: of the files.
    files: of the design alone.
    top: module.
    clock: its port, None where it is combinational.
    data, result: ports of a frame and of its result.
    constant: bits of ``data`` that are always 1, beside the frame's.
    input_fields: where each value of the frame is in ``data``.
    fields: where each number is in ``result``.
    gives: what these are: ``scores``, ``spikes`` (whether each score is at least 0) or ``class``.
    started: whether a frame is taken when ``start`` is high and the circuit ``ready``, with a reset
        ``rst_n``; else a frame is taken in every cycle.
    seconds: that generating took, without what was loaded before.
    """

    folder: Path
    files: tuple[str, ...]
    top: str
    clock: str | None
    data: str
    result: str
    constant: int
    input_fields: tuple[Field, ...]
    fields: tuple[Field, ...]
    gives: str
    started: bool
    seconds: float

    @property
    def data_bits(self) -> int:
        """Width of ``data``."""
        ends = [field.low + field.bits for field in self.input_fields]
        return max(*ends, self.constant.bit_length())

    @property
    def result_bits(self) -> int:
        """Width of ``result``."""
        return max(field.low + field.bits for field in self.fields)

    def pack(self, frame: npt.NDArray[np.uint8]) -> int:
        """A frame as a value of ``data``."""
        word = self.constant
        for value, field in zip(frame.reshape(-1).tolist(), self.input_fields, strict=True):
            word |= (value & (1 << field.bits) - 1) << field.low
        return word

    def unpack(self, word: int | None) -> tuple[int, ...] | None:
        """The numbers in a value of ``result``; None of one that is not known."""
        return None if word is None else tuple(field.of(word) for field in self.fields)

    @classmethod
    def read(cls, folder: Path) -> Circuit:
        """The circuit that a script wrote into a folder; ToolError if it wrote none."""
        entry = fields.load(folder / CIRCUIT)
        with well_formed(f"{folder / CIRCUIT}: what the generator wrote"):
            numbers: dict[str, Any] = {
                name: tuple(Field(**field) for field in entry.pop(name))
                for name in ("input_fields", "fields")
            }
            return cls(folder=folder, files=tuple(entry.pop("files")), **numbers, **entry)
