"""dwn2rtl's circuit of a chain of dense layers; run by the Python of dwn2rtl's environment.

``dwn2rtl_peer.py NET.npz OPTIONS``.  It takes networks of look-up tables with votes for classes: a
neuron of up to six synapses is a table, and the readout a vote for each unit of a weight, with
votes that are always cast so that all classes begin alike.  A neuron of more synapses is none.
"""

import json
import math
import sys
import time
from pathlib import Path

import dwn2rtl
import numpy as np
import torch

INPUTS = 6

net = np.load(sys.argv[1])
if int(net["input_bits"]) > 1:
    sys.exit(f"its tables take bits, not inputs of {int(net['input_bits'])} bits")
start = time.perf_counter()
layers = sum(name.startswith("weights_") for name in net.files)
state = {}


def put(k, wires, tables):
    """A layer: (nodes, INPUTS) of indices, (nodes, 2**INPUTS) of bits."""
    state[f"{k}.mapping"] = torch.tensor(wires)
    state[f"{k}.luts"] = torch.tensor(np.where(tables, 1.0, -1.0))


addresses = np.arange(2**INPUTS)[:, None] >> np.arange(INPUTS) & 1
for k in range(layers - 1):
    weights, thresholds = net[f"weights_{k}"], net[f"thresholds_{k}"]
    wires, tables = [], []
    for j, row in enumerate(weights):
        (used,) = np.nonzero(row)
        if len(used) > INPUTS:
            sys.exit(
                f"neuron {j} of layer {k} has {len(used)} synapses, its tables {INPUTS} inputs"
            )
        wires.append(np.pad(used, (0, INPUTS - len(used))))
        tables.append(addresses[:, : len(used)] @ row[used] >= thresholds[j])
    put(k, np.array(wires), np.array(tables))
readout = net[f"weights_{layers - 1}"]
below = -np.minimum(readout, 0).sum(axis=1)
votes = []
for row, offset in zip(readout, below.max() - below, strict=True):
    cast = [(i, w > 0) for i, w in enumerate(row.tolist()) for _ in range(abs(w))]
    votes.append([*cast, *[(None, True)] * int(offset)])
group = max(map(len, votes))
wires, tables = [], []
for cast in votes:
    for source, value in [*cast, *[(None, False)] * (group - len(cast))]:
        wires.append([source or 0] + [0] * (INPUTS - 1))
        first = addresses[:, 0].astype(bool)
        tables.append(np.full(2**INPUTS, value) if source is None else first == value)
put(layers - 1, np.array(wires), np.array(tables))
inputs, classes = net["weights_0"].shape[1], len(readout)
checkpoint = {
    "config": {
        "n": INPUTS,
        "num_classes": classes,
        "layers": [len(state[f"{k}.luts"]) for k in range(layers)],
        "thermometer_bits": 1,
    },
    "state_dict": state,
    # A feature is 0 or 1, a word of two bits.
    "thermometer": {"thresholds": torch.full((inputs, 1), 0.0)},
}
report = dwn2rtl.build(checkpoint, "verilog", input_bits=1)
seconds = time.perf_counter() - start
word = report.precision.word_bits
Path("circuit.json").write_text(
    json.dumps(
        {
            "files": sorted(str(p) for p in Path("verilog").glob("*.v")),
            "top": "dwn_top",
            "clock": "clk",
            "data": "x_flat",
            "result": "class_idx",
            "constant": 0,
            "input_fields": [
                {"low": k * word, "bits": word, "signed": True, "scale": 1} for k in range(inputs)
            ],
            "fields": [
                {
                    "low": 0,
                    "bits": max(1, math.ceil(math.log2(classes))),
                    "signed": False,
                    "scale": 1,
                }
            ],
            "gives": "class",
            "started": False,
            "seconds": seconds,
        }
    )
)
