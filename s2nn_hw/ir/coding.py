"""How pixels become spikes, where they are rates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def drawn(
    frames: npt.NDArray[np.uint8], maximum: int, steps: int, seed: int, first: int = 0
) -> npt.NDArray[np.uint8]:
    """Spikes (n, steps, *shape) of frames (n, *shape), by a generator that is the same everywhere.

    A pixel p is a spike iff maximum * r < 65536 * p, where r is uniform, 0…65535: never if it is 0,
    always if it is the maximum.  The r of frame k are the words of Philox 4×64 with the key
    ``seed``, whose counter begins at k * 2**192, the lowest 16 bits of a word first, in the order
    of (steps, *shape).  ``first`` is the k of the first frame given.
    """
    shape = (steps, *frames.shape[1:])
    size = int(np.prod(shape))
    spikes = np.empty((len(frames), *shape), np.uint8)
    for k, frame in enumerate(frames, start=first):
        words = np.random.Philox(key=seed, counter=[0, 0, 0, k]).random_raw(-(-size // 4))
        r = words.astype("<u8").view("<u2")[:size].reshape(shape)
        spikes[k - first] = r.astype(np.uint32) * np.uint32(maximum) < frame.astype(np.uint32) << 16
    return spikes
