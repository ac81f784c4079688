"""What plans predict beside what is found: ``plans.md`` and ``plans.json``.

Run it with ``make results ARGS=plans``.  First all plans are synthesised, then placed and routed,
once each; the fastest ones of an ECP5-85F take a quarter of an hour and more each.  What was found
of a plan is kept in ``plans.json`` as it comes, and found again only if the plan is another.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import s2nn_hw
from s2nn_hw.flow import plan, synth
from s2nn_hw.ir import InputError, ToolError

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"

BOARDS = ("icebreaker", "tangnano9k", "ulx3s-85f")
#: The smallest plans first: they take minutes.
GOALS: dict[str, dict[str, Any]] = {"smallest": {"min_area": True}, "fastest": {}}
#: From those that take minutes to those that take hours.
MODELS = (
    "mnist-mlp-128",
    "mnist-mlp-256-256",
    "mnist-conv",
    "resnet",
    "mnist-mlp-128-1bit",
    "fashion-conv",
    "cifar10-vgg",
)
#: Those that nextpnr's usual router, which gives the faster clocks, does not get through.
SECOND = (
    "fashion-conv ulx3s-85f smallest",
    "mnist-mlp-256-256 ulx3s-85f fastest",
    "mnist-conv ulx3s-85f fastest",
)

INTRODUCTION = """# Plans: predicted and found

Made by `make results ARGS=plans`: `s2nn-hw plan examples/EXAMPLE --board BOARD -o PLAN`, the
fastest, and with `--min-area` the smallest, then `s2nn-hw synth examples/EXAMPLE --plan PLAN -o
DIR`, one seed; of fashion-conv's smallest and the fastest of mnist-conv and mnist-mlp-256-256 with
`--router router2`, as nextpnr's usual router does not get through them. Plans without a clock were
synthesised only. Inferences a second are those at the board's clock. Each cell is what was found,
and in brackets what was predicted over it. The board's shell is among it. Costs were fitted to
random networks, not to these ([0062](../decisions/0062-plans.md)).

"""
HEADINGS = (
    "example",
    "board",
    "plan",
    "LUT",
    "FF",
    "block RAM",
    "MHz",
    "interval",
    "inferences a second",
    "planned in",
)
RESOURCES = ("lut", "ff", "bram")


def write() -> None:
    """Measure what is not known, and write the table."""
    file = HERE / "plans.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    for seeds in ((), (1,)):
        for goal in GOALS:
            for model in MODELS:
                for board in BOARDS:
                    name = f"{model} {board} {goal}"
                    print(name, "area" if not seeds else "clock", flush=True)
                    known[name] = _measured(known.get(name, {}), model, board, goal, seeds)
                    file.write_text(json.dumps(known, indent=1) + "\n")
                    (HERE / "plans.md").write_text(_text(known))


def _measured(
    known: dict[str, Any], model: str, board: str, goal: str, seeds: tuple[int, ...]
) -> dict[str, Any]:
    """A plan, and what was found of it: its area, and with seeds its clock."""
    network = s2nn_hw.load(EXAMPLES / model / "model.s2nn")
    try:
        made = plan(network, board=board, **GOALS[goal]).as_dict()
    except InputError as error:
        return {"error": str(error)}
    # As they come back from the file.
    planned = json.loads(json.dumps({name: made[name] for name in ("options", "predicted")}))
    same = all(known.get(name) == value for name, value in planned.items())
    if same and ("error" in known or known["found"]["fmax_mhz"] is not None or not seeds):
        return {**known, "seconds": made["seconds"]}
    entry = {**planned, "seconds": made["seconds"]}
    core = {name: value for name, value in made["options"].items() if name != "family"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            second = f"{model} {board} {goal}" in SECOND
            router = {"router": "router2"} if second else {}
            found = synth(network, folder, board=board, seeds=seeds, **core, **router)
        except (InputError, ToolError) as error:
            return {**entry, "error": str(error).splitlines()[0]}
    assert found.at_clock is not None
    return {
        **entry,
        "found": {
            **{name: found[name]["used"] for name in (*RESOURCES, "spram")},
            "fmax_mhz": None if found.fmax_mhz is None else found.fmax_mhz["best"],
            "interval_cycles": found.interval_cycles,
            "inferences_per_second": found.at_clock["inferences_per_second"],
            "timing_met": found.timing_met,
        },
    }


def _text(known: dict[str, Any]) -> str:
    rows, rest = [], []
    for name, entry in known.items():
        model, board, goal = name.split()
        if "found" in entry:
            rows.append(_row(model, board, goal, entry))
        elif goal == "fastest" or "predicted" in entry:
            rest.append(f"* {model} on {board}, {goal}: {entry['error']}\n")
    head = f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}\n"
    return INTRODUCTION + head + "".join(rows) + "\n" + "".join(rest)


def _row(model: str, board: str, goal: str, entry: dict[str, Any]) -> str:
    predicted, found = entry["predicted"], entry["found"]

    def cell(name: str, digits: int = 0) -> str:
        if found[name] is None:
            return ""
        share = predicted[name] / found[name] if found[name] else 1.0
        return f"{found[name]:,.{digits}f} ({share:.2f})"

    cells = (
        model,
        board,
        goal,
        *(cell(name) for name in RESOURCES),
        cell("fmax_mhz", 1),
        cell("interval_cycles", 1),
        f"{found['inferences_per_second']:,}",
        f"{entry['seconds']:.1f} s",
    )
    return f"| {' | '.join(cells)} |\n"
