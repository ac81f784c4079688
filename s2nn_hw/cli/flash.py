"""``s2nn-hw flash``: a bitstream onto a board."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from . import terminal


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "flash",
        help="put a bitstream onto a board",
        description="Program a board that is connected, through openFPGALoader, which must be "
        "installed.",
    )
    parser.add_argument(
        "source", type=Path, metavar="DIR|BITSTREAM", help="a bitstream, or a folder with one"
    )
    parser.add_argument(
        "--board", metavar="NAME", help="which (default: the one that the folder was made for)"
    )
    parser.add_argument(
        "--permanent", action="store_true", help="into flash memory: it outlives the power"
    )
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Program; 0 if openFPGALoader says that it worked."""
    from rich.text import Text

    from s2nn_hw import flow

    result = flow.flash(args.source, board=args.board, permanent=args.permanent)
    terminal.result(
        args, result.as_dict(), lambda: Text(f"{result.bitstream} is on the {result.board}")
    )
    return 0
