"""Measures the examples and writes the tables beside this file.

Run it with ``make results`` after ``s2nn-hw data get mnist``, ``fashion-mnist`` and ``digits``;
``ARGS=dense``, ``maps``, ``cifar``, ``ecp5``, ``ice40``, ``gowin``, ``peers``, ``plans``,
``exhaustive``, ``sweeps``, ``zeros`` or ``penalty`` makes one, ``neurons-mnist-dense``,
``-mnist-conv``, ``-fashion-dense``, ``-fashion-conv`` or ``-cifar10`` a column of one.  On two
cores the first takes a quarter of an hour, the others longer, ``peers``, ``plans`` and
``exhaustive`` some hours.
Cycles, toggles, area and clocks come out the same on any machine; seconds do not.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import exhaustive
import neurons
import plans
import sweeps
import zeros

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
            # As on the FPGA, where lanes are matched to the layers' work.
            "--lanes 14,6,2,1,1,1,1 --windows 1,2,1,1,1,1,1"
            " --engine parallel,event,event,event,event,event,event --frames 50",
        ),
    ),
}
#: Family of FPGAs → examples and options of ``synth``.
FPGA = {
    "ecp5": (
        ("mnist-mlp-128", "--device LFE5U-85F-6 --lanes 2 --freq 130"),
        ("mnist-mlp-128", "--device LFE5U-85F-6 --lanes 4 --freq 60"),
        ("mnist-mlp-128", "--device LFE5U-85F-6 --lanes 4 --freq 105"),
        ("mnist-mlp-128", "--device LFE5U-85F-6 --lanes 8 --freq 60"),
        ("mnist-mlp-128", "--device LFE5U-85F-6 --lanes 8 --freq 125"),
        ("mnist-conv", "--device LFE5U-85F-6 --lanes 4 --freq 105"),
    ),
    "ice40": (
        ("mnist-mlp-128-1bit", "--device iCE40UP5K --lanes 1 --freq 40"),
        ("mnist-mlp-128", "--device iCE40UP5K --lanes 1 --memory ram,rom --freq 40"),
        ("mnist-mlp-128-1bit", "--board icebreaker --lanes 1 --freq 36"),
        ("mnist-mlp-128", "--board icebreaker --lanes 1 --memory ram,rom --freq 24"),
    ),
    "gowin": (("mnist-mlp-128-1bit", "--device GW1NR-9 --lanes 2 --freq 90"),),
}
SEEDS = 8
FPGA_INTRODUCTION = """# Cores on FPGAs: {name}

Made by `make results ARGS={name}`: `s2nn-hw synth examples/EXAMPLE OPTIONS --seeds {seeds} -o DIR`,
yosys and nextpnr from Python packages; with `--device` the core alone, with `--board` the board's
shell, too. The clock is that of register to register, of the best seed
and in brackets of the worst; inferences a second are the best clock over the interval that is
predicted for the network's sample frames. The floor of accumulators is a look-up table and a
flip-flop a bit, and a look-up table a bit of the adders of lanes.

"""
FPGA_HEADINGS = (
    "example, options",
    "LUT",
    "FF",
    "block RAM",
    "weights",
    "accumulators over floor: LUT, FF",
    "MHz, best (least)",
    "interval",
    "inferences a second",
)
#: Networks that other generators get, too: how each is trained.
PEERS = {
    "digits-16-fan6": "digits --hidden 16 --weight-bits 2 --fan-in 6 --epochs 20",
    "digits-32-32": "digits --hidden 32 32 --weight-bits 3 --input-bits 2 --epochs 60",
    "digits-64": "digits --hidden 64 --weight-bits 2 --epochs 60",
    "fashion-24-fan12": "fashion-mnist --hidden 24 --weight-bits 3 --fan-in 12 --epochs 2 "
    "--augment 0",
    "mnist-48-fan6": "mnist --hidden 48 --weight-bits 2 --fan-in 6 --epochs 2 --augment 0",
    "mnist-64-fan61": "mnist --hidden 64 --weight-bits 2 --fan-in 61 --epochs 15",
}
PEERS_INTRODUCTION = """# Beside other generators

Made by `make results ARGS=peers`, which trains these networks and gives them to other generators:

| network | `s2nn-hw train OPTIONS -o DIR` | accuracy |
|---|---|---|
{networks}
`{command}`; the last network, of 784-128-10 and multi-cycle engines, by
`{event}`. What each generator gets, and what the two ratios
are, is in [0061](../decisions/0061-peers.md).

