"""What is claimed of every unrolled layer, with all that is needed to check it."""

import json
from typing import Any

from rtl_gen.plan import CorePlan, LayerPlan
from s2nn_hw.certificate import FORMAT
from s2nn_hw.ir import Layer, Network
from s2nn_hw.manifest import sha256

from .circuit import Circuit
from .layer import circuit_of
from .tables import signal


def certificate(
    network: Network, plan: CorePlan, digest: str, modules: dict[str, str], verilog: str
) -> str:
    """The certificate of a core, as s2nn_hw.certificate describes it.

    network: as it is built; digest: of the one that it is built of.
    modules: of each unrolled layer, name of the module of its pipeline; verilog: the whole text.
    """
    layers = []
    for node in plan.layers:
        if isinstance(node, LayerPlan) and node.engine == "unrolled":
            layer = network.node(node.layer)
            assert isinstance(layer, Layer)
            made = {
                "layer": node.layer,
                "module": modules[node.layer],
                "stages": node.stages,
                **_proof(circuit_of(layer, node)),
            }
            layers.append(made)
    data = {
        "format": FORMAT,
        "network": digest,
        "verilog": sha256(verilog.encode()),
        "layers": layers,
    }
    return json.dumps(data, separators=(",", ":")) + "\n"


def _proof(circuit: Circuit) -> dict[str, Any]:
    """Identities, what they are about beside what is built, and what follows for every neuron."""
    tables = circuit.tables
    numbers = sorted({number for made in circuit.sums for number, _ in made.uses})
    place = {number: k for k, number in enumerate(numbers)}
    identities = [circuit.identities[number] for number in numbers]
    spoken = {s for identity in identities for s, _ in identity.terms}
    spoken |= {s for identity in identities for s in identity.cut}
    spoken |= {s for made in circuit.sums for s in made.cut}
    spoken |= {signal(o) for made in circuit.sums for o in made.outputs}
    unbuilt = tables.live(2 * s for s in spoken) - tables.live(circuit.outputs)
    return {
        "helpers": [
            [s, list(tables.table(s).inputs), f"{tables.table(s).values:x}"]
            for s in sorted(unbuilt)
        ],
        "identities": [
            {"terms": [list(term) for term in identity.terms], "cut": list(identity.cut)}
            for identity in identities
        ],
        "neurons": [
            {
                "outputs": list(made.outputs),
                "constant": made.constant,
                "uses": [[place[number], factor] for number, factor in made.uses],
                "cut": list(made.cut),
            }
            for made in circuit.sums
        ],
    }
