"""How the inputs of a projection are dealt to memories of weights."""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import Conv2d

from .feeds import Bank, DensePlan, WindowPlan
from .placement import balance

#: Windows that the banks of a convolution are fitted to.
_WINDOWS = 2000

#: Entries that distributed RAM has at the price of one.
LUT_RAM = 16

Values = npt.NDArray[np.unsignedinteger]


def channel_banks(
    projection: Conv2d, plan: WindowPlan, count: int, values: Values | None
) -> tuple[Bank, ...]:
    """The channels of a group in ``count`` banks of one port."""
    channels = plan.channels // projection.groups
    counts = None
    if values is not None and len(values) and count > 1:
        counts = _window_counts(projection, plan, values)
    sizes = shares(channels, [1] * count)
    owner = balance(channels, sizes, [1] * count, counts)
    return tuple(
        Bank(ports=1, positions=tuple(int(k) for k in np.flatnonzero(owner == b)))
        for b in range(count)
    )


def _window_counts(projection: Conv2d, plan: WindowPlan, values: Values) -> npt.NDArray[np.int64]:
    """Events of each channel of a group in some windows, (windows, channels)."""
    taps = plan.window.pixels(plan.size)
    rng = np.random.default_rng(0)
    frames = rng.integers(0, len(values), _WINDOWS)
    windows = rng.integers(0, len(taps), _WINDOWS)
    flat = values.reshape(len(values), projection.groups, -1, plan.words)
    picked = flat[frames[:, None], :, :, np.maximum(taps[windows], 0)]
    picked = picked * (taps[windows] >= 0)[:, :, None, None]
    bits = np.stack([picked >> b & 1 for b in range(plan.planes)])
    # Spikes at the same place of several groups are one event.
    events: npt.NDArray[np.int64] = bits.max(axis=3).sum(axis=(0, 2), dtype=np.int64)
    return events


def dense_banks(
    *,
    source: str,
    inputs: int,
    planes: int,
    positions: int,
    lanes: int,
    reads: int,
    order: npt.NDArray[np.int64] | None,
    repeats: bool,
    fixed: bool,
    values: Values | None,
) -> DensePlan:
    """A dense projection's plan.

    Parameters
    ----------
    reads: of a bank's memory in a cycle, at the most.
    order: input at each place of the words; None: in turn.
    repeats: see DensePlan.
    fixed: whether inputs keep their positions, so that only the bank of a position is free: a
        frame comes in raster order.  Spikes of a flat layer are there all at once, so any of them
        may go to any position.
    values: of the source for some frames, (n, …).
    """
    words = -(-inputs // positions)
    ports = [reads] * (lanes // reads) + [1] * (lanes % reads)
    sizes = shares(positions, ports)
    if order is None:
        order = np.full(words * positions, -1, dtype=np.int64)
        order[:inputs] = np.arange(inputs)
    items = positions if fixed else inputs
    if not fixed:
        sizes = _fill(inputs, [size * words for size in sizes])
    counts = None
    if values is not None and len(values):
        bits = values.reshape(len(values), 1, inputs) >> np.arange(planes)[:, None] & 1
        counts = bits.reshape(-1, inputs)
        if fixed:
            placed = np.where(order >= 0, counts[:, np.maximum(order, 0)], 0)
            counts = placed.reshape(len(counts), words, positions).sum(axis=1)
    owner = balance(items, sizes, ports, counts)
    if fixed:
        banks = tuple(
            Bank(ports=p, positions=tuple(int(k) for k in np.flatnonzero(owner == b)))
            for b, p in enumerate(ports)
        )
    else:
        banks, order = _spread(owner, ports, positions, words)
    # While the planes of a frame are read, the next one comes in.
    queue = max(4, 1 << (words * (2 if planes > 1 else 1) - 1).bit_length())
    if words <= LUT_RAM:
        queue = min(queue, LUT_RAM)
    return DensePlan(
        source=source,
        positions=positions,
        planes=planes,
        order=tuple(int(k) for k in order),
        repeats=repeats,
        banks=banks,
        queue=queue,
    )


def _spread(
    owner: npt.NDArray[np.int64], ports: Sequence[int], positions: int, words: int
) -> tuple[tuple[Bank, ...], npt.NDArray[np.int64]]:
    """Banks over the positions, and the order that puts each bank's inputs at its positions."""
    sizes = shares(positions, ports)
    order = np.full((words, positions), -1, dtype=np.int64)
    banks = []
    start = 0
    for b, (port, size) in enumerate(zip(ports, sizes, strict=True)):
        members = np.flatnonzero(owner == b)
        place = np.full(words * size, -1, dtype=np.int64)
        place[: len(members)] = members
        order[:, start : start + size] = place.reshape(words, size)
        banks.append(Bank(ports=port, positions=tuple(range(start, start + size))))
        start += size
    return tuple(banks), order.reshape(-1)


def shares(total: int, parts: Sequence[int]) -> list[int]:
    """``total`` split in proportion to the parts."""
    edges = np.cumsum([0, *parts]) * total // sum(parts)
    return [int(b - a) for a, b in itertools.pairwise(edges)]


def _fill(total: int, capacity: Sequence[int]) -> list[int]:
    """``total`` split in proportion to the capacities, which bound it."""
    sizes = shares(total, capacity)
    for b, room in enumerate(capacity):
        over = max(0, sizes[b] - room)
        sizes[b] -= over
        for other in range(len(sizes)):
            given = min(over, max(0, capacity[other] - sizes[other])) if other != b else 0
            sizes[other] += given
            over -= given
    return sizes
