"""One frame of a run through the layers, to look at."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import numpy.typing as npt

from s2nn_hw import schema
from s2nn_hw.ir import Network

from .emit import Core
from .stimulus import Stimulus

EXAMPLE = schema.EXAMPLE.file


def example(
    network: Network,
    core: Core,
    played: Stimulus,
    frames: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64] | None,
) -> str:
    """The file of a core that passed: frame 0 of ``frames`` (n, *shape).

    ``input`` is what the core is sent of it, where it is coded its ``steps`` one after the other.
    ``layers`` has what every layer and pool of the core but the readout gives at the last of the
    network's ``steps``: that is ``step``, counted from 0.  These are the golden values that the
    core's were compared with.  All values are in raster order, channels first; see _packed().
    """
    manifest, vectors = core.manifest, played.vectors
    sent = network.sent(frames[:1])
    last = network.steps - 1
    pools = {entry.name for entry in manifest.layers if entry.engine == "pool"}
    data = {
        "schema": schema.EXAMPLE.version,
        "digest": manifest.digest,
        "frame": 0,
        "label": None if labels is None else int(labels[0]),
        "class": int(vectors.classes[0]),
        "steps": network.steps,
        "step": last,
        "input": {
            "shape": list(network.input.shape),
            "maximum": network.step_input.maximum,
            "steps": manifest.input.steps,
            "values": _text(sent.astype(np.uint8).tobytes()),
        },
        "layers": [
            {
                "name": probe.layer,
                "kind": "pool" if probe.layer in pools else "layer",
                "shape": list(network.shape(probe.layer)),
                "maximum": network.maximum(probe.layer),
                "values": _packed(vectors.spikes[probe.layer][last], network.maximum(probe.layer)),
            }
            for probe in manifest.probes
        ],
        "scores": vectors.scores[0].tolist(),
    }
    return json.dumps(data, indent=1) + "\n"


def _packed(values: npt.NDArray[np.unsignedinteger[Any]], maximum: int) -> str:
    """Base64 of spikes eight a byte, the first in the highest bit; of greater values a byte each.

    Sums of many pixels, which may be beyond 255, take two bytes each, the lower one first.
    """
    if maximum == 1:
        return _text(np.packbits(values.reshape(-1)).tobytes())
    return _text(values.astype("u1" if maximum < 256 else "<u2").tobytes())


def _text(values: bytes) -> str:
    return base64.b64encode(values).decode("ascii")
