"""The sums of a matrix of constants as look-up tables, with the proof of each."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .columns import Column, Pair, parity
from .counters import CounterColumn
from .proof import Ledger, form
from .sharing import Sharing
from .tables import FALSE, TRUE, Tables, signal

#: Tables that an adder takes which is not shared, by the inputs of a table.
PRICES = {4: 1.5, 6: 1.0}


@dataclass
class Heap:
    """A sum being made: literals by weight, and a constant."""

    columns: dict[int, list[int]]
    constant: int
    #: Identities of the proof, with their factors.
    uses: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Neuron:
    """weights: of the inputs; threshold: at which it fires, None where its sum is wanted."""

    weights: tuple[int, ...]
    threshold: int | None

    @property
    def low(self) -> int:
        """The least sum."""
        return sum(w for w in self.weights if w < 0)

    @property
    def high(self) -> int:
        """The greatest."""
        return sum(w for w in self.weights if w > 0)

    @property
    def constant(self) -> int | None:
        """TRUE if it always fires, FALSE if it never does, else None."""
        if self.threshold is None or self.low < self.threshold <= self.high:
            return None
        return TRUE if self.threshold <= self.low else FALSE

    @property
    def top(self) -> int:
        """Place of the highest bit: the sign, or the one that says whether it fires."""
        if self.threshold is None:
            return max((-self.low - 1).bit_length() if self.low < 0 else 0, self.high.bit_length())
        return max(self.threshold - self.low - 1, self.high - self.threshold, 0).bit_length()

    @property
    def start(self) -> int:
        """What is added to the sum: 2 ** top less the threshold, so that one bit says it all."""
        return 0 if self.threshold is None else (1 << self.top) - self.threshold

    def opposite(self) -> "Neuron | None":
        """The neuron that fires exactly when this one does not."""
        if self.threshold is None:
            return None
        return Neuron(tuple(-w for w in self.weights), 1 - self.threshold)


@dataclass(frozen=True)
class Sum:
    """What has become of a neuron.

    outputs: literals by weight, from 1, of the sum in two's complement; of a neuron that fires
    the last says so, and the others are there for the proof only.
    constant: what was added to the weighted inputs.
    uses: identities and their factors; cut: signals of which the last output is a function, when
    the others are taken away.
    """

    outputs: tuple[int, ...]
    constant: int
    uses: tuple[tuple[int, int], ...]
    cut: tuple[int, ...]

    def opposite(self, neuron: Neuron) -> "Sum":
        """That of the opposite neuron, which is this one."""
        outputs = tuple(output ^ 1 for output in self.outputs)
        uses = tuple((number, -factor) for number, factor in self.uses)
        return Sum(outputs, neuron.start if self.cut else 0, uses, self.cut)


class Sums:
    """The tables of a layer.

    weights: (neurons, inputs), integers; thresholds: of each neuron, or None for the sums.
    """

    def __init__(
        self,
        tables: Tables,
        inputs: Sequence[int],
        weights: npt.NDArray[np.integer],
        thresholds: Sequence[int] | None,
    ):
        self.tables = tables
        self.ledger = Ledger()
        wanted: dict[Neuron, Sum | None] = {}
        neurons = []
        for j, row in enumerate(weights.tolist()):
            neuron = Neuron(tuple(row), None if thresholds is None else int(thresholds[j]))
            opposite = neuron.opposite()
            built = opposite if opposite in wanted else neuron
            assert built is not None
            neurons.append((neuron, built))
            wanted.setdefault(built)
        large = []
        for neuron in wanted:
            if neuron.constant is not None:
                wanted[neuron] = Sum((neuron.constant,), 0, (), ())
            elif sum(map(bool, neuron.weights)) <= tables.width:
                wanted[neuron] = self._tabulated(neuron, inputs)
            else:
                large.append(neuron)
        heaps = [self._heap(inputs, neuron.weights) for neuron in large]
        self._share(heaps)
        for neuron, heap in zip(large, heaps, strict=True):
            wanted[neuron] = self._finish(heap, neuron)
        self.sums = []
        for neuron, built in neurons:
            made = wanted[built]
            assert made is not None
            self.sums.append(made if built == neuron else made.opposite(neuron))

    def _heap(self, inputs: Sequence[int], weights: Sequence[int]) -> Heap:
        """Weighted literals, of the fewest signed digits: -x is the complement of x, less 1."""
        heap = Heap({}, 0)
        for literal, weight in zip(inputs, weights, strict=True):
            column = 0
            while weight:
                if weight & 1:
                    digit = 2 - (weight & 3)
                    weight -= digit
                    if digit < 0:
                        heap.constant -= 1 << column
                    heap.columns.setdefault(column, []).append(literal ^ (digit < 0))
                weight >>= 1
                column += 1
        return heap

    def _share(self, heaps: Sequence[Heap]) -> None:
        places = [(heap, column) for heap in heaps for column in sorted(heap.columns)]
        rows = [set(heap.columns[column]) for heap, column in places]
        sharing = Sharing(self.tables, self.ledger, rows, PRICES[self.tables.width])
        for heap, column in places:
            heap.columns[column] = []
        for (heap, column), row, carries, uses in zip(
            places, rows, sharing.carries, sharing.uses, strict=True
        ):
            heap.columns[column] += sorted(row)
            heap.columns.setdefault(column + 1, []).extend(carries)
            heap.uses += [(identity, factor << column) for identity, factor in uses]

    def _tabulated(self, neuron: Neuron, inputs: Sequence[int]) -> Sum:
        """A sum of so few inputs that each of its outputs is a table."""
        used = [(w, literal) for w, literal in zip(neuron.weights, inputs, strict=True) if w]
        literals = [literal for _, literal in used]
        top, constant = neuron.top, neuron.start

        def digit(place: int) -> Callable[..., int]:
            def of(*bits: int) -> int:
                total = constant + sum(w * bit for (w, _), bit in zip(used, bits, strict=True))
                return total >> place

            return of

        cut = tuple(sorted({signal(literal) for literal in literals}))
        if neuron.threshold is not None:
            return Sum((self.tables.add(digit(top), literals),), constant, (), cut)
        outputs = [self.tables.add(digit(place), literals) for place in range(top + 1)]
        parts = [(w, [literal]) for w, literal in used]
        parts += [(-(1 << place), [literal]) for place, literal in enumerate(outputs[:-1])]
        identity = self.ledger.keep(form(*parts, (1 << top, outputs[-1:])), cut)
        return Sum(tuple(outputs), constant, ((identity, 1),), cut)

    def _finish(self, heap: Heap, neuron: Neuron) -> Sum:
        threshold, top, constant = neuron.threshold, neuron.top, neuron.start
        heap.constant += constant
        pairs: list[Pair] = []
        outputs: list[int] = []
        bits: list[int] = []
        for column in range(top + 1):
            bits = self._merged(heap, column)
            one = heap.constant >> column & 1
            heap.constant -= one << column
            if column == top:
                outputs.append(self._parity([*bits, *(p.parity for p in pairs)], one))
                break
            if (
                threshold is not None
                and (decided := self._decide(heap, column, bits, pairs, one, top)) is not None
            ):
                outputs.append(decided)
                break
            kind = CounterColumn if self.tables.width >= 6 else Column
            adding = kind(self.tables, bits, pairs, one=bool(one), last=threshold is not None)
            outputs.append(adding.parity)
            above = heap.columns.get(column + 1, [])
            alone = not above and not heap.constant >> (column + 1) & 1 and column + 1 < top
            new, pairs, identities = adding.carries(self.ledger, alone)
            for more, carried in new.items():
                heap.columns.setdefault(column + more, []).extend(carried)
            heap.uses += [(identity, 1 << column) for identity in identities]
        above = [x for c in sorted(heap.columns) if column < c <= top for x in heap.columns[c]]
        wires = [*bits, *above, *(x for p in pairs for x in (p.bit, p.parity))]
        cut = tuple(sorted({signal(x) for x in wires} - {0}))
        return Sum(tuple(outputs), constant, tuple(heap.uses), cut)

    def _merged(self, heap: Heap, column: int) -> list[int]:
        """A column's literals, each once: two alike are one of twice the weight."""
        count = Counter(heap.columns.get(column, []))
        bits = []
        for literal, times in sorted(count.items()):
            if signal(literal) == 0:
                heap.constant += (literal * times) << column
                continue
            opposite = count.get(literal ^ 1, 0)
            both = min(times, opposite)
            if literal & 1 == 0:
                heap.constant += both << column
            times -= both
            if times & 1:
                bits.append(literal)
            heap.columns.setdefault(column + 1, []).extend([literal] * (times // 2))
        return bits

    def _parity(self, literals: Sequence[int], one: int) -> int:
        waiting = [*literals]
        while len(waiting) > 1:
            waiting.sort(key=self.tables.level)
            taken, waiting = waiting[: self.tables.width], waiting[self.tables.width :]
            waiting.append(self.tables.add(parity, taken))
        return (waiting[0] if waiting else FALSE) ^ one

    def _decide(
        self, heap: Heap, column: int, bits: list[int], pairs: list[Pair], one: int, top: int
    ) -> int | None:
        """The highest bit of what is left, if one table can tell it."""
        parts = [(1, literal) for literal in bits]
        for pair in pairs:
            parts.append((1, pair.bit))
        higher = [
            (1 << c - column, literal)
            for c in sorted(heap.columns)
            if column < c <= top
            for literal in heap.columns[c]
        ]
        wires = [literal for _, literal in (*parts, *higher)] + [p.parity for p in pairs]
        if not self.tables.fits(wires):
            return None
        plain = [(factor, literal) for factor, literal in (*[(1, x) for x in bits], *higher)]
        constant = one + (heap.constant >> column)

        def decide(*values: int) -> int:
            of = dict(zip(wires, values, strict=True))
            total = constant + sum(factor * of[literal] for factor, literal in plain)
            total += sum(of[p.bit] + (of[p.bit] ^ of[p.parity]) for p in pairs)
            return total >> (top - column)

        return self.tables.add(decide, wires)
