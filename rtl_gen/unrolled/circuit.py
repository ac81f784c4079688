"""A layer as a circuit of look-up tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rtl_gen.width import signed_width

from .decision import WIRES
from .pairs import pairs
from .proof import Identity, complemented
from .sums import PRICES, Sum, Sums
from .tables import Tables, signal


@dataclass(frozen=True, eq=False)
class Circuit:
    """A layer's tables, and the proof of them.

    weights: of the inputs, the bits of values among them as inputs of their own, (neurons, inputs).
    thresholds: one a neuron, or None where the sums are wanted.
    tables: input i is column i of the weights.
    sums: of every neuron; identities: what their proofs use.
    """

    weights: npt.NDArray[np.int64]
    thresholds: tuple[int, ...] | None
    tables: Tables
    sums: tuple[Sum, ...]
    identities: tuple[Identity, ...]

    @property
    def outputs(self) -> tuple[int, ...]:
        """Literals: whether each neuron fires, or the bits of its sum, the lowest first."""
        if self.thresholds is None:
            return tuple(literal for made in self.sums for literal in made.outputs)
        return tuple(made.outputs[-1] for made in self.sums)

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of every neuron's sum, less its threshold if it has one."""
        low = np.minimum(self.weights, 0).sum(axis=1)
        high = np.maximum(self.weights, 0).sum(axis=1)
        if self.thresholds is not None:
            # One beyond what a sum reaches is as good as one at its edge.
            edge = np.clip(self.thresholds, low, high + 1)
            low, high = low - edge, high - edge
        return tuple(signed_width(int(a), int(b)) for a, b in zip(low, high, strict=True))

    @property
    def cells(self) -> int:
        """That its tables take."""
        live = self.tables.live(self.outputs)
        return len(live) - (len(pairs(self.tables, live)) if self.tables.paired else 0)

    def latency(self, depth: int) -> int:
        """Cycles, with so many tables, one behind the other, between two registers."""
        return max(1, -(-max(map(self.tables.level, self.outputs)) // depth))


def estimate(weights: npt.NDArray[np.int64], width: int) -> int:
    """About how many tables a layer takes, or somewhat more: what is shared is not known before."""
    digits = 0
    rest = np.abs(weights)
    while rest.any():
        odd = rest & 1
        digits += int(odd.sum())
        rest = (rest - odd * (2 - (rest & 3))) >> 1
    return int(digits * PRICES[width])


def circuit(
    weights: npt.NDArray[np.int64], thresholds: Sequence[int] | None, width: int
) -> Circuit:
    """The circuit of a layer, of tables with so many inputs."""
    known = None if thresholds is None else tuple(map(int, thresholds))
    return _circuit(weights.astype(np.int64).tobytes(), weights.shape, known, width)


@lru_cache(maxsize=64)
def _circuit(
    weights: bytes, shape: tuple[int, int], thresholds: tuple[int, ...] | None, width: int
) -> Circuit:
    matrix = np.frombuffer(weights, dtype=np.int64).reshape(shape)
    # Neurons of few inputs by themselves, or with the adders that they share with others.
    few = [n for n in np.count_nonzero(matrix, axis=1).tolist() if width < n <= WIRES]
    ways = (width, WIRES) if few and thresholds is not None else (width,)
    circuit = min(
        (_made(matrix, thresholds, Tables(shape[1], width), told) for told in ways),
        key=lambda circuit: circuit.cells,
    )
    # An inverter behind a register would be a table more, one in a table is none.
    inverted = {signal(o) for o in circuit.outputs if o & 1}
    return _complemented(circuit, {s for s in inverted if s > circuit.tables.inputs})


def _made(
    matrix: npt.NDArray[np.int64], thresholds: tuple[int, ...] | None, tables: Tables, told: int
) -> Circuit:
    inputs = [tables.input(i) for i in range(tables.inputs)]
    made = Sums(tables, inputs, matrix, thresholds, told)
    return Circuit(matrix, thresholds, tables, tuple(made.sums), tuple(made.ledger.identities))


def _complemented(circuit: Circuit, changed: set[int]) -> Circuit:
    """The circuit in which these signals are the complements of what they were."""
    return replace(
        circuit,
        tables=circuit.tables.complemented(changed),
        sums=tuple(
            replace(made, outputs=tuple(o ^ (signal(o) in changed) for o in made.outputs))
            for made in circuit.sums
        ),
        identities=tuple(complemented(identity, changed) for identity in circuit.identities),
    )
