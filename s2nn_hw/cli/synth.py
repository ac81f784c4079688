"""``s2nn-hw synth``: area and clock of a model on an FPGA."""

from __future__ import annotations

import argparse
from typing import Any

from s2nn_hw.ir import InputError

from . import options, terminal


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "synth",
        help="find a model's area and clock on an FPGA",
        description="Emit a model's Verilog, synthesise it with yosys, place and route it with "
        "nextpnr, and tell what it takes of the device and how fast it is. The core is taken "
        "alone: it needs no board and no pins.",
    )
    options.add_model(parser)
    options.add_out(parser)
    parser.add_argument(
        "--device",
        required=True,
        metavar="PART",
        help="such as LFE5U-85F-6 (speed grade 6), iCE40UP5K or GW1NR-9; another one lists them",
    )
    options.add_core(parser)
    options.add_top(parser)
    parser.add_argument(
        "--freq",
        type=float,
        metavar="MHz",
        help="clock to aim at; one that is missed is a warning (default: what the device usually "
        "reaches, which nothing is said of)",
    )
    parser.add_argument(
        "--require-timing", action="store_true", help="exit with 1 where --freq is missed"
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="place and route N times, take the best (default: 1)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="of these at a time (default: one a core)"
    )
    parser.add_argument(
        "--tools",
        default="packages",
        metavar="WHERE",
        help="packages, or path for the yosys and nextpnr on PATH (default: %(default)s)",
    )
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Synthesise; 0, or 1 if the clock was missed and is required."""
    from s2nn_hw import flow, load

    if args.require_timing and args.freq is None:
        raise InputError("--require-timing needs --freq, the clock that is required")
    network = load(options.model_file(args.model))
    with terminal.progress() as progress:
        result = flow.synth(
            network,
            args.out,
            device=args.device,
            freq=args.freq,
            seeds=args.seeds,
            jobs=args.jobs,
            source=args.tools,
            engine=args.engine,
            lanes=args.lanes,
            top=args.top,
            counters=args.counters,
            progress=progress,
        )
    data = result.as_dict()
    missed = args.freq is not None and not data["timing_met"]
    if missed:
        best = data["fmax_mhz"]["best"]
        terminal.say(f"warning: timing: {best:.2f} MHz reached, {args.freq:g} MHz wanted")

    def text() -> Any:
        from s2nn_hw.report.synthesis import text as render

        return render(data, args.out)

    terminal.result(args, data, text)
    return 1 if missed and args.require_timing else 0
