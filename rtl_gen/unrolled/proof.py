"""What is to be believed of a circuit, in steps that each are checked on all of their values.

A sum of weighted bits is rewritten step by step.  A step is an identity: a linear form of signals
that is zero whatever the signals at its cut are.  A neuron's sum is proved by the multiples of
identities that turn the form of its weights into that of its outputs.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from .tables import Tables, signal

#: A linear form of signals: coefficients, and under signal 0, which is nothing else, the constant.
Form = Counter[int]


def add(form: Form, literal: int, factor: int) -> None:
    """Add factor · literal."""
    if literal & 1:
        form[0] += factor
        factor = -factor
    if signal(literal):
        form[signal(literal)] += factor


def form(*parts: tuple[int, Iterable[int]]) -> Form:
    """The sum of factors times literals."""
    result: Form = Counter()
    for factor, literals in parts:
        for literal in literals:
            add(result, literal, factor)
    return Counter({s: k for s, k in result.items() if k})


@dataclass(frozen=True)
class Identity:
    """terms: of a form that is zero for all values of the signals in ``cut``."""

    terms: tuple[tuple[int, int], ...]
    cut: tuple[int, ...]


def complemented(identity: Identity, changed: set[int]) -> Identity:
    """The same of signals that are the complements of what they were."""
    parts = ((factor, [2 * s + (s in changed)]) for s, factor in identity.terms if s)
    terms = form(*parts)
    terms[0] += sum(factor for s, factor in identity.terms if s == 0)
    return replace(identity, terms=tuple(sorted((s, k) for s, k in terms.items() if k)))


@dataclass
class Ledger:
    """The identities of a circuit, each once."""

    identities: list[Identity] = field(default_factory=list)
    _known: dict[Identity, int] = field(default_factory=dict)

    def keep(self, terms: Form, cut: Iterable[int]) -> int:
        """The number of an identity."""
        identity = Identity(tuple(sorted(terms.items())), tuple(sorted(set(cut) - {0})))
        if identity not in self._known:
            self._known[identity] = len(self.identities)
            self.identities.append(identity)
        return self._known[identity]


def holds(tables: Tables, identity: Identity) -> bool:
    """Whether the form is zero for all values at the cut."""
    values, mask = assignments(identity.cut)
    total = Bits(mask)
    constant = 0
    for s, factor in identity.terms:
        if s == 0:
            constant += factor
        else:
            total.add(tables.evaluate(values, s, mask), factor)
    return total.equals(-constant)


def assignments(signals: Sequence[int]) -> tuple[dict[int, int], int]:
    """All assignments of signals at once: of each its value in every one, as bits, and all bits."""
    count = 1 << len(signals)
    mask = (1 << count) - 1
    values = {}
    for i, s in enumerate(signals):
        run = 1 << i
        values[s] = mask // ((1 << 2 * run) - 1) * ((1 << 2 * run) - (1 << run))
    return values, mask


class Bits:
    """Sums of many assignments at once, as bits of each weight."""

    def __init__(self, mask: int):
        self.mask = mask
        self.planes: list[int] = []
        self.offset = 0

    def add(self, bits: int, factor: int) -> None:
        """Add factor · bit to every sum."""
        if factor < 0:
            self.offset += factor
            bits, factor = ~bits & self.mask, -factor
        weight = 0
        while factor:
            if factor & 1:
                self._ripple(bits, weight)
            factor >>= 1
            weight += 1

    def _ripple(self, bits: int, weight: int) -> None:
        while bits:
            while len(self.planes) <= weight:
                self.planes.append(0)
            self.planes[weight], bits = self.planes[weight] ^ bits, self.planes[weight] & bits
            weight += 1

    def equals(self, number: int) -> bool:
        """Whether every sum is that number."""
        number -= self.offset
        if number < 0 or number >> len(self.planes):
            return False
        return all(
            plane == (self.mask if number >> weight & 1 else 0)
            for weight, plane in enumerate(self.planes)
        )
