"""Spiker+'s circuit of a chain of dense layers; run by the Python of Spiker+'s environment.

``spikerplus_peer.py NET.npz OPTIONS``.  Its layers all work at the same time, each on what the
one before gave: a layer's spikes of a frame come two steps after those of the layer before, and
those of the last step are the network's.

Its neurons fire above a threshold, one less than ours, and, where that is negative, before they
have seen anything.  Such a neuron is given a synapse to a spike that is always there instead,
behind the frame's, and each hidden layer a neuron that passes it on.  The last layer's neurons fire
where a score is at least 0.
"""

import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from spikerplus.vhdl.layer import Layer
from spikerplus.vhdl.network import Network

net = np.load(sys.argv[1])
if int(net["input_bits"]) > 1:
    sys.exit(f"takes spikes, not inputs of {int(net['input_bits'])} bits")
start = time.perf_counter()
layers = sum(name.startswith("weights_") for name in net.files)
steps = 2 * layers - 1
network = Network(steps)
for k in range(layers):
    weights = net[f"weights_{k}"]
    last = f"thresholds_{k}" not in net.files
    thresholds = np.zeros(len(weights), dtype=int) if last else net[f"thresholds_{k}"]
    # What a neuron cannot reach is all alike.
    reached = np.abs(weights).sum(axis=1)
    above = np.clip(thresholds, -reached, reached + 1) - 1
    weights = np.column_stack((weights, np.maximum(0, -above)))
    above = np.maximum(0, above)
    if not last:
        weights = np.vstack((weights, [0] * (weights.shape[1] - 1) + [1]))
        above = np.append(above, 0)
    bits = max(2, math.ceil(math.log2(np.abs(weights).max() + 1)) + 1)
    # A neuron may integrate as often as there are steps before it is reset.
    most = (steps + 1) * np.abs(weights).sum(axis=1).max()
    width = math.ceil(math.log2(most + 1)) + 1
    network.add(
        Layer(
            label=f"_{k}",
            w_exc=weights,
            w_inh=np.zeros((len(weights), len(weights)), dtype=int),
            v_th=above,
            bitwidth=width,
            fp_decimals=0,
            w_exc_bw=bits,
            w_inh_bw=2,
            shift=width - 1,
            reset="subtractive",
            functional=True,
        )
    )
vhdl = Path("vhdl")
network.write_file_all(output_dir=str(vhdl), rm=True)
files = sorted(path.name for path in vhdl.glob("*.vhd"))
# ghdl would name a wire of an instance just so.
top = vhdl / "network.vhd"
top.write_text(re.sub(r"\blayer_(\d+)_ready\b", r"ready_of_\1", top.read_text()))
options = ["--std=08", "-frelaxed"]


def ghdl(*arguments, **more):
    ended = subprocess.run(["ghdl", *arguments], cwd=vhdl, stderr=subprocess.PIPE, **more)
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        sys.exit(f"ghdl: {said[-1] if said else 'it said nothing'}")


# In any order, and then built up from the top.
ghdl("-i", *options, *files)
ghdl("-m", *options, "network")
with open("network.v", "wb") as out:
    ghdl("--synth", *options, "--out=verilog", "network", stdout=out)
# ghdl leaves out the case that never is, of which yosys would make latches: the last case stands
# for it, too.
verilog = Path("network.v")
last_case = re.compile(r"\S+(: \w+ <= [^;]*;\s*endcase)")
text = last_case.sub(r"default\1", verilog.read_text())


def short(match):
    """A constant in parts: Icarus reads no word of more than 16,384 letters."""
    digits = match[1]
    parts = [digits[k : k + 4096] for k in range(0, len(digits), 4096)]
    return "{" + ", ".join(f"{len(part)}'b{part}" for part in parts) + "}"


verilog.write_text(re.sub(r"\b\d+'b([01]{4097,})", short, text))
seconds = time.perf_counter() - start
inputs, outputs = net["weights_0"].shape[1], len(net[f"weights_{layers - 1}"])


def one_bit(count):
    return [{"low": k, "bits": 1, "signed": False, "scale": 1} for k in range(count)]


Path("circuit.json").write_text(
    json.dumps(
        {
            "files": ["network.v"],
            "top": "network",
            "clock": "clk",
            "data": "in_spikes",
            "result": "out_spikes",
            "input_fields": one_bit(inputs),
            "constant": 1 << inputs,
            "fields": one_bit(outputs),
            "gives": "spikes",
            "started": True,
            "seconds": seconds,
        }
    )
)
