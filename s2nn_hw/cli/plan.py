"""``s2nn-hw plan``: engine, lanes and memory of each layer, for a board and a goal."""

from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import options, terminal

#: Of a time, how many seconds its unit is.
_UNITS = {"ns": "1e-9", "us": "1e-6", "µs": "1e-6", "ms": "1e-3", "s": "1"}

#: What stands under the tables.
_COLUMNS = (
    "fold: cycles that an event's products, on other engines a window's, are spread over; "
    "cycles: of a frame, at the least"
)
_OTHERS = (
    "→ is the chosen one; the others are predicted from fewer frames, so figures of the same plan "
    "may differ a little where it is chosen"
)


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "plan",
        help="choose engine, lanes and memory of each layer for a board",
        description="Choose how each layer is built, so that the network fits a board or device "
        "and reaches a goal: as many inferences a second as can be, unless told. Area, clock and "
        "cycles are predicted; nothing is synthesised. emit, verify and synth take the plan.",
    )
    options.add_model(parser)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--board",
        metavar="NAME",
        help="such as ulx3s-85f, icebreaker or tangnano9k; another one lists them",
    )
    target.add_argument(
        "--device",
        metavar="PART",
        help="such as LFE5U-85F-6, iCE40UP5K or GW1NR-9, for the core alone",
    )
    goal = parser.add_mutually_exclusive_group()
    goal.add_argument(
        "--target-fps",
        type=float,
        metavar="X",
        help="the smallest plan that makes so many inferences a second",
    )
    goal.add_argument(
        "--max-latency",
        type=seconds,
        metavar="T",
        help="the smallest plan whose frames, alone, take so long at most: 20us, 1.5ms, or seconds",
    )
    goal.add_argument("--min-area", action="store_true", help="the smallest plan")
    parser.add_argument(
        "-o",
        "--out",
        type=options.folder,
        metavar="DIR",
        help="folder for plan.json, which --plan takes, and the front of plans as front.csv and "
        "front.svg",
    )
    options.add_images(
        parser,
        default="the model's calibration frames, or with --frames images.npz beside the model; "
        "without these random frames",
    )
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Plan; 0."""
    from s2nn_hw import flow, load
    from s2nn_hw.flow.images import images

    model = options.model_file(args.model)
    network = load(model)
    given: dict[str, Any] = {}
    if args.images is not None or args.frames is not None:
        found = images(network, args.images, model=model, frames=args.frames, data=args.data)
        given = {"images": found.frames, "source": found.source}
    result = flow.plan(
        network,
        args.out,
        board=args.board,
        device=args.device,
        target_fps=args.target_fps,
        max_latency=args.max_latency,
        min_area=args.min_area,
        **given,
    )
    data = result.as_dict()
    terminal.result(args, data, lambda: _text(data, args.out))
    return 0


def seconds(text: str) -> float:
    """``20us``, ``1.5ms``, or a number of seconds."""
    for unit, size in _UNITS.items():
        if text.endswith(unit):
            number, scale = text.removesuffix(unit), size
            break
    else:
        number, scale = text, "1"
    try:
        return float(Decimal(number) * Decimal(scale))
    except ArithmeticError:
        raise argparse.ArgumentTypeError(
            f"must be a time as 20us, 1.5ms or 0.001, not {text!r}"
        ) from None


def _text(data: dict[str, Any], out: Path | None) -> Any:
    from rich.console import Group
    from rich.text import Text

    from s2nn_hw.report.front import MEANING, words
    from s2nn_hw.report.table import table

    layers = table(
        "layer",
        "engine",
        ">lanes",
        ">windows",
        ">fold",
        "weights",
        ">LUT",
        ">FF",
        ">BRAM",
        ">SPRAM",
        ">cycles",
    )
    for row in data["layers"]:
        layers.add_row(
            row["name"],
            row["engine"],
            *("" if row[k] is None else f"{row[k]}" for k in ("lanes", "windows", "fold")),
            row["memory"] or "",
            *(f"{row[k]:,}" for k in ("lut", "ff", "bram", "spram")),
            "" if row["cycles"] is None else f"{row['cycles']:,.1f}",
        )
    front = table(
        "", ">", "plan", ">LUT", ">FF", ">BRAM", ">MHz", ">interval", ">latency", ">inferences/s"
    )
    for number, point in enumerate(data["front"], 1):
        front.add_row(
            "→" if point == data["predicted"] else "",
            str(number),
            words(point),
            *(f"{point[k]:,}" for k in ("lut", "ff", "bram")),
            f"{point['freq']:.1f}",
            f"{point['interval_cycles']:,.1f}",
            f"{point['latency_seconds'] * 1e6:,.2f} µs",
            f"{point['inferences_per_second']:,.0f}",
        )
    chosen, there = data["predicted"], data["capacity"]
    used = ", ".join(
        f"{chosen[k]:,} of {there[k]:,} {name}"
        for k, name in (("lut", "LUT"), ("ff", "FF"), ("bram", "BRAM"), ("spram", "SPRAM"))
        if there[k]
    )
    lines = [
        f"predicted for {data['board'] or data['part']}: {used}",
        f"made for {chosen['freq']:g} MHz (place and route is expected to reach "
        f"{chosen['fmax_mhz']:.1f}), a frame every "
        f"{chosen['interval_cycles']:,.1f} cycles, {chosen['inferences_per_second']:,.0f} "
        f"inferences a second, {chosen['latency_seconds'] * 1e6:,.2f} µs for one alone",
        f"from {data['frames']}, in {data['seconds']:.1f} s",
    ]
    if out is not None:
        lines.append(f"{out / 'plan.json'}: for --plan of emit, verify and synth")
    notes = [MEANING]
    if len(data["front"]) > 1:
        notes.append(_OTHERS)
    parts = (layers, Text(_COLUMNS), "", Text("\n".join(lines)), "", front)
    return Group(*parts, Text("\n".join(notes)))
