"""Measures the examples and writes the tables beside this file.

Run it with ``make results`` after ``s2nn-hw data get mnist`` and ``fashion-mnist``; ``ARGS=dense``,
``maps`` or ``cifar`` makes one of the tables.  On two cores the first takes a quarter of an hour,
the others longer.  Cycles and toggles come out the same on any machine; seconds do not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"


@dataclass(frozen=True)
class Table:
    """A page of results.

    models: folder of the example → its shape and its data set; runs: the options of each.
    """

    title: str
    models: dict[str, tuple[str, str]]
    runs: tuple[str, ...]


TABLES = {
    "dense": Table(
        "MNIST, dense networks, whole test set",
        {
            "mnist-mlp-128": ("784-128-10", "mnist"),
            "mnist-mlp-256-256": ("784-256-256-10", "mnist"),
        },
        (
            *(f"--lanes {lanes}" for lanes in (1, 2, 4, 8)),
            "--lanes 4 --stall random --seed 1",
            "--lanes 4 --stall bursty --seed 2",
            "--lanes 4 --frames 200 --simulator icarus",
            "--lanes 4 --frames 200 --simulator icarus --stall random --seed 1",
        ),
    ),
    "maps": Table(
        "Convolutional networks",
        {
            "mnist-conv": ("MNIST, 32C3-P2-64C3-P2-10", "mnist"),
            "fashion-conv": ("Fashion-MNIST, 32C3-A2-64C3-A2-128C3-A2-10", "fashion-mnist"),
            "resnet": ("MNIST, 16C3-P2-R16-R32s2-10", "mnist"),
        },
        (
            "--lanes 4 --frames 1000",
            "--lanes 4 --frames 1000 --stall random --seed 1",
            "--lanes 4 --frames 5 --simulator icarus",
            *(f"--lanes {lanes} --frames 200" for lanes in (1, 2, 8)),
        ),
    ),
    "cifar": Table(
        "CIFAR-10 (JPEG copy)",
        {
            "cifar10-vgg": (
                "48C3-A2-96C3-A2-160C3-160C3-A2-256C3-256C3-G-10",
                "examples/cifar10-vgg/images.npz",
            ),
        },
        (
            "--lanes 4 --frames 50",
            "--lanes 4 --frames 50 --stall random --seed 1",
            "--lanes 4 --frames 5 --simulator icarus",
            *(f"--lanes {lanes} --frames 10" for lanes in (1, 2, 8)),
        ),
    ),
}
HEADINGS = (
    "options",
    "frames",
    "accuracy",
    "mismatches",
    "latency min / mean / max",
    "interval",
    "predicted",
    "floor",
    "interval / floor",
    "toggles a frame",
    "frames/s at 100 MHz",
)


def measure(model: str, options: str) -> dict[str, Any]:
    """The result of one verification."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "s2nn_hw.cli", "verify", str(EXAMPLES / model)]
        run = subprocess.run(
            [*command, *options.split(), "-o", f"{folder}/build", "--json"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return dict(json.loads(run.stdout))


def row(options: str, result: dict[str, Any]) -> str:
    """One line of the table."""
    latency, interval = result["latency_cycles"], result["interval_cycles"]["mean"]
    stalled = result["stall"] != "none"
    cells = (
        f"`{options}`",
        f"{result['frames']:,}",
        f"{result['accuracy']:.2%}",
        str(result["mismatches"]),
        f"{latency['min']:,} / {latency['mean']:,.1f} / {latency['max']:,}",
        f"{interval:,.2f}",
        f"{result['interval_predicted_mean']:,.2f}",
        f"{result['interval_floor_mean']:,.2f}",
        "" if stalled else f"{interval / result['interval_floor_mean']:.3f}",
        f"{result['toggles_per_frame']:,.0f}",
        "" if stalled else f"{1e8 / interval:,.0f}",
    )
    return f"| {' | '.join(cells)} |\n"


def write(name: str, table: Table) -> None:
    """Measure everything and write ``name.md`` and ``name.json``."""
    text = [
        f"# {table.title}\n\n",
        f"Made by `make results ARGS={name}`. Cycles and toggles are simulated and exact; a run\n",
        "under stalls has them in its latency and interval. Every line has passed every check:\n",
        "each layer's spikes, scores, classes, stream rules, the cycle of every handshake.\n",
    ]
    results: dict[str, dict[str, Any]] = {}
    for model, (shape, data) in table.models.items():
        text.append(
            f"\n## {shape}: `s2nn-hw verify examples/{model} --images {data} OPTIONS -o DIR`\n\n"
        )
        text.append(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}\n")
        for options in table.runs:
            print(model, options, flush=True)
            result = measure(model, f"--images {data} {options}")
            assert result["passed"], result["checks"]
            results[f"{model} --images {data} {options}"] = result
            text.append(row(options, result))
        chosen = next(options for options in table.runs if options.startswith("--lanes 4"))
        layers = results[f"{model} --images {data} {chosen}"]["layers"]
        text.append("\n| layer, 4 lanes | events | floor | toggles a frame |\n|---|---|---|---|\n")
        text += [
            f"| {layer['name']} | {layer['events_mean']:,.1f} | {layer['floor_cycles_mean']:,.2f} "
            f"| {layer['toggles_per_frame']:,.0f} |\n"
            for layer in layers
        ]
    (HERE / f"{name}.md").write_text("".join(text))
    (HERE / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")


def main() -> None:
    """Make the tables that are asked for, or all."""
    for name in sys.argv[1:] or TABLES:
        write(name, TABLES[name])


if __name__ == "__main__":
    main()
