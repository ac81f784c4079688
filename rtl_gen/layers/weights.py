"""Weights as the memories and accumulators have them."""

import numpy as np

from rtl_gen.feeds import Bank, ConvPlan, DensePlan, ParallelPlan
from rtl_gen.lib.fold import phase_bits
from s2nn_hw.ir import Conv2d, Projection
from s2nn_hw.manifest import LOAD_WORDS


def matrix(projection: Projection) -> np.ndarray:
    """Weights as (neurons, inputs of a window's group)."""
    return projection.weights.reshape(projection.neurons, -1).astype(np.int64)


def full_matrix(projection: Conv2d) -> np.ndarray:
    """Weights as (neurons, inputs of a window), zeros for the other groups."""
    own = matrix(projection)
    size, per_group = own.shape[1], projection.neurons // projection.groups
    whole = np.zeros((projection.neurons, size * projection.groups), dtype=np.int64)
    for j, row in enumerate(own):
        group = j // per_group
        whole[j, group * size : (group + 1) * size] = row
    return whole


def bank_rows(projection: Projection, feed: DensePlan | ConvPlan, bank: Bank) -> list[int]:
    """A bank's memory: neuron j in bits [j * weight_bits, (j + 1) * weight_bits)."""
    rows = feed.rows(bank)
    table = np.zeros((len(rows), projection.neurons), dtype=np.int64)
    table[rows >= 0] = matrix(projection).T[rows[rows >= 0]]
    return packed(table, projection.weight_bits)


def bank_words(
    projection: Projection, feed: DensePlan | ConvPlan, bank: Bank, word: int, fold: int
) -> list[int]:
    """A bank's memory as words of ``word`` neurons each, at the addresses of lib.fold.

    Neuron k of a word in bits [k * weight_bits, …); the words are filled up to whole packets.
    """
    mask = (1 << word * projection.weight_bits) - 1
    stride = 1 << phase_bits(fold)
    words: list[int] = []
    for row in bank_rows(projection, feed, bank):
        parts = [row >> f * word * projection.weight_bits & mask for f in range(fold)]
        words += parts + [0] * (stride - fold)
    return words + [0] * (-len(words) % LOAD_WORDS)


def step_bits(projection: Conv2d) -> int:
    """Bits of a weight on the parallel engine, where other groups have zeros, which need two."""
    return projection.weight_bits if projection.groups == 1 else max(2, projection.weight_bits)


def step_rows(projection: Conv2d, feed: ParallelPlan) -> list[int]:
    """Weights of each step of the parallel engine.

    Neuron j of the step's input s is in bits [(s * neurons + j) * step_bits, …); beyond the last
    input are zeros, or for one bit anything.
    """
    whole = full_matrix(projection).T
    table = np.zeros((feed.steps * feed.inputs, projection.neurons), dtype=np.int64)
    table[: len(whole)] = whole
    return packed(table.reshape(feed.steps, -1), step_bits(projection))


def packed(table: np.ndarray, bits: int) -> list[int]:
    """Rows of weights as numbers, the first weight lowest.

    A one-bit weight is stored as its sign, 1 for -1.
    """
    stored = (table < 0) if bits == 1 else table & ((1 << bits) - 1)
    planes = stored[:, :, None] >> np.arange(bits) & 1
    flat = np.packbits(planes.reshape(len(table), -1).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in flat]
