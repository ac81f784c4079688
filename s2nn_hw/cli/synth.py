"""``s2nn-hw synth``: a model on an FPGA, up to a board's bitstream."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError
from s2nn_hw.protocol import DEFAULT_BAUD

from . import options, terminal

if TYPE_CHECKING:
    from s2nn_hw.ir import Network


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "synth",
        help="make a board's bitstream, or find a model's area and clock on an FPGA",
        description="Emit a model's Verilog, synthesise it with yosys, place and route it with "
        "nextpnr, and tell what it takes of the device and how fast it is. For a board it becomes "
        "a bitstream, which flash and run take; for a device the core is taken alone, without "
        "pins.",
    )
    options.add_model(parser)
    options.add_out(parser)
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--board",
        metavar="NAME",
        help="such as ulx3s-85f, icebreaker or tangnano9k; another one lists them",
    )
    target.add_argument(
        "--device",
        metavar="PART",
        help="such as LFE5U-85F-6 (speed grade 6), iCE40UP5K or GW1NR-9; another one lists them",
    )
    options.add_core(parser)
    options.add_top(parser)
    parser.add_argument(
        "--freq",
        type=float,
        metavar="MHz",
        help="clock to aim at, or that the board's PLL is to make; one that is missed is a "
        "warning (default: what the device usually reaches, which nothing is said of, or the "
        "board's oscillator)",
    )
    parser.add_argument(
        "--require-timing",
        action="store_true",
        help="exit with 1 where --freq, or the board's clock, is missed",
    )
    parser.add_argument(
        "--baud",
        type=int,
        metavar="N",
        help=f"of the board's serial line (default: {DEFAULT_BAUD})",
    )
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="place and route N times, take the best (default: 1)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="of these at a time (default: one a core)"
    )
    parser.add_argument(
        "--router",
        metavar="NAME",
        help="router1 or router2: the second is through in minutes with designs that take the "
        "first an hour, and gives slower clocks (default: nextpnr's, router1)",
    )
    parser.add_argument(
        "--tools",
        default="packages",
        metavar="WHERE",
        help="packages, or path for the tools on PATH (default: %(default)s)",
    )
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Synthesise; 0, or 1 if the clock was missed and is required."""
    from s2nn_hw import flow, load

    network = load(options.model_file(args.model))
    board, device, core = _target(args, network)
    planned = options.plan(args, network)
    same = planned is not None and core["freq"] == planned["options"]["freq"]
    if args.require_timing and board is None and "freq" not in core:
        raise InputError("--require-timing needs --freq, the clock that is required")
    if args.baud is not None and board is None:
        raise InputError("--baud needs --board, whose serial line it is of")
    with terminal.progress() as progress:
        result = flow.synth(
            network,
            args.out,
            device=device,
            board=board,
            baud=args.baud,
            seeds=args.seeds,
            jobs=args.jobs,
            router=args.router,
            source=args.tools,
            interval=planned["predicted"]["interval_cycles"] if planned and same else None,
            progress=progress,
            **core,
        )
    data = result.as_dict()
    asked = board is not None or "freq" in core
    missed = asked and not data["timing_met"]
    if missed:
        best, wanted = data["fmax_mhz"]["best"], data["fmax_mhz"]["target"]
        so = "; the bitstream may not work" if data["bitstream"] else ""
        terminal.say(
            f"warning: timing: {best:.2f} MHz reached, {wanted:g} MHz wanted{so}: "
            "more --seeds or a lower --freq may do"
        )

    def text() -> Any:
        from s2nn_hw.report.synthesis import text as render

        return render(data, args.out)

    terminal.result(args, data, text)
    return 1 if missed and args.require_timing else 0


def _target(
    args: argparse.Namespace, network: Network
) -> tuple[str | None, str | None, dict[str, Any]]:
    """Board, device and options of the core, of which a plan has those that are not given."""
    core = options.core(args, network)
    board, device = args.board, args.device
    found = options.plan(args, network)
    if board is None and device is None:
        if found is None:
            raise InputError("--board, --device or --plan is needed, to know what for")
        board, device = found["board"], found["device"]
    if found is not None:
        options.require_family(args.plan, found, board=board, device=device)
    core.pop("family", None)
    return board, device, core
