"""``s2nn-hw verify``: simulation against the golden model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError, ToolError
from sim.stall import PATTERNS

from . import options, terminal

if TYPE_CHECKING:
    from s2nn_hw.report import Check

#: Formats of activity, and the simulators that write them.
_ACTIVITY = {"saif": "verilator", "vcd": "icarus"}

#: What --tolerance is without being given.
NO_GROWTH = "0%"


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "verify",
        help="prove a model's Verilog in simulation",
        description="Emit a model's Verilog, simulate it and compare every layer's spikes, every "
        "score, class and cycle with the golden model. The exit status is 0 only if all agree.",
    )
    options.add_model(parser)
    options.add_out(parser)
    options.add_core(parser)
    options.add_family(parser)
    options.add_simulator(parser)
    options.add_images(parser)
    parser.add_argument(
        "--stall",
        default="none",
        metavar="PATTERN",
        help=f"idle and back-pressure: {', '.join(PATTERNS)} (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of stalls and random frames (default: %(default)s)"
    )
    parser.add_argument(
        "--netlist",
        metavar="PART",
        help="synthesise for this device, as synth --device takes it, and prove the netlist, too",
    )
    parser.add_argument(
        "--tools",
        default="packages",
        metavar="WHERE",
        help="packages, or path for the yosys on PATH (default: %(default)s)",
    )
    for name, kind in _ACTIVITY.items():
        parser.add_argument(
            f"--{name}",
            type=Path,
            metavar="FILE",
            help=f"write the activity of the core as {name.upper()} for power tools, with "
            f"--simulator {kind}",
        )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the checks as JUnit XML")
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE.json",
        help="an earlier verify.json: fail if cycles or toggles grew against it",
    )
    parser.add_argument(
        "--tolerance",
        metavar="P%",
        help="growth still accepted with --baseline (default: 0%%)",
    )
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Verify; 0 if every check passed, the baseline's among them, else 1."""
    from s2nn_hw import flow, load
    from s2nn_hw.flow.folder import writable_file
    from s2nn_hw.flow.images import images
    from s2nn_hw.report import Check, baseline

    # All that can be refused is, before minutes are spent; and the baseline may lie in DIR.
    allowed = baseline.tolerance(NO_GROWTH if args.tolerance is None else args.tolerance)
    if args.tolerance is not None and args.baseline is None:
        raise InputError("--tolerance needs --baseline, whose figures may grow by it")
    earlier = None if args.baseline is None else baseline.read(args.baseline)
    if args.tools != "packages" and args.netlist is None:
        raise InputError("--tools needs --netlist, for nothing else is synthesised")
    activity = _activity(args)
    if args.junit is not None:
        writable_file(args.junit)
    model = options.model_file(args.model)
    network = load(model)
    core = options.core(args, network)
    planned = options.plan(args, network)
    if planned is not None and args.netlist is not None:
        options.require_family(args.plan, planned, device=args.netlist)
    chosen = images(
        network, args.images, model=model, frames=args.frames, seed=args.seed, data=args.data
    )
    try:
        with terminal.progress() as progress:
            result = flow.verify(
                network,
                chosen.frames,
                args.out,
                labels=chosen.labels,
                simulator=args.simulator,
                stall=args.stall,
                seed=args.seed,
                source=chosen.source,
                baseline=args.baseline,
                netlist=args.netlist,
                tool_source=args.tools,
                activity=activity,
                progress=progress,
                **core,
            )
    except ToolError as error:
        if args.junit is not None:
            _junit(args, [Check(name="simulation", passed=False, detail=str(error))])
        raise
    data = result.as_dict()
    passed = bool(result.passed)
    compared: tuple[Check, ...] = ()
    if earlier is not None:
        compared = baseline.compare(data, earlier, allowed, str(args.baseline))
        passed = passed and all(check.passed for check in compared)
    if args.junit is not None:
        seconds = sum(value for value in data["seconds"].values() if value)
        _junit(args, [*(Check(**check) for check in data["checks"]), *compared], seconds)
    _print(args, data, compared)
    return 0 if passed else 1


def _activity(args: argparse.Namespace) -> Path | None:
    """The file for power tools that is wanted, if one is."""
    found: Path | None = None
    for name, simulator in _ACTIVITY.items():
        file: Path | None = getattr(args, name)
        if file is not None and args.simulator != simulator:
            raise InputError(
                f"--{name} needs --simulator {simulator}, which writes it, not {args.simulator}"
            )
        found = found or file
    return found


def _print(args: argparse.Namespace, data: dict[str, Any], compared: tuple[Check, ...]) -> None:
    """The result, under ``--json`` with the comparison as a field of its own."""
    from dataclasses import asdict, replace

    from s2nn_hw import report

    if args.baseline is not None:
        data = {
            **data,
            "baseline": {
                "file": str(args.baseline),
                "tolerance": args.tolerance or NO_GROWTH,
                "passed": all(check.passed for check in compared),
                "checks": [asdict(check) for check in compared],
            },
        }

    def text() -> Any:
        from s2nn_hw.report.text import text as render

        build = report.read(args.out)
        passed = bool(build.passed) and all(check.passed for check in compared)
        return render(replace(build, checks=(*build.checks, *compared), passed=passed))

    terminal.result(args, data, text)


def _junit(args: argparse.Namespace, checks: list[Check], seconds: float | None = None) -> None:
    from s2nn_hw.flow.folder import write_file
    from s2nn_hw.report import junit

    write_file(args.junit, junit(checks, suite="s2nn-hw verify", seconds=seconds), ours=args.out)
