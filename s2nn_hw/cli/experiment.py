"""``s2nn-hw experiment``: networks of a grid trained, verified and synthesised, in one table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import options, terminal

if TYPE_CHECKING:
    from s2nn_hw.flow import ExperimentResult


def register(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "experiment",
        help="train, verify and synthesise the networks of a grid, and write one table",
        description="Train every combination that a TOML file lists, lower it, verify a sample of "
        "frames in RTL and synthesise it, in processes of this machine or on a Dask cluster, each "
        "on a GPU where it has one. What comes of each is kept in DIR as it comes; the same "
        "command goes on where it was ended.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE.toml", help="such as examples/experiments/digits.toml"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=options.folder,
        metavar="DIR",
        help="folder for experiment.db, an optuna study, trials.csv, results.json, table.md and "
        "the models (default: the file's name without .toml, beside it)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with a folder of each data set's name, not the usual ones",
    )
    options.add_cluster(parser)
    terminal.add_json(parser)
    parser.set_defaults(handler=handler)


def handler(args: argparse.Namespace) -> int:
    """Experiment; 0, or 1 if a trial failed or a core did not do what its golden model does."""
    from s2nn_hw import flow

    options.check_cluster(args)
    with terminal.progress() as progress:
        result = flow.experiment(
            args.file,
            args.out,
            data=args.data,
            scheduler=args.scheduler,
            workers=args.workers,
            progress=progress,
            said=terminal.say,
        )
    terminal.result(args, result.as_dict(), lambda: _text(result))
    return 1 if any(_wrong(row) for row in result.trials) else 0


def _wrong(row: dict[str, Any]) -> str | None:
    """What is wrong with a trial, if anything is."""
    if row["state"] != "complete":
        return str(row["error"] or row["state"])
    if row.get("passed") is False:
        return f"the core differs from the golden model, {row['mismatches']} values of it"
    return None


def _text(result: ExperimentResult) -> Any:
    from rich.console import Group
    from rich.text import Text

    from s2nn_hw.report.experiment import CASE, COLUMNS
    from s2nn_hw.report.table import table

    names = ("accuracy", "arithmetic_estimate_pj", "rtl_toggles", "gate_toggles", "lut")
    shown = table(
        *("data", "architecture", "neuron", ">bits", ">steps", ">seeds"),
        *(">accuracy\n(measured)", ">arithmetic, pJ\n(estimated)", ">RTL toggles\n(simulated)"),
        *(">gate toggles\n(simulated)", ">LUT\n(measured)"),
    )
    for entry in result.table:
        cells = ["absent" if entry[name] is None else str(entry[name]) for name in CASE[1:]]
        for name in names:
            found = entry[name]
            text = "absent" if found is None else COLUMNS[name].text(found["mean"])
            cells.append(f"{text} %" if found and name == "accuracy" else text)
        shown.add_row(*cells[:5], str(entry["seeds"]), *cells[5:])
    done = sum(row["state"] == "complete" for row in result.trials)
    lines = [
        f"{done} of {len(result.trials)} trials complete, {result.resumed} of them before, "
        f"in {result.seconds:.1f} s"
    ]
    for row in result.trials:
        if said := _wrong(row) or row.get("unfit"):
            lines.append(f"trial {row['number']}, {row['data']} {row['neuron']}: {said}")
    lines.append(f"{result.out}: experiment.db, trials.csv, results.json, table.md, models")
    return Group(shown, Text("\n".join(lines)))
