"""Single-step spiking networks as torch modules, trained with quantised weights."""

from .dense import Dense
from .encode import frame_format
from .layer import Readout, SpikingLayer
from .network import Mlp, SpikingNetwork
from .neuron import Neuron
from .surrogates import (
    S2NN,
    SURROGATES,
    BiReal,
    Boxcar,
    SigmoidPrime,
    Slayer,
    Surrogate,
    Triangle,
    surrogate,
)

__all__ = [
    "S2NN",
    "SURROGATES",
    "BiReal",
    "Boxcar",
    "Dense",
    "Mlp",
    "Neuron",
    "Readout",
    "SigmoidPrime",
    "Slayer",
    "SpikingLayer",
    "SpikingNetwork",
    "Surrogate",
    "Triangle",
    "frame_format",
    "surrogate",
]
