"""``s2nn-hw bench``: our circuits beside those of other generators."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options, terminal

if TYPE_CHECKING:
    from s2nn_hw.flow import BenchResult


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "bench",
        help="measure our circuits beside those of other generators",
        description="Make circuits of the same networks with our engines and, with --peers, with "
        "other generators, each installed into an environment of its own in the cache folder; map "
        "them with the same yosys and nextpnr, simulate them on the same frames, and write one "
        "table (bench.json, bench.md) and a plot (bench.svg). A peer that cannot be installed, "
        "takes no such network or fails is a line in the table.",
    )
    parser.add_argument(
        "models",
        type=Path,
        nargs="*",
        metavar="MODEL",
        help=f".s2nn files, or folders with {options.MODEL_FILE} (default: the demo's)",
    )
    options.add_out(parser)
    parser.add_argument(
        "--peers",
        nargs="?",
        const="",
        metavar="NAME[,NAME…]",
        help="alkaid, da4ml, spikerplus, dwn2rtl; all without a name (default: none)",
    )
    parser.add_argument(
        "--engines",
        default="unrolled,event",
        metavar="NAME[,NAME…]",
        help="of ours (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        action="append",
        metavar="PART",
        help="as synth takes it; several may be given (default: LFE5U-85F-6 and XC7A100T)",
    )
    parser.add_argument(
        "--frames",
        type=int,
        metavar="N",
        help="to simulate, the first of those beside the model (default: 64, or all there are)",
    )
    parser.add_argument(
        "--freq",
        type=float,
        metavar="MHz",
        help="clock that all circuits aim at (default: 300)",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="of place and route (default: 1)"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="of these at a time (default: one a core)"
    )
    options.add_unroll_limit(parser)
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Measure; 1 if a circuit of ours is wrong."""
    from s2nn_hw import ir
    from s2nn_hw.flow.bench import FRAMES, bench
    from s2nn_hw.flow.demo import MODEL
    from s2nn_hw.flow.images import images
    from s2nn_hw.peers import PEERS

    networks: dict[str, ir.Network] = {}
    frames = {}
    for path in args.models or [MODEL]:
        file = options.model_file(path)
        name = options.model_name(file, networks)
        networks[name] = ir.load(file)
        found = images(networks[name], model=file)
        wanted = FRAMES if args.frames is None else ir.integer(args.frames, "frames", least=1)
        frames[name] = found.first(min(len(found.frames), wanted)).frames
    named = () if args.peers is None else tuple(PEERS) if not args.peers else args.peers.split(",")
    with terminal.progress() as progress:
        result = bench(
            networks,
            args.out,
            images=frames,
            others=named,
            engines=args.engines.split(","),
            **{
                name: value
                for name, value in (("devices", args.device), ("freq", args.freq))
                if value is not None
            },
            seeds=args.seeds,
            jobs=args.jobs,
            unroll_limit=args.unroll_limit,
            progress=progress,
        )
    terminal.result(args, result.as_dict(), lambda: _text(result))
    wrong = [row for row in result.rows if row.generator == "s2nn-hw" and row.mismatches]
    return 1 if wrong else 0


def _text(result: BenchResult) -> Any:
    from rich.console import Group
    from rich.text import Text

    from s2nn_hw.report.table import table

    shown = table(
        "network", "device", "generator", "setting", ">LUT", ">FF", ">MHz", ">cycles", ">wrong"
    )
    for row in result.rows:
        if row.error is None:
            shown.add_row(
                *(row.network, row.device, row.generator, row.setting),
                *(
                    f"{row.lut:,}",
                    f"{row.ff:,}",
                    "" if row.fmax_mhz is None else f"{row.fmax_mhz:.1f}",
                ),
                f"{row.interval_cycles:.0f}",
                f"{row.mismatches} of {row.frames}",
            )
    lines = [
        f"{row.network}: {row.generator} {row.setting}: {row.error}"
        for row in result.rows
        if row.error is not None
    ]
    for entry in result.best:
        clock = (
            ""
            if entry["clock_ratio"] is None
            else f"; {entry['clock_ratio']} of the clock of {entry['fastest_peer']}"
        )
        lines.append(
            f"{entry['network']} on {entry['device']}: {entry['area_ratio']} of the look-up tables "
            f"of {entry['peer']}, {entry['datapath_ratio']} without streams and class{clock}"
        )
    return Group(shown, Text("\n".join(lines)))
