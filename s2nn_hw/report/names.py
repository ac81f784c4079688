"""What figures and fields are called, for people."""

from __future__ import annotations

#: Figure of a build → its name.
BUILD = {
    "accuracy": "accuracy",
    "mismatches": "mismatches against the golden model",
    "latency_min": "latency, least",
    "latency_mean": "latency, mean",
    "latency_max": "latency, greatest",
    "latency_bound": "latency of any frame, at most",
    "interval": "interval, mean",
    "interval_predicted": "interval, mean, predicted",
    "interval_bound": "interval of any frames, at most",
    "interval_floor": "floor of the slowest layer",
    "interval_over_floor": "interval over floor",
    "toggles_per_frame": "toggles a frame",
    "netlist_toggles": "toggles a frame of the netlist",
    "inferences_per_second": "inferences a second",
    "clock": "clock, best of its seeds",
    "inferences_at_fmax": "inferences a second at that clock",
    "inferences_on_board": "inferences a second at the board's clock",
    "lut": "look-up tables",
    "ff": "flip-flops",
    "bram": "block RAMs",
    "simulation_speed": "simulation speed",
    "arithmetic_energy": "energy, arithmetic only, 45 nm",
}

#: Figure of a layer → its name.
LAYER = {
    "events": "events",
    "spike_rate": "spike rate of inputs",
    "floor": "floor, cycles",
    "utilisation": "utilisation",
    "toggles_per_frame": "toggles",
    "netlist_toggles": "toggles of the netlist",
    "arithmetic_energy": "energy, arithmetic only, 45 nm",
    "occupied_bits": "block RAM occupied, bits",
    "lut": "LUT",
    "ff": "FF",
    "bram": "BRAM",
}

#: Field of a layer → its name.
FIELDS = {
    "lanes": "lanes",
    "synapses": "synapses",
    "weight_bits": "weight bits",
    "memory_bits": "weight memory, bits",
    "buffer_bits": "line buffers, bits",
}
