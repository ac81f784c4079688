"""Full adders that several sums have in common.

A row is the bits of one weight of one neuron; rows of different weights are alike.  Where rows
have three signals in common, in whatever polarity, one table is the parity of all of them; the
carry needs a table for every way in which the polarities differ, complements of all three aside.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from .columns import majority, parity
from .proof import Ledger, form
from .tables import Tables, signal

#: Thirds that are tried with a pair of signals.
THIRDS = 8
#: Pairs of signals that are tried at once, of those that most rows have, and how often; and signals
#: that are tried with the parity of a new adder.  Layers of few hundred inputs have fewer.
PAIRS, PASSES = 20_000, 4
PARTNERS = 64


#: Members of rows that are counted one by one sooner than all signals at once.
FEW = 200


class Sharing:
    """Replaces bits of rows by the parities of shared adders, best first.

    rows: of each its literals, of distinct signals; afterwards those that are left, and parities.
    price: cells of an adder that is not shared.

    ``carries`` are the carries of each row, ``uses`` the numbers of the identities, with the factor
    that makes them those of the row's literals.
    """

    def __init__(self, tables: Tables, ledger: Ledger, rows: list[set[int]], price: float):
        self.tables = tables
        self.ledger = ledger
        self.price = price
        #: Of every signal the rows that have it, and those that have its complement, as bits.
        self.present = Incidence(len(rows))
        self.inverted: Counter[int] = Counter()
        for r, row in enumerate(rows):
            for literal in row:
                self._put(r, literal)
        self.members = [{signal(literal) for literal in row} for row in rows]
        self.carries: list[list[int]] = [[] for _ in rows]
        self.uses: list[list[tuple[int, int]]] = [[] for _ in rows]
        for _ in range(PASSES):
            pairs = self._pairs()
            best = heapq.nlargest(PAIRS, pairs, key=pairs.__getitem__)
            if not self._choose(best) or len(best) == len(pairs):
                break
        for r, row in enumerate(rows):
            row.clear()
            row |= {2 * s + (self.inverted[s] >> r & 1) for s in self.members[r]}

    def _choose(self, pairs: Iterable[tuple[int, int]]) -> bool:
        """Put in adders, the best first, of triples that a pair is of; whether there were any."""
        # Most are found with two of their pairs, or with all three.
        queue = list({entry for a, b in pairs for entry in self._with(a, b)})
        heapq.heapify(queue)
        some = bool(queue)
        while queue:
            gain, triple = heapq.heappop(queue)
            now = self._gain(*triple)
            if now <= 0:
                continue
            if now < -gain:
                heapq.heappush(queue, (-now, triple))
                continue
            for entry in set(self._take(triple)):
                heapq.heappush(queue, entry)
        return some

    def _put(self, row: int, literal: int) -> None:
        s, bit = signal(literal), 1 << row
        self.present[s] |= bit
        self.inverted[s] = self.inverted[s] & ~bit | (bit if literal & 1 else 0)

    def _pairs(self) -> dict[tuple[int, int], int]:
        """Signals that two rows or more have both, and how many do."""
        count: Counter[tuple[int, int]] = Counter()
        for members in self.members:
            count.update(combinations(sorted(members), 2))
        return {pair: rows for pair, rows in count.items() if rows > 1}

    def _with(self, a: int, b: int) -> Iterator[tuple[float, tuple[int, int, int]]]:
        """The best triples that two signals are of."""
        rows, ab = self.present[a] & self.present[b], self.inverted[a] ^ self.inverted[b]
        alike, different = rows & ~ab, rows & ab
        for c, common in self._common(rows, {a, b}, THIRDS):
            ac = self.inverted[a] ^ self.inverted[c]
            p, q = alike & self.present[c], different & self.present[c]
            classes = (p & ~ac != 0) + (p & ac != 0) + (q & ~ac != 0) + (q & ac != 0)
            if (gain := self._saved(common, classes)) > 0:
                x, y, z = sorted((a, b, c))
                yield -gain, (x, y, z)

    def _classes(self, a: int, b: int, c: int) -> list[int]:
        """The rows that have three signals, by the ways in which their polarities differ."""
        rows = self.present[a] & self.present[b] & self.present[c]
        ab, ac = self.inverted[a] ^ self.inverted[b], self.inverted[a] ^ self.inverted[c]
        ways = (rows & ~ab & ~ac, rows & ~ab & ac, rows & ab & ~ac, rows & ab & ac)
        return [way for way in ways if way]

    def _gain(self, a: int, b: int, c: int) -> float:
        """Cells that a triple saves."""
        classes = self._classes(a, b, c)
        return self._saved(sum(way.bit_count() for way in classes), len(classes))

    def _saved(self, rows: int, classes: int) -> float:
        made = (1 + classes) * (0.5 if self.tables.paired else 1)
        return self.price * rows - made if rows > 1 else 0

    def _take(self, triple: tuple[int, int, int]) -> Iterator[tuple[float, tuple[int, int, int]]]:
        """Put in the adders of a triple; the triples that its parity is of."""
        new = 0
        for way in self._classes(*triple):
            first = (way & -way).bit_length() - 1
            literals = [2 * s + (self.inverted[s] >> first & 1) for s in triple]
            odd = self.tables.add(parity, literals)
            carry = self.tables.add(majority, literals)
            identity = self.ledger.keep(
                form((1, literals), (-1, [odd]), (-2, [carry])), map(signal, literals)
            )
            new = signal(odd)
            for r in _bits(way):
                flip = (self.inverted[triple[0]] >> r & 1) ^ (literals[0] & 1)
                self.carries[r].append(carry ^ flip)
                self.uses[r].append((identity, -1 if flip else 1))
                self._put(r, odd ^ flip)
                self.members[r] -= set(triple)
                self.members[r].add(new)
            for s in triple:
                self.present[s] &= ~way
        others = self._common(self.present[new], {new}, PARTNERS)
        return (entry for s, _ in others for entry in self._with(new, s))

    def _common(self, rows: int, but: set[int], most: int) -> list[tuple[int, int]]:
        """Signals that most of these rows have, and how many, more than one; ``but`` some."""
        each = [self.members[r] for r in _bits(rows)]
        if sum(map(len, each)) > FEW:
            return self.present.most(rows, but, most)
        count = Counter(s for own in each for s in own)
        found = sorted((-n, s) for s, n in count.items() if n > 1 and s not in but)
        return [(s, -n) for n, s in found[:most]]


class Incidence:
    """Which rows have a signal, a bit each; of signals that are not there, none."""

    def __init__(self, rows: int):
        self._bytes = 8 * -(-rows // 64)
        self._rows: list[int] = []
        #: The same for all signals at once.
        self._words = np.zeros((0, self._bytes // 8), dtype=np.uint64)

    def __getitem__(self, of: int) -> int:
        return self._rows[of] if of < len(self._rows) else 0

    def __setitem__(self, of: int, rows: int) -> None:
        if of >= len(self._rows):
            self._rows += [0] * (of + 1 - len(self._rows))
        if of >= len(self._words):
            self._words = np.pad(self._words, ((0, of + 1), (0, 0)))
        self._rows[of] = rows
        self._words[of] = self._as_words(rows)

    def most(self, rows: int, but: set[int], most: int) -> list[tuple[int, int]]:
        """See Sharing._common()."""
        count = np.bitwise_count(self._words & self._as_words(rows)).sum(axis=1, dtype=np.int64)
        count[list(but)] = 0
        found = np.flatnonzero(count > 1)
        # All differ: of signals that as many rows have the first.
        rank = count[found] * len(count) - found
        if len(found) > most:
            found = found[np.argpartition(rank, -most)[-most:]]
        return sorted(
            ((int(s), int(count[s])) for s in found), key=lambda item: (-item[1], item[0])
        )

    def _as_words(self, rows: int) -> npt.NDArray[np.uint64]:
        return np.frombuffer(rows.to_bytes(self._bytes, "little"), dtype="<u8")


def _bits(mask: int) -> Iterator[int]:
    """The positions of the ones, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
