"""What quantities would take by the structure of the hardware, before anything is measured.

For what each is, see ``rtl_gen/costs``.  Look-up tables are of four inputs.
"""

import math

LUT = {
    "accumulators": 5,
    "address bit": 1,
    "base bit": 1,
    "beat": 0.5,
    "beats": 4,
    "bits": 1.0,
    "block read": 0.02,
    "buffered bit": 0.1,
    "cells": 6,
    "chosen": 0.4,
    "compared": 2,
    "compared twice": 0.1,
    "constant first sum": 1,
    "constant held weight": 0.02,
    "constant masked": 0.05,
    "constant sum": 1,
    "constants": 0.07,
    "doubled": 1,
    "encoder": 25,
    "entry bit": 0.5,
    "entry of window": 0.2,
    "first sum": 1,
    "flag": 0.7,
    "flag choice": 0.3,
    "folded": 20,
    "forked": 0.1,
    "framed": 0.5,
    "gathered": 1,
    "gathered bit": 0.3,
    "group": 3,
    "grouped position": 1,
    "held sum": 0.02,
    "held weight": 0.02,
    "input": 0.3,
    "kept": 0.1,
    "line choice": 0.5,
    "load": 60,
    "load bit": 1,
    "loaded bit": 0.5,
    "logic read": 0.1,
    "masked": 0.3,
    "merged bit": 0.5,
    "neuron": 0.3,
    "newest": 0.05,
    "plane bit": 0.4,
    "plane choice": 0.5,
    "pooled": 1,
    "pooled sum": 1,
    "port": 14,
    "port bit": 0.1,
    "position of 1": 3,
    "position of 2": 8,
    "potential": 1,
    "queue": 25,
    "queue bit": 0.1,
    "queued position": 0.4,
    "read": 4,
    "reader": 60,
    "rest bit": 0.07,
    "rest read": 1,
    "shell": 600,
    "shell load": 60,
    "shell load bit": 1,
    "shell result bit": 0.5,
    "shell word bit": 1,
    "shifted": 0.6,
    "sign": 0.5,
    "skid": 0.5,
    "slot": 0.2,
    "slots": 8,
    "stage": 1,
    "staged": 0.02,
    "step bit": 0.5,
    "stored sum": 1.5,
    "stored word": 0.3,
    "sum": 1,
    "table": 1,
    "tap": 5,
    "unrolled": 20,
    "waiting sign": 0.02,
    "wide entry bit": 0.02,
    "word bit": 0.2,
}

FF = {
    "accumulators": 6,
    "address bit": 1,
    "base bit": 1,
    "beat": 0.01,
    "beats": 2,
    "bits": 1.0,
    "block read": 0.3,
    "buffered bit": 1,
    "cells": 0.02,
    "chosen": 0.02,
    "compared": 1.5,
    "compared twice": 1,
    "constant first sum": 0.02,
    "constant held weight": 1,
    "constant sum": 0.02,
    "constants": 0.002,
    "doubled": 0.02,
    "encoder": 20,
    "entry bit": 3,
    "entry of window": 1,
    "first sum": 0.02,
    "flag": 1,
    "flag choice": 0.01,
    "folded": 10,
    "forked": 1,
    "framed": 1,
    "gathered": 1,
    "gathered bit": 1,
    "group": 3,
    "grouped position": 1,
    "held sum": 1,
    "held weight": 1,
    "input": 2,
    "kept": 1,
    "line choice": 0.05,
    "load": 40,
    "load bit": 1,
    "loaded bit": 1,
    "logic read": 1,
    "masked": 0.02,
    "merged bit": 0.02,
    "neuron": 0.05,
    "newest": 1,
    "plane bit": 0.05,
    "plane choice": 0.1,
    "pooled": 2,
    "pooled sum": 0.1,
    "port": 8,
    "port bit": 0.1,
    "position of 1": 1,
    "position of 2": 2,
    "potential": 1,
    "queue": 20,
    "queue bit": 2,
    "queued position": 0.1,
    "read": 4,
    "reader": 60,
    "rest bit": 0.01,
    "rest read": 1,
    "shell": 420,
    "shell load": 60,
    "shell load bit": 1,
    "shell result bit": 0.5,
    "shell word bit": 1,
    "shifted": 0.02,
    "sign": 1,
    "skid": 1,
    "slot": 0.2,
    "slots": 8,
    "stage": 3,
    "staged": 1,
    "step bit": 1.5,
    "stored sum": 0.1,
    "stored word": 1,
    "sum": 0.02,
    "table": 0.01,
    "tap": 2,
    "unrolled": 10,
    "waiting sign": 1,
    "wide entry bit": 1,
    "word bit": 1,
}

#: Where a family is unlike an ECP5.
UNLIKE = {
    ("ice40", "lut"): {"cells": 0, "block read": 0.05},
    ("ice40", "ff"): {"block read": 1},
    ("gowin", "lut"): {"cells": 4},
    ("gowin", "ff"): {"block read": 0.5},
}

#: Of flip-flops, those that look-up tables drive and so share a logic cell with; of others half do.
DRIVEN = (
    "potential",
    "flag",
    "pooled",
    "gathered",
    "held sum",
    "compared",
    "sign",
    "waiting sign",
    "accumulators",
)

#: Logarithm of a clock, and how far from it one is not surprised.
CLOCK = {
    "ecp5": {
        "1 additions": (math.log(140), 0.15),
        "2 additions": (math.log(125), 0.15),
        "3 additions": (math.log(88), 0.15),
        "1 tables": (math.log(320), 0.1),
        "2 tables": (math.log(215), 0.1),
        "3 tables": (math.log(150), 0.15),
        "4 tables": (math.log(120), 0.15),
    },
    "ice40": {
        "1 additions": (math.log(48), 0.15),
        "2 additions": (math.log(48), 0.15),
        "2 tables": (math.log(90), 0.2),
        "1 tables": (math.log(90), 0.2),
    },
    "gowin": {
        "1 additions": (math.log(92), 0.15),
        "2 tables": (math.log(190), 0.2),
        "1 tables": (math.log(190), 0.2),
    },
}
for _family in CLOCK.values():
    _family |= {"lanes": (-0.03, 0.03), "inputs": (-0.03, 0.03), "fill": (-0.3, 0.15)}


def far(resource: str, name: str, guess: float) -> float:
    """How far from its prior a cost is not surprising.

    Flip-flops that a look-up table drives are in its cell, whatever else is alone.
    """
    sure = resource == "cell" and name in DRIVEN
    return (0.05 if sure else 0.5) * guess + 0.02


def priors(family: str, resource: str) -> dict[str, float]:
    """Of a resource: ``lut``, ``ff`` or ``cell``, a look-up table with its flip-flop or either."""
    if resource == "cell":
        lut, ff = priors(family, "lut"), priors(family, "ff")
        alone = {name: units * (0.15 if name in DRIVEN else 0.5) for name, units in ff.items()}
        return {n: lut.get(n, 0) + alone.get(n, 0) for n in (*lut, *ff)}
    every = {name: 0.0 for name in (*LUT, *FF)}
    return every | (LUT if resource == "lut" else FF) | UNLIKE.get((family, resource), {})
