"""Trees that join values two by two."""


def levels(values: int) -> int:
    """From so many values to one."""
    return (values - 1).bit_length()


def depth(lanes: int, *, mask_stage: bool, cycle_levels: int) -> int:
    """Cycles from rows to their addition: the register stage that masks them, and the adders."""
    return (1 if mask_stage else 0) + -(-levels(lanes) // cycle_levels)
