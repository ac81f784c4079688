"""What travels between the blocks of a core.

All of it moves on ``amaranth.lib.stream``: ``valid`` never waits for ``ready``, and the payload is
stable while ``valid & ~ready``.
"""

from amaranth.lib import data


def word(positions: int, planes: int = 1) -> data.StructLayout:
    """A beat of a spike map on its way into a layer.

    Members
    -------
    planes: one group of ``positions`` bits a plane, plane b being bit b of the values.
    last: this word ends the frame.
    drop: the frame is malformed and must leave no trace; counts only with ``last``.
    """
    return data.StructLayout({"planes": data.ArrayLayout(positions, planes), "last": 1, "drop": 1})


def entry(positions: int, rows: int) -> data.StructLayout:
    """A bank's share of a word in its queue.

    Members
    -------
    bits: the spikes; not all zero unless ``last``.
    base: row of weights that belongs to bit 0.
    last: ends the window.
    drop: see word().
    """
    return data.StructLayout({"bits": positions, "base": range(max(rows, 2)), "last": 1, "drop": 1})


def flat(bits: int) -> data.StructLayout:
    """A beat of anything, with the mark of its end."""
    return data.StructLayout({"data": bits, "last": 1})