"""
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


#: What of a synthesis differs from run to run, and what is long.
UNSTEADY = ("seconds", "cached", "modules")


def measure(model: str, options: str) -> dict[str, Any]:
    """The result of one verification."""
    return run_command("verify", model, options)


def run_command(verb: str, model: str, options: str) -> dict[str, Any]:
    """What a verb of the command says of an example."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "s2nn_hw.cli", verb, str(EXAMPLES / model)]
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


def write_fpga(name: str) -> None:
    """Place and route all of a family, and write ``name.md`` and ``name.json``."""
    text = [
        FPGA_INTRODUCTION.format(name=name, seeds=SEEDS),
        f"| {' | '.join(FPGA_HEADINGS)} |\n|{'---|' * len(FPGA_HEADINGS)}\n",
    ]
    results: dict[str, dict[str, Any]] = {}
    for model, options in FPGA[name]:
        print(model, options, flush=True)
        result = run_command("synth", model, f"{options} --seeds {SEEDS}")
        results[f"{model} {options}"] = {k: v for k, v in result.items() if k not in UNSTEADY}
        text.append(fpga_row(f"`{model} {options}`", result))
    (HERE / f"{name}.md").write_text("".join(text))
    (HERE / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")


def fpga_row(name: str, result: dict[str, Any]) -> str:
    """One line of the table."""

    def part(resource: str) -> str:
        units = result[resource]
        return f"{units['used']:,} ({units['percent']:.0f}%)"

    weights, over = result["weights"], result["accumulators"]
    share = weights["share"]
    blocks = f"{weights['spram']} large RAMs" if weights["spram"] else f"{weights['bram']} blocks"
    reached = [mhz for mhz in result["fmax_mhz"]["seeds"].values() if mhz is not None]
    cells = (
        name,
        *(part(resource) for resource in ("lut", "ff", "bram")),
        "none" if share is None else f"{blocks}, {share:.0%} full",
        f"{over['lut']['over_floor']:.2f}, {over['ff']['over_floor']:.2f}",
        f"{max(reached):.1f} ({min(reached):.1f})",
        f"{result['interval_cycles']:,.1f}",
        f"{result['inferences_per_second']:,}",
    )
    return f"| {' | '.join(cells)} |\n"


def write_peers() -> None:
    """Train, measure and write ``peers.md``, ``peers.svg`` and ``peers.json``."""
    lines, results = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in PEERS.items():
            print("train", options, flush=True)
            command("train", *options.split(), "-o", f"{folder}/{name}")
            trained = json.loads(Path(f"{folder}/{name}/train.json").read_text())
            lines.append(f"| {name} | `{options}` | {trained['accuracy']:.1%} |\n")
        words = {
            "unrolled": "--peers alkaid,da4ml,dwn2rtl --engines unrolled --frames 20",
            "event": "--peers spikerplus --engines event --frames 20",
        }
        models = {
            "unrolled": [f"{folder}/{name}" for name in PEERS],
            "event": [str(EXAMPLES / "mnist-mlp-128")],
        }
        for engine, options in words.items():
            out = f"{folder}/{engine}"
            command("bench", *models[engine], *options.split(), "-o", out)
            results[engine] = json.loads(Path(out, "bench.json").read_text())
        text = PEERS_INTRODUCTION.format(
            networks="".join(lines),
            command=f"s2nn-hw bench NETWORK… {words['unrolled']} -o DIR",
            event=f"s2nn-hw bench examples/mnist-mlp-128 {words['event']} -o DIR",
        )
        tables = [Path(folder, engine, "bench.md").read_text() for engine in words]
        text += tables[0].partition("\n")[2].lstrip() + "\n"
        text += tables[1][tables[1].index("## mnist-mlp-128") :]
        (HERE / "peers.svg").write_text(Path(folder, "unrolled", "bench.svg").read_text())
    (HERE / "peers.md").write_text(text)
    (HERE / "peers.json").write_text(json.dumps(results, indent=1) + "\n")


def command(*words: str) -> None:
    """Run the command line tool."""
    subprocess.run([sys.executable, "-m", "s2nn_hw.cli", *words], check=True)


#: Tables with modules of their own.
OTHERS = {
    "plans": plans.write,
    "exhaustive": exhaustive.write,
    "sweeps": sweeps.write,
    "zeros": zeros.write,
    **{f"neurons-{column}": partial(neurons.write, column) for column in neurons.COLUMNS},
    "penalty": neurons.write_penalty,
}


def main() -> None:
    """Make the tables that are asked for, or all."""
    for name in sys.argv[1:] or (*TABLES, *FPGA, "peers", *OTHERS):
        if name == "peers":
            write_peers()
        elif name in OTHERS:
            OTHERS[name]()
        elif name in FPGA:
            write_fpga(name)
        else:
            write(name, TABLES[name])


if __name__ == "__main__":
    main()
