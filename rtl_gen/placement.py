"""Which input belongs to which bank.

A window ends when its fullest bank is done, so the mean of the fullest bank's cycles over sample
frames is what to make small.  Any assignment is correct; only cycles depend on it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

#: Bound on the work of the search, in trial swaps times samples: a second or so.
_WORK = 40_000_000


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
    if counts is None or len(sizes) == 1 or len(counts) == 0:
        return owner
    counts = counts[counts.sum(axis=1) > 0].astype(np.int32)
    if len(counts) == 0:
        return owner
    # Ceilings make plateaus; the unrounded load breaks their ties.
    load = np.stack([counts[:, owner == b].sum(axis=1) for b in range(len(sizes))], axis=1)
    speed = np.asarray(ports, dtype=np.int32)

    def cost(loads: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        cycles = -(-loads // speed)
        return np.asarray(
            cycles.max(axis=-1).mean(axis=0) + 0.25 * (loads / speed).max(axis=-1).mean(axis=0)
        )

    best = float(cost(load))
    budget = _WORK
    improved = True
    while improved and budget > 0:
        improved = False
        for a in range(items):
            others = np.flatnonzero(owner != owner[a])
            budget -= len(others) * len(counts)
            if budget <= 0:
                break
            # load of every sample after each trial swap: (samples, others, banks)
            move = counts[:, others] - counts[:, [a]]
            trial = np.repeat(load[:, None, :], len(others), axis=1)
            trial[:, :, owner[a]] += move
            np.subtract.at(trial, (slice(None), np.arange(len(others)), owner[others]), move)
            costs = cost(trial)
            k = int(costs.argmin())
            if costs[k] < best - 1e-9:
                b = others[k]
                load = trial[:, k, :]
                owner[a], owner[b] = owner[b], owner[a]
                best = float(costs[k])
                improved = True
    return owner


def _striped(items: int, sizes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Items dealt so that every bank's are spread evenly over the whole."""
    at = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    bank = np.concatenate([np.full(size, b) for b, size in enumerate(sizes)])
    owner = np.empty(items, dtype=np.int64)
    owner[:] = bank[np.argsort(at, kind="stable")]
    return owner
