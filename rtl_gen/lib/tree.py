"""Trees that join values two by two."""


def levels(values: int) -> int:
    """From so many values to one."""
    return (values - 1).bit_length()


def depth(lanes: int, *, mask_stage: bool, additions: int) -> int:
    """Cycles from the rows of lanes to their addition to a potential, which may be the first's.

    mask_stage: whether rows are masked in a cycle of their own.
    additions: that a cycle has time for, one behind the other; that to the potential is one.
    """
    return (1 if mask_stage else 0) + levels(lanes) // additions
