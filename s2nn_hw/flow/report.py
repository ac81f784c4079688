"""What is known of a build, or of two."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError, well_formed

from .folder import write_file

if TYPE_CHECKING:
    from s2nn_hw.report.page import Page
    from s2nn_hw.report.pair import Pair

#: The page's name in the folder that it is of, and that of two in the first's.
HTML, BOTH = "report.html", "comparison.html"

#: What our pages have near their beginning, and how near.
_OURS, _NEAR = b's2nn-hw report"', 1000


def report(
    folder: str | os.PathLike[str],
    other: str | os.PathLike[str] | None = None,
    *,
    beside: Sequence[str | os.PathLike[str]] = (),
    html: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """What ``report --json`` says: the fields of Page and BuildReport, of two builds those of Pair.

    ``beside``: more folders in which what the first lacks is looked for.  ``html``: file that
    becomes the page.  Raises InputError naming the file of the folder that is absent, foreign,
    changed, or of another build.
    """
    found = read(folder, other, beside)
    if html is not None:
        write_html(found, Path(html))
    return found.as_dict()


def read(
    folder: str | os.PathLike[str],
    other: str | os.PathLike[str] | None = None,
    beside: Sequence[str | os.PathLike[str]] = (),
) -> Page | Pair:
    """What is known; InputError as report() has it."""
    from s2nn_hw.report import build, page, pair
    from s2nn_hw.report.sources import Sources

    more = tuple(map(Path, beside))
    if other is None:
        return page.read(Path(folder), more)
    first, second = (build.of(Sources((Path(name),))) for name in (folder, other))
    return pair.compare(first, second)


def write_html(found: Page | Pair, path: Path) -> int:
    """The page, whole or not at all; its bytes.  InputError where something else is in its place.

    A page may take the place of another.
    """
    from s2nn_hw.report import html
    from s2nn_hw.report.page import Page

    if path.is_dir():
        raise InputError(f"{path}: must be a file to write the page to, not a folder")
    if path.exists() and not (path.is_file() and _OURS in path.read_bytes()[:_NEAR]):
        raise InputError(f"{path}: is no page of a report, and is left as it is")
    with well_formed("malformed: a file of the report"):
        text = html.page(found) if isinstance(found, Page) else html.pair(found)
    write_file(path, text)
    return len(text.encode())
