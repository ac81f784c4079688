"""Look-up tables that share a cell which has two outputs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from .tables import Tables

#: Inputs that both have together.
ROOM = 5


def pairs(tables: Tables, signals: Iterable[int]) -> list[tuple[int, int]]:
    """Signals whose tables have no more inputs together than a cell with two outputs.

    As many as a greedy choice finds, those first that have the fewest others to go with.  Both are
    as many tables behind the inputs as each other: so neither depends on the other.
    """
    inputs = {s: set(tables.table(s).inputs) for s in signals}
    small = [s for s in sorted(inputs) if len(inputs[s]) <= ROOM]
    readers: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for s in small:
        for source in inputs[s]:
            readers[tables.levels[s], source].append(s)
    fit = {
        (a, b)
        for own in readers.values()
        for k, b in enumerate(own)
        for a in own[:k]
        if len(inputs[a] | inputs[b]) <= ROOM
    }
    others = Counter(s for pair in fit for s in pair)
    found: list[tuple[int, int]] = []
    free = set(small)
    for a, b in sorted(fit, key=lambda pair: (others[pair[0]] + others[pair[1]], pair)):
        if a in free and b in free:
            free -= {a, b}
            found.append((a, b))
    found += _strangers(tables, {s: len(inputs[s]) for s in sorted(free)})
    return sorted(found)


def _strangers(tables: Tables, sizes: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Pairs of those, by their number of inputs, that have none in common with any other."""
    levels: defaultdict[int, list[int]] = defaultdict(list)
    for s in sorted(sizes, key=lambda s: sizes[s]):
        levels[tables.levels[s]].append(s)
    for own in levels.values():
        while len(own) > 1:
            least = own.pop(0)
            fits = [k for k, s in enumerate(own) if sizes[s] + sizes[least] <= ROOM]
            if not fits:
                break
            other = own.pop(fits[-1])
            yield min(least, other), max(least, other)
