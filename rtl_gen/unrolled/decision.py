"""Whether a sum of few bits reaches a threshold, as look-up tables.

What must be known of a few of the bits is not their sum, but which of the thresholds that the
others leave it reaches.  Of six bits four are told by two tables of four inputs; a third does
with them and the other two.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .tables import Tables

#: Wires that a sum may have to be decided so.
WIRES = 10
#: States of a search that are followed.
BEAM = 4


@dataclass(frozen=True)
class Part:
    """A summand, told by wires: with literal i being bit i of m it is ``values[m]``."""

    literals: tuple[int, ...]
    values: tuple[int, ...]


#: A summand, whatever its wires: its values.
Shape = tuple[int, ...]
#: Of every merge the summands.
Path = tuple[tuple[Shape, ...], ...]


@dataclass(frozen=True)
class Merge:
    """Summands replaced by one: its code and its values.

    codes: of every assignment of the wires of all, those of the first the lowest bits.
    """

    codes: tuple[int, ...]
    values: Shape


def decide(tables: Tables, parts: Sequence[Part], least: int) -> int | None:
    """The literal that says whether the parts' sum is ``least`` or more.

    None where no way was found in which every table leaves less to tell.
    """
    waiting = list(parts)
    merges = _plan(tuple(sorted(part.values for part in parts)), least, tables.width)
    if merges is None:
        return None
    for taken in merges:
        chosen = []
        for shape in taken:
            same = [part for part in waiting if part.values == shape]
            first = min(same, key=lambda part: max(map(tables.level, part.literals), default=0))
            waiting.remove(first)
            chosen.append(first)
        made = merge(taken, tuple(part.values for part in waiting), least)
        wires = [literal for part in chosen for literal in part.literals]
        bits = range((len(made.values) - 1).bit_length())
        waiting.append(
            Part(tuple(tables.add(_bit(made.codes, b), wires) for b in bits), made.values)
        )
    (decided,) = waiting
    return decided.literals[0] if decided.literals else int(decided.values[0] >= least)


def _bit(codes: tuple[int, ...], bit: int):
    def of(*values: int) -> int:
        return codes[sum(value << i for i, value in enumerate(values))] >> bit

    return of


@lru_cache(maxsize=1 << 12)
def _plan(shapes: tuple[Shape, ...], least: int, width: int) -> Path | None:
    """Which summands are merged, one merge after the other, until one wire tells all."""
    states: list[tuple[int, tuple[Shape, ...], Path]] = [(0, shapes, ())]
    best: tuple[int, Path] | None = None
    while states:
        found: dict[tuple[Shape, ...], tuple[int, Path]] = {}
        for spent, state, path in states:
            if sum(map(_wires, state)) <= width:
                total = spent + 1
                if best is None or total < best[0]:
                    best = total, (*path, state)
                continue
            for taken in _unions(state, width):
                rest = _without(state, taken)
                made = merge(taken, rest, least)
                price = _wires(made.values)
                if price >= sum(map(_wires, taken)):
                    continue
                after = tuple(sorted((*rest, made.values)))
                if after not in found or spent + price < found[after][0]:
                    found[after] = spent + price, (*path, taken)
        ranked = sorted(
            ((spent, state, path) for state, (spent, path) in found.items()),
            key=lambda entry: (entry[0] + _left(entry[1], width), entry[1]),
        )
        states = ranked[:BEAM]
    return None if best is None else best[1]


def _left(state: tuple[Shape, ...], width: int) -> float:
    """About how many tables a state still takes."""
    over = sum(map(_wires, state)) - width
    return 1 + max(0, over) * (1.5 if width < 6 else 1.0)


def _wires(shape: Shape) -> int:
    return (len(shape) - 1).bit_length()


def _without(state: Sequence[Shape], taken: Sequence[Shape]) -> tuple[Shape, ...]:
    return tuple(sorted((Counter(state) - Counter(taken)).elements()))


def _unions(state: tuple[Shape, ...], width: int) -> Iterator[tuple[Shape, ...]]:
    """The different sets of summands that a table has inputs for, and can be fewer wires."""
    kinds = sorted(Counter(state).items())

    def choose(at: int, room: int, taken: tuple[Shape, ...]) -> Iterator[tuple[Shape, ...]]:
        if at == len(kinds):
            if width - room > 1:
                yield taken
            return
        shape, count = kinds[at]
        for times in range(count + 1):
            if times * _wires(shape) > room:
                break
            yield from choose(at + 1, room - times * _wires(shape), taken + (shape,) * times)

    return choose(0, width, ())


@lru_cache(maxsize=1 << 16)
def merge(taken: tuple[Shape, ...], rest: tuple[Shape, ...], least: int) -> Merge:
    """Summands as one, of which only that is kept which decides with the rest.

    rest: sorted or not; what it can sum to decides.
    """
    edges = sorted({least - total for total in _sums(rest)})
    sums = [0]
    for shape in taken:
        sums = [total + value for value in shape for total in sums]
    classes = [bisect_right(edges, total) for total in sums]
    order = {c: k for k, c in enumerate(sorted(set(classes)))}
    values = [0] * len(order)
    for c, total in zip(classes, sums, strict=True):
        values[order[c]] = total
    size = 1 << (len(values) - 1).bit_length()
    values += values[-1:] * (size - len(values))
    return Merge(tuple(order[c] for c in classes), tuple(values))


@lru_cache(maxsize=1 << 14)
def _sums(shapes: tuple[Shape, ...]) -> frozenset[int]:
    """All that summands can come to."""
    sums = {0}
    for shape in shapes:
        sums = {total + value for total in sums for value in shape}
    return frozenset(sums)
