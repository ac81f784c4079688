"""``s2nn-hw run``: frames through a board, or a simulated one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from s2nn_hw.protocol import DEFAULT_BAUD

from . import options, terminal

if TYPE_CHECKING:
    from rich.console import RenderableType


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "run",
        help="run a model on a board and compare its scores",
        description="Send frames to a board that holds the model, and compare every class and "
        "score with the golden model. The exit status is 0 only if all agree. With --port sim the "
        "board is simulated.",
    )
    options.add_model(parser)
    parser.add_argument(
        "--port", required=True, help="the board's serial port such as /dev/ttyUSB0, or sim"
    )
    parser.add_argument(
        "--baud",
        type=int,
        metavar="N",
        help="of the design on the board (default: what synth wrote beside the model, else "
        f"{DEFAULT_BAUD})",
    )
    options.add_images(parser)
    parser.add_argument(
        "--seed", type=int, default=0, help="of random frames (default: %(default)s)"
    )
    group = parser.add_argument_group(
        "with --port sim", "where engine and lanes are left out, they are those of a core in DIR"
    )
    options.add_simulator(group)
    options.add_core(group, counters=False)
    options.add_family(group)
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Run; 0 if all agree, else 1."""
    from s2nn_hw import flow, load
    from s2nn_hw.flow.images import images
    from s2nn_hw.flow.run import SIMULATED, built_baud, built_core

    model = options.model_file(args.model)
    network = load(model)
    chosen = images(
        network, args.images, model=model, frames=args.frames, seed=args.seed, data=args.data
    )
    core = options.core(args, network) or built_core(model, network)
    baud = args.baud
    if baud is None and args.port != SIMULATED:
        baud = built_baud(model)
    with terminal.progress() as progress:
        result = flow.run(
            network,
            chosen.frames,
            port=args.port,
            baud=baud,
            labels=chosen.labels,
            simulator=args.simulator,
            source=chosen.source,
            progress=progress,
            **core,
        )
    data = result.as_dict()
    terminal.result(args, data, lambda: _text(data))
    return 0 if result.passed else 1


def _text(data: dict[str, Any]) -> RenderableType:
    from rich.text import Text

    where = data["port"] if data["simulator"] is None else f"simulated board ({data['simulator']})"
    verdict = (
        "all classes and scores agree with the golden model"
        if data["passed"]
        else f"{data['mismatches']} classes and scores differ from the golden model"
    )
    lines = [
        f"{data['frames']} frames of {data['images']} on {where}: {verdict}",
        f"{data['frames_per_second']:.1f} frames a second, {data['window']} under way at a time",
    ]
    if data["accuracy"] is not None:
        lines.append(f"accuracy {data['accuracy']:.2%}")
    if data["resent"]:
        lines.append(f"{data['resent']} packets were lost and sent again")
    if data["flags"]:
        lines.append(f"the board saw {', '.join(data['flags'])}")
    return Text("\n".join(lines))
