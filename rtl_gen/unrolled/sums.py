"""The sums of a matrix of constants as look-up tables, with the proof of each."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .columns import Column, Pair, parity
from .counters import CounterColumn
from .decision import WIRES, Part, decide
from .proof import Ledger, form
from .sharing import Sharing
from .tables import FALSE, TRUE, Tables, signal

#: Cells that an adder takes which is not shared, by the inputs of a table.
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
    def size(self) -> int:
        """Inputs that it has to do with."""
        return sum(map(bool, self.weights))

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

    def opposite(self, threshold: int) -> "Sum":
        """That of the opposite of the neuron that this is of, which has such a threshold."""
        outputs = tuple(output ^ 1 for output in self.outputs)
        uses = tuple((number, -factor) for number, factor in self.uses)
        constant = self.constant + 2 * threshold - 1 if self.cut else 0
        return Sum(outputs, constant, uses, self.cut)


class Sums:
    """The tables of a layer.

    weights: (neurons, inputs), integers; thresholds: of each neuron, or None for the sums.
    told: inputs of the largest neuron that is decided without a sum, if it can be.
    """

    def __init__(
        self,
        tables: Tables,
        inputs: Sequence[int],
        weights: npt.NDArray[np.integer],
        thresholds: Sequence[int] | None,
        told: int,
    ):
        self.tables = tables
        self.ledger = Ledger()
        self._used: set[int] = set()
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
            wanted[neuron] = self._small(neuron, inputs, told)
            if wanted[neuron] is None:
                large.append(neuron)
        heaps = [self._heap(inputs, neuron.weights) for neuron in large]
        self._share(heaps)
        for neuron, heap in zip(large, heaps, strict=True):
            wanted[neuron] = self._finish(heap, neuron)
        self.sums = []
        for neuron, built in neurons:
            made = wanted[built]
            assert made is not None
            if built != neuron:
                assert built.threshold is not None
                made = made.opposite(built.threshold)
            self.sums.append(made)

    def _small(self, neuron: Neuron, inputs: Sequence[int], told: int) -> Sum | None:
        """A neuron that needs no heap; None of one that does."""
        if neuron.constant is not None:
            return Sum((neuron.constant,), 0, (), ())
        if neuron.threshold is None:
            return self._tabulated(neuron, inputs) if neuron.size <= self.tables.width else None
        made = self._told(neuron, inputs) if neuron.size <= told else None
        return None if made is None else self._cheapest([made], fires=True)

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
        """A sum of so few inputs that each of its bits is a table."""
        used = [(w, literal) for w, literal in zip(neuron.weights, inputs, strict=True) if w]
        literals = [literal for _, literal in used]
        top = neuron.top

        def digit(place: int) -> Callable[..., int]:
            def of(*bits: int) -> int:
                return sum(w * bit for (w, _), bit in zip(used, bits, strict=True)) >> place

            return of

        outputs = [self.tables.add(digit(place), literals) for place in range(top + 1)]
        parts = [(w, [literal]) for w, literal in used]
        parts += [(-(1 << place), [literal]) for place, literal in enumerate(outputs[:-1])]
        cut = tuple(sorted({signal(literal) for literal in literals}))
        identity = self.ledger.keep(form(*parts, (1 << top, outputs[-1:])), cut)
        return Sum(tuple(outputs), 0, ((identity, 1),), cut)

    def _told(self, neuron: Neuron, inputs: Sequence[int]) -> Sum | None:
        """A neuron whose few inputs tell whether it fires, with no sum made."""
        assert neuron.threshold is not None
        used = [(w, literal) for w, literal in zip(neuron.weights, inputs, strict=True) if w]
        parts = [Part((literal,), (0, w)) for w, literal in used]
        last = decide(self.tables, parts, neuron.threshold)
        cut = tuple(sorted({signal(literal) for _, literal in used}))
        return None if last is None else Sum((last,), neuron.start, (), cut)

    def _finish(self, heap: Heap, neuron: Neuron) -> Sum:
        threshold, top, constant = neuron.threshold, neuron.top, neuron.start
        heap.constant += constant
        pairs: list[Pair] = []
        outputs: list[int] = []
        ways: list[Sum] = []
        for column in range(top + 1):
            bits = self._merged(heap, column)
            if threshold is not None:
                cut = _cut(heap, column, bits, pairs, max(heap.columns, default=0))
                decided = self._decided(heap, column, bits, pairs, top)
                if decided is not None:
                    last, more = decided
                    ways.append(Sum((*outputs, last), constant + more, tuple(heap.uses), cut))
                    if len(cut) <= self.tables.width:
                        break
            one = heap.constant >> column & 1
            heap.constant -= one << column
            if column == top:
                outputs.append(self._parity([*bits, *(p.parity for p in pairs)], one))
                cut = _cut(heap, column, bits, pairs, top)
                ways.append(Sum(tuple(outputs), constant, tuple(heap.uses), cut))
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
        return self._cheapest(ways, fires=threshold is not None)

    def _cheapest(self, ways: Sequence[Sum], *, fires: bool) -> Sum:
        """The one that needs the fewest tables which no neuron before did."""

        def needed(way: Sum) -> set[int]:
            return self.tables.live(way.outputs[-1:] if fires else way.outputs) - self._used

        best = min(ways, key=lambda way: len(needed(way)))
        self._used |= needed(best)
        return best

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

    def _decided(
        self, heap: Heap, column: int, bits: Sequence[int], pairs: Sequence[Pair], top: int
    ) -> tuple[int, int] | None:
        """Whether what is left reaches the highest bit, if it is few enough wires to decide.

        With what is to be added for that bit to be right whatever the signals at the cut are.
        """
        singles: Counter[int] = Counter()
        constant = heap.constant >> column
        wires = [(1, literal) for literal in bits]
        wires += [(1 << c - column, x) for c in heap.columns if c > column for x in heap.columns[c]]
        for factor, literal in wires:
            if literal & 1:
                constant += factor
                factor = -factor
            if signal(literal):
                singles[signal(literal)] += factor
        parts = [Part((2 * s,), (0, factor)) for s, factor in sorted(singles.items()) if factor]
        # Of a bit and its parity with another one.
        parts += [Part((pair.bit, pair.parity), (0, 2, 1, 1)) for pair in pairs]
        if sum(len(part.literals) for part in parts) > WIRES:
            return None
        reach = 1 << top - column
        last = decide(self.tables, parts, reach - constant)
        if last is None:
            return None
        least = constant + sum(min(part.values) for part in parts)
        most = constant + sum(max(part.values) for part in parts)
        power = max(reach, 1 << (max(reach - least, most - reach + 1, 1) - 1).bit_length())
        return last, power - reach << column


def _cut(
    heap: Heap, column: int, bits: Sequence[int], pairs: Sequence[Pair], top: int
) -> tuple[int, ...]:
    """The signals of what is left to be added up from a column to another."""
    above = [x for c in sorted(heap.columns) if column < c <= top for x in heap.columns[c]]
    wires = [*bits, *above, *(x for pair in pairs for x in (pair.bit, pair.parity))]
    return tuple(sorted({signal(x) for x in wires} - {0}))
