"""Which input belongs to which bank.

A window ends when its fullest bank is done, so the mean of the fullest bank's cycles over sample
frames is what to make small.  Any assignment is correct; only cycles depend on it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

#: Bound on the work of the search, in trial swaps times samples: about a second.
_WORK = 50_000_000


def balance(
    items: int,
    sizes: Sequence[int],
    ports: Sequence[int],
    counts: npt.NDArray[np.generic] | None,
) -> npt.NDArray[np.int64]:
    """The bank of each item; bank b gets ``sizes[b]`` of them.

    Parameters
    ----------
    counts: events of each item in each sample, (samples, items), or None: then neighbours go to
        different banks.

    The search is deterministic: starting from the striped assignment it swaps items of two
    banks while that lowers the mean cost of the samples.
    """
    owner = _striped(items, sizes)
    if counts is None or len(sizes) == 1:
        return owner
    spikes = np.ascontiguousarray(counts[counts.sum(axis=1) > 0].T, dtype=np.float32)
    if not spikes.size:
        return owner
    banks = range(len(sizes))
    load = np.stack([spikes[owner == b].sum(axis=0) for b in banks])
    best = float(_cycles(load, np.asarray(ports)[:, None]).max(axis=0).mean())
    budget = _WORK
    improved = True
    while improved and budget > 0:
        improved = False
        for item in range(items):
            a = owner[item]
            for b in banks:
                if b == a:
                    continue
                others = np.flatnonzero(owner == b)
                budget -= len(others) * spikes.shape[1]
                move = spikes[others] - spikes[item]
                rest = [k for k in banks if k not in (a, b)]
                cost = np.maximum(
                    _cycles(load[a] + move, ports[a]), _cycles(load[b] - move, ports[b])
                )
                if rest:
                    bound = _cycles(load[rest], np.asarray(ports)[rest, None]).max(axis=0)
                    cost = np.maximum(cost, bound)
                mean = cost.mean(axis=1)
                k = int(mean.argmin()) if len(others) else 0
                if len(others) and mean[k] < best - 1e-5:
                    best = float(mean[k])
                    load[a] += move[k]
                    load[b] -= move[k]
                    owner[item], owner[others[k]] = b, a
                    a = b
                    improved = True
                    break
            if budget <= 0:
                break
    return owner


def _cycles(load: npt.NDArray[np.float32], ports: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Cycles of a bank; the unrounded load, at less weight, breaks the ties of the ceiling."""
    share = load / np.asarray(ports, dtype=np.float32)
    return np.asarray(np.ceil(share) + np.float32(0.25) * share, dtype=np.float32)


def _striped(items: int, sizes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Items dealt so that every bank's are spread evenly over the whole."""
    at = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    bank = np.concatenate([np.full(size, b) for b, size in enumerate(sizes)])
    owner = np.empty(items, dtype=np.int64)
    owner[:] = bank[np.argsort(at, kind="stable")]
    return owner
