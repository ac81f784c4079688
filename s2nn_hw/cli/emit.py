"""``s2nn-hw emit``: Verilog and manifest of a model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from . import options, terminal

if TYPE_CHECKING:
    from rich.console import RenderableType


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "emit",
        help="write Verilog and manifest of a model",
        description="Write the Verilog of a model, its memory files and its manifest.",
    )
    options.add_model(parser)
    options.add_out(parser)
    options.add_core(parser)
    options.add_family(parser)
    options.add_top(parser)
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Emit; 0."""
    from s2nn_hw import flow, load

    network = load(options.model_file(args.model))
    result = flow.emit(network, args.out, **options.core(args, network))
    data = result.as_dict()
    terminal.result(args, data, lambda: _text(args, data))
    return 0


def _text(args: argparse.Namespace, data: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    lines = [f"{data['top']} in {data['seconds']:.1f} s, digest {data['digest'][:12]}"]
    lines += [str(args.out / name) for name in data["files"]]
    return Text("\n".join(lines))
