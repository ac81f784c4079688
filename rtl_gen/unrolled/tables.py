"""A circuit of look-up tables in which none stands twice.

Signals are numbered: 0 is the constant zero, 1…inputs the inputs, then every table in the order of
its making.  A literal is a signal or its complement, 2 · signal + inverted; complements cost
nothing, as a table takes them in.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

#: The constants, as literals.
FALSE, TRUE = 0, 1


def signal(literal: int) -> int:
    """What a literal is, or is the complement of."""
    return literal >> 1


@dataclass(frozen=True)
class Table:
    """A look-up table.

    inputs: its signals, ascending, of which it depends on every one.
    values: bit m is its value where input i is bit i of m; bit 0 is 0 unless it was complemented.
    """

    inputs: tuple[int, ...]
    values: int


class Tables:
    """A growing circuit of look-up tables.

    inputs: how many inputs there are; width: inputs that a table can have.
    """

    def __init__(self, inputs: int, width: int):
        self.inputs = inputs
        self.width = width
        #: Whether two tables of few inputs can share a cell: those of six inputs do.
        self.paired = width >= 6
        self.tables: list[Table] = []
        #: Of every signal, tables on the longest way from an input.
        self.levels = [0] * (1 + inputs)
        self._known: dict[Table, int] = {}

    def input(self, index: int) -> int:
        """The literal of an input."""
        return 2 * (1 + index)

    def table(self, of: int) -> Table:
        """The table that makes a signal."""
        return self.tables[of - 1 - self.inputs]

    def values(self, of: int, sources: Sequence[int]) -> int:
        """A signal's table of these signals, among which are those that it is of."""
        table = self.table(of)
        places = [sources.index(s) for s in table.inputs]
        values = 0
        for m in range(1 << len(sources)):
            own = sum((m >> place & 1) << i for i, place in enumerate(places))
            values |= (table.values >> own & 1) << m
        return values

    def level(self, literal: int) -> int:
        """Tables on the longest way to it."""
        return self.levels[signal(literal)]

    def fits(self, literals: Iterable[int]) -> bool:
        """Whether one table can take them."""
        return len({signal(x) for x in literals} - {0}) <= self.width

    def add(self, function: Callable[..., int], literals: Sequence[int]) -> int:
        """The literal of a function of literals, of which one table must be able to take all.

        function: of as many bits as there are literals; bit 0 of what it returns counts.
        """
        inputs = sorted({signal(x) for x in literals} - {0})
        assert len(inputs) <= self.width, literals
        place = {s: i for i, s in enumerate(inputs)}
        wires = tuple((place.get(signal(x), -1), x & 1) for x in literals)
        values = _values(function, wires, len(inputs))
        kept = [i for i in range(len(inputs)) if _depends(values, i, len(inputs))]
        values = _values_of(values, tuple(kept))
        inverted = values & 1
        if inverted:
            values ^= (1 << (1 << len(kept))) - 1
        if not kept:
            return inverted
        if len(kept) == 1:
            return 2 * inputs[kept[0]] + inverted
        return 2 * self._keep(Table(tuple(inputs[i] for i in kept), values)) + inverted

    def _keep(self, table: Table) -> int:
        if table not in self._known:
            self._known[table] = len(self.levels)
            self.levels.append(1 + max(self.levels[s] for s in table.inputs))
            self.tables.append(table)
        return self._known[table]

    def complemented(self, changed: set[int]) -> Self:
        """The same circuit, but that these signals are the complements of what they were.

        Nothing can be added to it.
        """
        made = copy(self)
        made._known = {}
        made.tables = []
        for s, table in enumerate(self.tables, start=1 + self.inputs):
            mask = sum(1 << i for i, source in enumerate(table.inputs) if source in changed)
            size = 1 << len(table.inputs)
            values = sum((table.values >> (m ^ mask) & 1) << m for m in range(size))
            if s in changed:
                values ^= (1 << size) - 1
            made.tables.append(Table(table.inputs, values))
        return made

    def live(self, literals: Iterable[int]) -> set[int]:
        """The tables, as signals, that are needed for literals."""
        needed: set[int] = set()
        waiting = [signal(x) for x in literals]
        while waiting:
            s = waiting.pop()
            if s > self.inputs and s not in needed:
                needed.add(s)
                waiting += self.table(s).inputs
        return needed

    def follows(self, of: int, cut: set[int]) -> bool:
        """Whether a signal is a function of those at a cut."""
        if of in cut or of == 0:
            return True
        return of > self.inputs and all(self.follows(s, cut) for s in self.table(of).inputs)

    def evaluate(self, values: dict[int, int], of: int, mask: int) -> int:
        """A signal's value on many assignments at once, one a bit of ``mask``.

        values: of the signals where it begins; what is found on the way is added.
        """
        if of not in values:
            table = self.table(of)
            inputs = [self.evaluate(values, s, mask) for s in table.inputs]
            values[of] = _mux(table.values, inputs, mask)
        return values[of]


def _mux(values: int, inputs: Sequence[int], mask: int) -> int:
    """A table on many assignments at once: by its last input, one half of it or the other."""
    if not inputs:
        return mask if values & 1 else 0
    half = 1 << (len(inputs) - 1)
    low, high = values & ((1 << half) - 1), values >> half
    rest, last = inputs[:-1], inputs[-1]
    if low == high:
        return _mux(low, rest, mask)
    return (_mux(low, rest, mask) & ~last & mask) | (_mux(high, rest, mask) & last)


@lru_cache(maxsize=1 << 14)
def _values(function: Callable[..., int], wires: tuple[tuple[int, int], ...], inputs: int) -> int:
    """A function as a table.  wires: of every argument its input, -1 for none, and inversion."""
    values = 0
    for m in range(1 << inputs):
        bits = [(0 if i < 0 else m >> i & 1) ^ inverted for i, inverted in wires]
        values |= (function(*bits) & 1) << m
    return values


@cache
def _depends(values: int, index: int, inputs: int) -> bool:
    return any(
        (values >> m ^ values >> (m | 1 << index)) & 1
        for m in range(1 << inputs)
        if not m >> index & 1
    )


@cache
def _values_of(values: int, kept: tuple[int, ...]) -> int:
    """A table of the kept inputs alone, the others being 0."""
    result = 0
    for m in range(1 << len(kept)):
        whole = sum(1 << index for i, index in enumerate(kept) if m >> i & 1)
        result |= (values >> whole & 1) << m
    return result
