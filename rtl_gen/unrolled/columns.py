"""Bits of one weight, added up by look-up tables of four inputs.

A full adder turns three bits of a weight into their parity, of the same weight, and a carry, of
twice the weight.  Two tables of three inputs would make it.  A table of four makes more of its
inputs, in two ways.

* Of adders in a row only every other parity is needed, as a carry is the same function of the
  parity behind its adder as of the one before it.  A table takes in three bits more, an adder
  brings two.
* A carry whose table has an input left is made as its parity with another one.  Of such a pair,
  (u, u ⊕ v), the next column's parity needs one wire, where two bits are two; and with that parity
  known the carry is u or the bit before, by one table of three inputs.

So n bits take n / 2 adders at 5/3 tables, and n / 2 more at 4/3 in the columns above: 3/2 n
tables, where full adders alone take 2 n.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from .proof import Ledger, form
from .tables import FALSE, TRUE, Tables, signal


def parity(*bits: int) -> int:
    return sum(bits)


def majority(a: int, b: int, c: int) -> int:
    return a + b + c >> 1


@dataclass(frozen=True)
class Pair:
    """Two bits of which one is there and the parity of both."""

    bit: int
    parity: int


@dataclass(frozen=True)
class Carry:
    """A bit of twice the weight that is not made yet: a function of literals."""

    function: Callable[..., int]
    literals: tuple[int, ...]


@dataclass(frozen=True)
class Adders:
    """Adders in a row: Σ bits = parity + 2 · Σ carries, whatever the signals at the cut are."""

    bits: tuple[int, ...]
    cut: tuple[int, ...]
    parity: int
    carries: tuple[Carry, ...]


@cache
def _carry(role: str, before: int) -> Callable[..., int]:
    """The function of a carry of adder (x, y), or of (u, q) where it has a pair.

    Its arguments are a parity, then as many bits as ``before`` that the parity of the bit before
    the adder is the parity of with it, then the adder's own.
    """
    if role == "pair":
        return lambda *bits: parity(*bits[: before + 1]) if bits[-1] else bits[-2]
    return lambda *bits: majority(parity(*bits[: before + 1]) & 1, *bits[before + 1 :])


def adders(
    tables: Tables, first: int, units: Sequence[Pair | tuple[int, int]], last: bool
) -> Adders:
    """Adders in a row, of which each takes a pair or two bits.

    first: the bit of the first adder; last: whether the parity of all is not needed, and made
    for the proof only.
    """
    bits, cut, carries = [first], [first], []
    room = tables.width - (first > TRUE)
    made, waiting = first, []  # the parity so far is that of both
    for k, unit in enumerate(units):
        pair = isinstance(unit, Pair)
        own = [unit.parity] if pair else [*unit]
        arguments = [unit.bit, unit.parity] if pair else own
        bits += [unit.bit, tables.add(parity, arguments)] if pair else own
        cut += arguments
        behind = [*waiting, *own]
        ends = last and k == len(units) - 1
        if (
            waiting
            and len(behind) >= room
            and not (ends and tables.fits([made, *waiting, *arguments]))
        ):
            made = tables.add(parity, [made, *behind[:room]])
            taken = own[: room - len(waiting)]
            behind = behind[room:]
            room = tables.width - 1
            carries.append(
                Carry(_carry("pair" if pair else "bits", len(taken)), (made, *taken, *arguments))
            )
        else:
            carries.append(
                Carry(
                    _carry("pair" if pair else "bits", len(waiting)), (made, *waiting, *arguments)
                )
            )
        waiting = behind
    while waiting:
        made, waiting = tables.add(parity, [made, *waiting[:room]]), waiting[room:]
    return Adders(tuple(bits), tuple(cut), made, tuple(carries))


class Column:
    """The adders of one column of a neuron.

    bits, pairs: what is in the column, none of them constant; one: whether a constant 1 is, too;
    last: whether the parity of all is not needed.
    """

    def __init__(
        self, tables: Tables, bits: Sequence[int], pairs: Sequence[Pair], *, one: bool, last: bool
    ):
        self.tables = tables
        self._bits = sorted(bits, key=tables.level)
        self._pairs = sorted(pairs, key=self._level)
        self.rows: list[Adders] = []
        if one and len(bits) % 2 == 0:
            self._bits.insert(0, TRUE)
            one = False
        while (count := len(self._bits) + 2 * len(self._pairs)) > 2:
            if not self._bits:
                pair = self._pairs.pop(0)
                self._bits = [pair.bit, tables.add(parity, [pair.bit, pair.parity])]
            first = self._bits.pop(0)
            units = self._units()
            taken = 2 * len(units)
            self._row(adders(tables, first, units, last and not one and count - taken == 1))
        self.parity = self._rest(one)

    def _level(self, of: Pair | tuple[int, int]) -> int:
        literals = (of.bit, of.parity) if isinstance(of, Pair) else of
        return max(map(self.tables.level, literals))

    def _units(self) -> list[Pair | tuple[int, int]]:
        """What is to be added in a row: up to three adders, those whose bits are there first.

        Those are best whose parities fill tables: three pairs, a pair and two bits, six bits.
        """
        pairs, bits = self._pairs, self._bits
        ways = [(3, 0), (1, 1), (0, 3)]
        full = [(p, b) for p, b in ways if p <= len(pairs) and 2 * b <= len(bits)]
        if full:
            p, b = min(full, key=lambda way: self._ready(*way))
        else:
            p, b = len(pairs), min(len(bits) // 2, 3)
        units: list[Pair | tuple[int, int]] = [*pairs[:p]]
        units += [(bits[2 * i], bits[2 * i + 1]) for i in range(b)]
        del pairs[:p], bits[: 2 * b]
        return units

    def _ready(self, pairs: int, bits: int) -> int:
        """The level at which so many pairs and twice so many bits are there."""
        levels = [self._level(p) for p in self._pairs[:pairs]]
        return max([*levels, *map(self.tables.level, self._bits[: 2 * bits])])

    def _row(self, row: Adders) -> None:
        self.rows.append(row)
        if row.parity != FALSE:
            self._bits.append(row.parity)
            self._bits.sort(key=self.tables.level)

    def _rest(self, one: bool) -> int:
        """The parity of what is left: two bits, one, or none, and maybe a constant 1."""
        bits = [*self._bits]
        for pair in self._pairs:
            bits += [pair.bit, self.tables.add(parity, [pair.bit, pair.parity])]
        if len(bits) + one < 2:
            return bits[0] if bits else FALSE + one
        bits = [*bits, FALSE + one, FALSE][:3]
        seen = [x for pair in self._pairs for x in (pair.bit, pair.parity)] or bits
        if self._pairs:
            odd = self.tables.add(parity, [self._pairs[0].parity, FALSE + one])
            carry = Carry(_carried, (*seen, FALSE + one))
        else:
            odd = self.tables.add(parity, bits)
            carry = Carry(majority, (bits[0], bits[1], bits[2]))
        self.rows.append(Adders(tuple(bits), tuple(seen), odd, (carry,)))
        return odd

    def carries(
        self, ledger: Ledger, alone: bool
    ) -> tuple[dict[int, list[int]], list[Pair], list[int]]:
        """Make the carries, as bits and pairs; with the numbers of the rows' identities.

        As many of them as can be become pairs, but if they would be ``alone`` in their column,
        which then has no bit to begin with.
        """
        tables = self.tables
        made: dict[int, int] = {}  # carry → its literal
        partner: dict[int, int] = {}  # carry that is of a pair, and not there → the one that is
        every = [carry for row in self.rows for carry in row.carries]
        late = sorted(range(len(every)), key=lambda i: max(map(tables.level, every[i].literals)))
        open_ = [i for i in late if not self._narrow(every[i])]
        narrow = [i for i in late if self._narrow(every[i])]
        if alone and len(every) % 2 == 0 and narrow:
            open_now = narrow.pop(0)
            made[open_now] = tables.add(every[open_now].function, every[open_now].literals)
        for i in open_:
            made[i] = tables.add(every[i].function, every[i].literals)
        pairs: list[Pair] = []
        paired: set[int] = set()
        while narrow:
            if open_:
                bit = open_.pop(0)
            else:
                bit = narrow.pop(0)
                made[bit] = tables.add(every[bit].function, every[bit].literals)
                if not narrow:
                    break
            other = narrow.pop(0)
            carry = every[other]
            q = tables.add(_plus(carry.function), [*carry.literals, made[bit]])
            if q in (FALSE, TRUE) or made[bit] in (FALSE, TRUE):
                made[other] = tables.add(carry.function, carry.literals)
                continue
            pairs.append(Pair(made[bit], q))
            partner[other] = bit
            made[other] = tables.add(parity, [made[bit], q])
            paired |= {bit, other}
        bits = [made[i] for i in range(len(every)) if i not in paired]
        identities = []
        at = 0
        for row in self.rows:
            own = range(at, at + len(row.carries))
            at += len(row.carries)
            cut = {signal(literal) for literal in row.cut}
            others = {signal(made[partner[i]]) for i in own if i in partner}
            cut |= {s for s in others if not tables.follows(s, cut)}
            terms = form((1, row.bits), (-1, [row.parity]), (-2, [made[i] for i in own]))
            identities.append(ledger.keep(terms, cut))
        return {1: bits}, pairs, identities

    def _narrow(self, carry: Carry) -> bool:
        """Whether its table has an input left."""
        signals = {signal(x) for x in carry.literals} - {0}
        return 1 < len(signals) < self.tables.width


@cache
def _plus(function: Callable[..., int]) -> Callable[..., int]:
    """The parity of a function and one more bit."""
    return lambda *bits: function(*bits[:-1]) ^ bits[-1]


def _carried(u: int, q: int, one: int) -> int:
    """The carry of a pair and a constant."""
    return majority(u, u ^ q, one)
