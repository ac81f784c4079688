"""Bits of one weight, added up by look-up tables of six inputs.

Three tables count six bits: their parity, and two bits of twice and four times the weight.  Three
bits less for three tables is more than full adders of the same tables give.
"""

from collections.abc import Callable, Sequence
from functools import cache

from .columns import Pair, parity
from .proof import Ledger, form
from .tables import FALSE, TRUE, Tables, signal


@cache
def _digit(weight: int) -> Callable[..., int]:
    """A binary digit of the number of bits that are 1."""
    return lambda *bits: sum(bits) >> weight


class CounterColumn:
    """The counters of one column of a neuron; see Column."""

    def __init__(
        self, tables: Tables, bits: Sequence[int], pairs: Sequence[Pair], *, one: bool, last: bool
    ):
        assert not pairs
        self.tables = tables
        self._last = last
        self._made: dict[int, list[int]] = {1: [], 2: []}
        self._identities: list[tuple[list[int], int, list[int], list[int]]] = []
        waiting = sorted(bits, key=tables.level)
        constant = [TRUE] * one
        while len(waiting) + len(constant) > 1:
            taken = len(waiting) if len(waiting) <= tables.width else tables.width
            if taken == 4 and len(waiting) == 4 and not constant and not last:
                taken = 3  # a full adder, and a half one
            group, waiting = waiting[:taken], waiting[taken:]
            if not waiting:
                group, constant = group + constant, []
            odd = self._count(group)
            if odd != FALSE:
                waiting.append(odd)
                waiting.sort(key=tables.level)
        self.parity = (waiting + constant + [FALSE])[0]

    def _count(self, group: list[int]) -> int:
        odd = self.tables.add(parity, group)
        digits = [self.tables.add(_digit(w), group) for w in (1, 2) if len(group) >> w]
        self._identities.append((group, odd, digits[:1], digits[1:]))
        for weight, digit in enumerate(digits, start=1):
            self._made[weight].append(digit)
        return odd

    def carries(
        self, ledger: Ledger, alone: bool
    ) -> tuple[dict[int, list[int]], list[Pair], list[int]]:
        """The bits that go to the next column and the one after it; see Column."""
        identities = [
            ledger.keep(
                form((1, group), (-1, [odd]), (-2, middle), (-4, upper)), map(signal, group)
            )
            for group, odd, middle, upper in self._identities
        ]
        return self._made, [], identities
