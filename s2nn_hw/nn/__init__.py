"""Spiking and binary networks as torch modules, trained with quantised weights."""

from .conv2d import Conv2d
from .convnet import Convnet
from .dense import Dense
from .encode import frame_format
from .integrate import IntegrateFire
from .layer import Readout, SpikingLayer
from .network import Mlp, SpikingNetwork
from .neuron import Neuron, Sign
from .pool import Pool
from .projection import Projection
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
from .twin import Twin

__all__ = [
    "S2NN",
    "SURROGATES",
    "BiReal",
    "Boxcar",
    "Conv2d",
    "Convnet",
    "Dense",
    "IntegrateFire",
    "Mlp",
    "Neuron",
    "Pool",
    "Projection",
    "Readout",
    "SigmoidPrime",
    "Sign",
    "Slayer",
    "SpikingLayer",
    "SpikingNetwork",
    "Surrogate",
    "Triangle",
    "Twin",
    "frame_format",
    "surrogate",
]
