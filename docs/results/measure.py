"""Measures the examples on whole test sets and writes the tables beside this file.

Run it with ``make results`` after ``s2nn-hw data get mnist``; it takes about ten minutes on two
cores.  Cycles and toggles come out the same on any machine; seconds do not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
MODELS = {"mnist-mlp-128": "784-128-10", "mnist-mlp-256-256": "784-256-256-10"}
RUNS = (
    *(f"--images mnist --lanes {lanes}" for lanes in (1, 2, 4, 8)),
    "--images mnist --lanes 4 --stall random --seed 1",
    "--images mnist --lanes 4 --stall bursty --seed 2",
    "--images mnist --lanes 4 --frames 200 --simulator icarus",
    "--images mnist --lanes 4 --frames 200 --simulator icarus --stall random --seed 1",
)
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
        f"{latency['min']} / {latency['mean']:.1f} / {latency['max']}",
        f"{interval:.2f}",
        f"{result['interval_predicted_mean']:.2f}",
        f"{result['interval_floor_mean']:.2f}",
        "" if stalled else f"{interval / result['interval_floor_mean']:.3f}",
        f"{result['toggles_per_frame']:,.0f}",
        "" if stalled else f"{1e8 / interval / 1e6:.2f} M",
    )
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    """Measure everything and write ``mnist.md`` and ``mnist.json``."""
    text = [
        "# MNIST, whole test set\n\n",
        "Made by `make results`. Cycles and toggles are simulated and deterministic; a run under\n",
        "stalls has them in its latency and interval. Every line has passed every check: each\n",
        "layer's spikes, scores, classes, stream rules, and the cycle of every handshake.\n",
    ]
    results: dict[str, dict[str, Any]] = {}
    for model, shape in MODELS.items():
        text.append(f"\n## {shape}: `s2nn-hw verify examples/{model} OPTIONS -o DIR`\n\n")
        text.append(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}\n")
        for options in RUNS:
            print(model, options, flush=True)
            result = measure(model, options)
            assert result["passed"], result["checks"]
            results[f"{model} {options}"] = result
            text.append(row(options, result))
        layers = results[f"{model} {RUNS[2]}"]["layers"]
        text.append("\n| layer, 4 lanes | events | floor | toggles a frame |\n|---|---|---|---|\n")
        text += [
            f"| {layer['name']} | {layer['events_mean']:.1f} | {layer['floor_cycles_mean']:.2f} "
            f"| {layer['toggles_per_frame']:,.0f} |\n"
            for layer in layers
        ]
    (HERE / "mnist.md").write_text("".join(text))
    (HERE / "mnist.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
