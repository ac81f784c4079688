"""``s2nn-hw sweep``: plans of one or several models tried, on this machine or on many."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from s2nn_hw.ir import InputError

from . import options, terminal


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "sweep",
        help="try many plans of one or several models, and show which none beats",
        description="Try plans of models for a board or device, each with some seeds of place and "
        "route, in processes of this machine or on a Dask cluster. What comes of each is kept in "
        "DIR as it comes; the same command goes on where it was ended.",
    )
    parser.add_argument(
        "models",
        type=Path,
        nargs="+",
        metavar="MODEL",
        help=f"a .s2nn file, or a folder with {options.MODEL_FILE}; several, such as of other "
        "widths or bits",
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--board", metavar="NAME", help="as plan takes it")
    target.add_argument("--device", metavar="PART", help="as plan takes it")
    parser.add_argument(
        "-o",
        "--out",
        type=options.folder,
        required=True,
        metavar="DIR",
        help="folder for sweep.db, an optuna study, trials.csv and pareto.svg",
    )
    parser.add_argument(
        "--plans",
        type=int,
        default=10,
        metavar="N",
        help="plans of each model, from the fastest to the smallest (default: %(default)s)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="of place and route, where clock is measured (default: %(default)s)",
    )
    parser.add_argument(
        "--measure",
        type=options.names,
        default="area",
        metavar="NAME[,NAME…]",
        help="area by yosys, clock by nextpnr, toggles by simulation, or none; the rest is "
        "predicted (default: %(default)s)",
    )
    options.add_images(parser)
    options.add_simulator(parser)
    parser.add_argument(
        "--toggle-frames",
        type=int,
        default=10,
        metavar="N",
        help="frames whose toggles are counted (default: %(default)s)",
    )
    options.add_cluster(parser)
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Sweep; 0, or 1 if a trial failed."""
    from s2nn_hw import flow, load
    from s2nn_hw.flow.images import images
    from s2nn_hw.flow.sweep import Swept

    options.check_cluster(args)
    models: dict[str, Swept] = {}
    for given in args.models:
        file = options.model_file(given)
        name = options.model_name(file, models)
        network = load(file)
        found = images(network, args.images, model=file, frames=args.frames, data=args.data)
        models[name] = Swept(network=network, model=file.read_bytes(), images=found)
    measures = (args.measure,) if isinstance(args.measure, str) else args.measure
    if "none" in measures and len(measures) > 1:
        raise InputError(f"--measure must be none alone, not {','.join(measures)}")
    with terminal.progress() as progress:
        result = flow.sweep(
            models,
            args.out,
            board=args.board,
            device=args.device,
            plans=args.plans,
            seeds=args.seeds,
            measures=[name for name in measures if name != "none"],
            frames=args.toggle_frames,
            simulator=args.simulator,
            scheduler=args.scheduler,
            workers=args.workers,
            progress=progress,
            said=terminal.say,
        )
    data = result.as_dict()
    terminal.result(args, data, lambda: _text(data, args.out))
    return 1 if any(row["state"] == "fail" for row in data["trials"]) else 0


def _text(data: dict[str, Any], out: Path) -> Any:
    from rich.console import Group
    from rich.text import Text

    from s2nn_hw.report.front import words
    from s2nn_hw.report.table import table

    named = [name for name in data["objectives"] if name in ("accuracy", "toggles")]
    shown = table(
        *("model", "plan", "seed", ">LUT", ">FF", ">BRAM"),
        *(">MHz made for", ">MHz reached", ">inferences/s", ">area"),
        *(f">{name}" for name in named),
    )
    by_number = {row["number"]: row for row in data["trials"]}
    for row in sorted(
        (by_number[n] for n in data["pareto"]), key=lambda row: -row["inferences_per_second"]
    ):
        shown.add_row(
            row["model"],
            words(row),
            str(row["seed"]),
            *(f"{row[k]:,}" for k in ("lut", "ff", "bram")),
            f"{row['freq']:.1f}",
            f"{row['fmax_mhz']:.1f}",
            f"{row['inferences_per_second']:,.0f}",
            f"{100 * row['area']:.1f} %",
            *(f"{row[name]:,.4g}" for name in named),
        )
    done = sum(row["state"] == "complete" for row in data["trials"])
    lines = [
        f"{done} of {len(data['trials'])} trials complete, {data['resumed']} of them before; "
        f"{len(data['pareto'])} that no other beats, in {data['seconds']:.1f} s"
    ]
    lines += [
        f"trial {row['number']} of {row['model']}: {row['error']}"
        for row in data["trials"]
        if row["error"]
    ]
    lines.append(f"{out}: sweep.db, trials.csv, pareto.svg")
    return Group(shown, Text("\n".join(lines)))
