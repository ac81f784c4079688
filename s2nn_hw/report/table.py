"""The look of all tables in the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text


def table(*columns: str, wraps: str = "") -> Table:
    """A plain table; a heading that starts with > is of a column of numbers.

    wraps: the heading of a column whose lines may be broken.
    """
    result = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), title_justify="left")
    for heading in columns:
        name = heading.removeprefix(">")
        result.add_column(
            Text(name, "bold"),
            justify="left" if name == heading else "right",
            no_wrap=name != wraps,
        )
    return result
