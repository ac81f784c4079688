"""``s2nn-hw demo``: the main job on the model that ships with the package."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from . import options, terminal

#: In the current folder, as the build folders of other tools are.
OUT = Path("build") / "demo"


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "demo",
        help="run the main job on a trained MNIST network",
        description="From a trained MNIST network to Verilog that is proved on real test images: "
        "golden model, Verilog, simulation, report.",
    )
    parser.add_argument(
        "-o", "--out", type=Path, default=OUT, metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument("--frames", type=int, metavar="N", help="take the first N images")
    options.add_simulator(parser)
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Run the demo; 0 if every check passed, else 1."""
    from s2nn_hw import flow, report

    with terminal.progress() as progress:
        data = flow.demo(args.out, frames=args.frames, simulator=args.simulator, progress=progress)

    def text() -> Any:
        from rich.console import Group
        from rich.text import Text

        from s2nn_hw.report.text import text as render

        head = Text(f"{data['model']['file']}\non {data['images']}\n")
        return Group(head, render(report.read(args.out)))

    terminal.result(args, data, text)
    return 0 if data["passed"] else 1
