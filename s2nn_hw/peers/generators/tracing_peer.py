"""The circuit of a chain of dense layers by alkaid, or by da4ml, from which that came.

``tracing_peer.py NET.npz OPTIONS``, run by the Python of an environment that has one of them:
``latency`` is the delay between registers, as they count it, without which the circuit is
combinational; ``solver`` are options of their solver.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

try:
    from alkaid.codegen import RTLModel
    from alkaid.trace import FVArrayInput as Input
    from alkaid.trace import HWConfig, trace
    from alkaid.trace.ops import quantize
except ModuleNotFoundError:
    from da4ml.codegen import RTLModel
    from da4ml.trace import FixedVariableArrayInput as Input
    from da4ml.trace import HWConfig
    from da4ml.trace import comb_trace as trace
    from da4ml.trace.ops import quantize


def fields(kinds):
    """Where each number is: (signed, integer bits, fraction bits) of each, from bit 0 on."""
    low, found = 0, []
    for signed, integer, fraction in np.asarray(kinds).T.tolist():
        bits = max(0, signed + integer + fraction)
        scale = 2.0**-fraction if bits else 1
        if scale < 1:
            sys.exit("a number has a fraction, where all are integers")
        found.append({"low": low, "bits": bits, "signed": bool(signed), "scale": int(scale)})
        low += bits
    return found


net, options = np.load(sys.argv[1]), json.loads(sys.argv[2])
latency, solver = options.get("latency", -1), options.get("solver")
place = Path("verilog")
start = time.perf_counter()
bits = int(net["input_bits"])
layers = sum(name.startswith("weights_") for name in net.files)
values = Input(net["weights_0"].shape[1], HWConfig(1, -1, -1), solver)
inputs, out = values, quantize(values, 0, bits, 0)
for k in range(layers):
    out = out @ net[f"weights_{k}"].T.astype(float)
    if f"thresholds_{k}" in net.files:
        out = out >= net[f"thresholds_{k}"]
graph = trace(inputs, out)
RTLModel(graph, path=str(place), prj_name="peer", latency_cutoff=latency).write()
seconds = time.perf_counter() - start
sources = [
    path
    for path in place.glob("src/**/*.v")
    # Reads a memory file that there is not where a design has no table.
    if not path.stem.endswith("_wrapper") and path.name != "lookup_table.v"
]
Path("circuit.json").write_text(
    json.dumps(
        {
            "files": sorted(map(str, sources)),
            "top": "peer",
            "clock": "clk" if latency > 0 else None,
            "data": "model_inp",
            "result": "model_out",
            "constant": 0,
            "input_fields": fields(graph.inp_kifs),
            "fields": fields(graph.out_kifs),
            "gives": "scores",
            "started": False,
            "seconds": seconds,
        }
    )
)
