"""The numbers of neurons, and what comes over the lanes that add to them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtl_gen.width import signed_width

#: Planes up to which what is added is shifted to its place.  With more, that takes more look-up
#: tables than doubling the potential, which takes one a bit.
SHIFTED_PLANES = 3


@dataclass(frozen=True, kw_only=True)
class Lane:
    """What comes over a lane: at most a row of weights a cycle, one for each neuron.

    Parameters
    ----------
    weight_bits: of a weight as it is stored; a one-bit weight is its sign, 1 for -1.
    groups: of neurons, each of which the row is meant for or not.
    word: neurons of a group, if all groups have the same row, a word for them; else 0.
    """

    weight_bits: int
    groups: int = 1
    word: int = 0

    def bits(self, neurons: int) -> int:
        """Of a row."""
        return self.weight_bits * (self.word or neurons)

    def place(self, neuron: int, neurons: int) -> tuple[int, int]:
        """Where in the row a neuron's weight begins, and its group."""
        if self.word:
            group, within = divmod(neuron, self.word)
            return within * self.weight_bits, group
        return neuron * self.weight_bits, neuron * self.groups // neurons


@dataclass(frozen=True, kw_only=True)
class Left:
    """What an accumulator begins with where something is left of the potential before.

    Parameters
    ----------
    low, high: least and greatest value of the accumulator.
    fired: what is added to the potential of a neuron that fires, or comes in its place: ``hard``.
    silent: what is added to that of one that does not.
    """

    low: int
    high: int
    fired: int
    silent: int
    hard: bool


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """The numbers of one accumulator.

    Parameters
    ----------
    low, high: least and greatest sum of its weights over inputs 0…1.
    lanes: least and greatest weight of each lane.
    offset: what the potential starts from: minus the threshold, or zero for a score.
    left: in steps of a frame that are not its first; None if they begin alike.  Inputs have no more
        than SHIFTED_PLANES bits then.
    """

    low: int
    high: int
    lanes: tuple[tuple[int, int], ...]
    offset: int
    left: Left | None = None

    def start(self, planes: int) -> int:
        """The accumulator at the beginning of a frame."""
        return self.offset if planes <= SHIFTED_PLANES else self.offset >> (planes - 1)

    def width(self, planes: int) -> int:
        """Bits that hold it after any rows of any plane.

        Where the potential doubles, after the planes B-1…b the sum of the rows is within
        (2**(B-b) - 1) times low…high, and offset >> b is what has been shifted in.  Else it is
        within what it is after plane 0.
        """
        if self.left is not None:
            return signed_width(self.left.low, self.left.high)
        bounds = [0]
        for b in range(planes):
            most = 2 ** (planes - b) - 1
            bounds += [
                self.low * most + (self.offset >> b),
                self.high * most + (self.offset >> b),
                self.offset >> b,
            ]
        return signed_width(min(bounds), max(bounds))


def neurons(
    weights: Sequence[npt.NDArray[np.int64]],
    lanes: Sequence[npt.NDArray[np.int64]],
    offsets: Sequence[int],
    left: Sequence[Left | None] | None = None,
) -> tuple[Neuron, ...]:
    """The accumulators of a layer.

    Parameters
    ----------
    weights: (neurons, inputs) of each projection.
    lanes: weights (neurons, n) that come over each lane; none where only widths are of interest.
    offsets, left: per neuron.
    """
    low = np.sum([np.minimum(w, 0).sum(axis=1) for w in weights], axis=0)
    high = np.sum([np.maximum(w, 0).sum(axis=1) for w in weights], axis=0)
    least = [w.min(axis=1, initial=0).tolist() for w in lanes]
    greatest = [w.max(axis=1, initial=0).tolist() for w in lanes]
    bounds = [list(zip(*both, strict=True)) for both in zip(least, greatest, strict=True)]
    of_neurons = zip(*bounds, strict=True) if bounds else [()] * len(low)
    per_neuron = zip(
        low.tolist(), high.tolist(), of_neurons, offsets, left or [None] * len(low), strict=True
    )
    return tuple(
        Neuron(low=a, high=b, lanes=own, offset=int(offset), left=kept)
        for a, b, own, offset, kept in per_neuron
    )
