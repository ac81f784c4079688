"""Which neurons are trained, by the names of options."""

from __future__ import annotations

from typing import Any

from s2nn_hw.ir import InputError
from s2nn_hw.nn import IntegrateFire, Neuron, Sign, surrogate
from s2nn_hw.nn.layer import AnyNeuron

#: Name → the options that it has, with what they are by default.
NEURONS: dict[str, dict[str, Any]] = {
    "s2nn": {"weight_bits": 4, "surrogate": "s2nn"},
    "if": {
        "weight_bits": 4,
        "surrogate": "s2nn",
        "steps": 4,
        "reset": "soft",
        "leak": 0,
        "initial": 0.0,
        "readout": "potential",
        "coding": "direct",
    },
    "bnn": {"weight_bits": 1, "surrogate": "boxcar"},
}

READOUTS = ("potential", "count")


def resolved(neuron: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options given, None where not, with defaults; None stays where the neuron has none.

    Raises InputError for an unknown neuron, and for an option that it does not have.
    """
    if neuron not in NEURONS:
        raise InputError(f"the neuron must be one of {', '.join(NEURONS)}, not {neuron!r}")
    known = NEURONS[neuron]
    for name, value in given.items():
        if value is not None and name not in known:
            raise InputError(
                f"{name} must be left out with neuron {neuron!r}: it is of neuron 'if', "
                f"which integrates"
            )
    if given["readout"] not in (None, *READOUTS):
        raise InputError(
            f"the readout must be one of {', '.join(READOUTS)}, not {given['readout']!r}"
        )
    return {name: known.get(name) if value is None else value for name, value in given.items()}


def made(neuron: str, options: dict[str, Any], *, alpha: float, beta: float) -> AnyNeuron:
    """The neuron of resolved options; alpha and beta are of its surrogate."""
    derivative = surrogate(options["surrogate"], alpha=alpha, beta=beta)
    if neuron == "if":
        membrane = {name: options[name] for name in ("steps", "reset", "leak", "initial")}
        return IntegrateFire(**membrane, surrogate=derivative)
    return (Sign if neuron == "bnn" else Neuron)(surrogate=derivative)
