"""``s2nn-hw report``: what is known of a build."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from . import terminal


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "report",
        help="show what is known of a build",
        description="Show what manifest and verification say of a build. Every figure says whether "
        "it is simulated, predicted, measured or estimated; one that is not known is absent.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of emit, verify or demo")
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Report; 0 also for a build whose verification failed, which the report then says."""
    from s2nn_hw import report

    build = report.read(args.folder)

    def text() -> Any:
        from s2nn_hw.report.text import text as render

        return render(build)

    terminal.result(args, build.as_dict(), text)
    return 0
