"""``s2nn-hw report``: what is known of a build, or of two."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from s2nn_hw.ir import InputError, well_formed

from . import terminal


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "report",
        help="show what is known of a build, or two builds side by side",
        description="Show what manifest, verification, synthesis and plans say of a build, or two "
        "builds side by side, with the ratios of the second over the first. Every figure says "
        "whether it is simulated, predicted, measured or estimated; one that is not known is "
        "absent.",
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="folder of emit, verify, synth or demo, or of a plan, sweep, bench or experiment "
        "alone; of two builds, two",
    )
    parser.add_argument(
        "--html", action="store_true", help="write a page to look at, in one file, too"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="FILE",
        help="the page (default: report.html in DIR, of two comparison.html in the first)",
    )
    parser.add_argument(
        "--with",
        dest="beside",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="another folder in which what DIR lacks is looked for, as of a plan or an "
        "experiment; as often as wanted",
    )
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Report; 0 also for a build whose verification failed, which the report then says."""
    # The package has the function under the module's name.
    from s2nn_hw.flow.report import BOTH, HTML, read, write_html
    from s2nn_hw.report.page import Page

    folder, *others = args.folders
    if len(others) > 1:
        raise InputError(f"report takes one folder or two, not {len(args.folders)}")
    if others and args.beside:
        raise InputError("--with is for one folder, not for two builds side by side")
    if args.out is not None and not args.html:
        raise InputError("-o names the page that --html writes, which is not asked for")
    found = read(folder, others[0] if others else None, args.beside)
    if args.html:
        path = args.out or folder / (BOTH if others else HTML)
        size = write_html(found, path)
        terminal.say(f"{path}: {size:,} bytes")

    def text() -> Any:
        from s2nn_hw.report import text

        with well_formed(f"{folder}: malformed: a file of it"):
            return text.page(found) if isinstance(found, Page) else text.pair(found)

    terminal.result(args, found.as_dict(), text)
    return 0
