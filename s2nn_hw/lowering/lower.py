"""The one function that makes an integer network of a module."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy.typing as npt
from torch import nn

from s2nn_hw import golden
from s2nn_hw.ir import FrameFormat, InputError, Network
from s2nn_hw.nn import SpikingNetwork

from .sequential import sequential_layers
from .spiking import spiking_network


def lower(
    module: nn.Module,
    input: FrameFormat | None = None,
    *,
    calibration: npt.ArrayLike | None = None,
    provenance: dict[str, Any] | None = None,
) -> Network:
    """The integer network that computes what the module computes, checked.

    Parameters
    ----------
    module: a SpikingNetwork, or a torch Sequential of Conv2d and Linear with whole-number weights,
        batch normalisation, Neuron, pools and Flatten (see sequential.py).  It is read, not run;
        its mode is of no matter.
    input: format of the frames; may be left out for a SpikingNetwork, which has its own.
    calibration: frames of the training set to be stored with the network, see golden.observed().
    provenance: free JSON to be stored with the network.

    The firing condition is folded over the real numbers for the parameters as stored
    (see fold.py).  Raises InputError naming the layer and value where a number is NaN or infinite,
    a weight does not fit, or a module is not supported.
    """
    if input is not None:
        if not isinstance(input, FrameFormat):
            raise InputError(f"the input must be a FrameFormat, not {input!r}")
        input.check()
    if isinstance(module, SpikingNetwork):
        if input is not None and input != module.input:
            raise InputError(f"the input must be the module's own, {module.input}, not {input}")
        network = spiking_network(module)
    elif isinstance(module, nn.Sequential):
        if input is None:
            raise InputError("a Sequential must be lowered with the input's FrameFormat")
        network = Network(input=input, layers=tuple(sequential_layers(module, input)))
    else:
        raise InputError(
            f"the module must be a SpikingNetwork or a torch Sequential, "
            f"not {type(module).__name__}"
        )
    if provenance is not None:
        network = dataclasses.replace(network, provenance=dict(provenance))
    network.check()
    return network if calibration is None else golden.observed(network, calibration)
