"""How a network becomes hardware: the numbers that every block and the timing model read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from s2nn_hw.manifest import InputPort, OutputPort


@dataclass(frozen=True, kw_only=True)
class Bank:
    """One weight memory and its read ports.

    Parameters
    ----------
    ports: reads, and so events, a cycle: 1 or 2.
    positions: those of a word whose weights it holds; the k-th is bit k of the bank's entries.
    """

    ports: int
    positions: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class EventPlan:
    """An event engine for a dense layer.

    Parameters
    ----------
    layer: name of the layer.
    positions: of a word, P.
    planes: bits of an input value.
    order: input at position p of word w, in ``order[w * P + p]``; -1 where there is none.
    banks: at least one; every position in exactly one.
    queue: entries of the memory of a bank's queue; a whole frame at least.
    slots: results that wait for the next layer.
    """

    layer: str
    positions: int
    planes: int
    order: tuple[int, ...]
    banks: tuple[Bank, ...]
    queue: int
    slots: int

    @property
    def lanes(self) -> int:
        """Events a cycle."""
        return sum(bank.ports for bank in self.banks)

    @property
    def words(self) -> int:
        """Words of a frame."""
        return len(self.order) // self.positions

    def rows(self, bank: Bank) -> npt.NDArray[np.int64]:
        """The input of each row of the bank's memory, -1 for a row never read."""
        order = np.array(self.order, dtype=np.int64).reshape(self.words, self.positions)
        return order[:, list(bank.positions)].reshape(-1)


@dataclass(frozen=True, kw_only=True)
class CorePlan:
    """A whole core: ports, the gathering of input beats into words, and a plan a layer."""

    top: str
    input: InputPort
    gather: int
    layers: tuple[EventPlan, ...]
    output: OutputPort
    counters: bool


def signed_width(low: int, high: int) -> int:
    """Bits of a signed number that takes every value from low to high."""
    return max(
        1, (-low - 1).bit_length() + 1 if low < 0 else 1, high.bit_length() + 1 if high > 0 else 1
    )
