"""The look of all tables in the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text


def table(*columns: str) -> Table:
    """A plain table; a heading that starts with > is of a column of numbers.

    Where there is no room for it, cells are folded, those of the widest columns first.
    """
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left")
    for heading in columns:
        name = heading.removeprefix(">")
        result.add_column(
            Text(name, "bold"),
            justify="left" if name == heading else "right",
            overflow="fold",
        )
    return result
