"""Single-step spiking networks as torch modules, trained with quantised weights."""

from .conv2d import Conv2d
from .convnet import Convnet
from .dense import Dense
from .encode import frame_format
from .layer import Readout, SpikingLayer
from .network import Mlp, SpikingNetwork
from .neuron import Neuron
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
    "Mlp",
    "Neuron",
    "Pool",
    "Projection",
    "Readout",
    "SigmoidPrime",
    "Slayer",
    "SpikingLayer",
    "SpikingNetwork",
    "Surrogate",
    "Triangle",
    "Twin",
    "frame_format",
    "surrogate",
]
