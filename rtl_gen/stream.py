"""What travels between the blocks of a core.

All of it moves on ``amaranth.lib.stream``: ``valid`` never waits for ``ready``, and the payload is
stable while ``valid & ~ready``.
"""

from amaranth.lib import data


def word(positions: int, planes: int = 1) -> data.StructLayout:
    """A beat on its way into a layer: of a flat source some elements, of a map one pixel.

    Members
    -------
    planes: one group of ``positions`` bits a plane, plane b being bit b of the values.
    last: this word ends the frame.
    drop: the frame is malformed and must not be answered; counts only with ``last``.
    """
    return data.StructLayout({"planes": data.ArrayLayout(positions, planes), "last": 1, "drop": 1})


def share(positions: int, rows: int) -> data.StructLayout:
    """A bank's share of a word.

    Members
    -------
    bits: the spikes.
    base: row of weights that belongs to bit 0.
    last: ends the plane.
    drop: see word().
    """
    return data.StructLayout({"bits": positions, "base": range(max(rows, 2)), "last": 1, "drop": 1})


def entry(positions: int, rows: int, groups: int = 1) -> data.StructLayout:
    """What an encoder reads: a share that is not empty, unless it is all there is of its plane.

    Members
    -------
    bits, base: see share(); of a grouped convolution bit i tells that input i of any group is set,
    spikes: ... and bit ``i * groups + g`` which groups' are.
    last: ends a plane of the window, and perhaps
    closes: ... the window,
    final: ... the frame.
    drop: see word(); counts only with ``final``.
    """
    fields: dict = {
        "bits": positions,
        "base": range(max(rows, 2)),
        "last": 1,
        "closes": 1,
        "final": 1,
        "drop": 1,
    }
    if groups > 1:
        fields["spikes"] = positions * groups
    return data.StructLayout(fields)


def flat(bits: int) -> data.StructLayout:
    """A beat of anything, with the mark of its end."""
    return data.StructLayout({"data": bits, "last": 1})
