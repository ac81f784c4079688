"""What is behind a layer's potentials where a step's are not all that counts."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtl_gen.lib.membranes import Membrane, MembranePlan, Membranes, Pixels
from rtl_gen.lib.neuron import SHIFTED_PLANES, Left
from rtl_gen.plan import LayerPlan
from s2nn_hw.ir import Layer, Network


def integrates(network: Network, layer: Layer, engine: str) -> bool:
    """Whether its accumulators can go on from step to step: each is of one neuron, of which
    nothing leaks, and holds the very potential.
    """
    planes = max(network.bits(p.source) for p in layer.projections)
    alone = engine == "event" and not layer.is_map and planes <= SHIFTED_PLANES
    return alone and network.steps > 1 and not layer.is_readout and not layer.leak


def membranes_of(network: Network, layer: Layer, engine: str) -> MembranePlan | None:
    """Those of a layer of the network as it is built, None where it needs none.

    Its neurons keep something from step to step, or have thresholds for each pixel.
    """
    if layer.thresholds is None or (network.steps == 1 and not layer.by_pixel):
        return None
    if integrates(network, layer, engine):
        return None
    # Accumulators begin with a bias, sums of tables do not.
    biased = engine == "unrolled" and bool(layer.bias_or_zero.any())
    return MembranePlan(
        steps=network.steps,
        windows=int(np.prod(network.shape(layer.name)[1:])),
        prepares=network.steps > 1 and (layer.leak > 0 or biased),
    )


def offsets(layer: Layer, plan: LayerPlan) -> list[int]:
    """What accumulators start from."""
    if plan.integrates:
        start = layer.initial_or_zero + layer.bias_or_zero - _thresholds(layer, plan)
        return [int(value) for value in start]
    if layer.thresholds is None or plan.sums:
        return [int(bias) for bias in layer.bias_or_zero]
    return [-int(theta) for theta in reachable(layer, plan)]


def left_over(layer: Layer, plan: LayerPlan) -> list[Left] | None:
    """What accumulators go on from; None where they do not."""
    if not plan.integrates:
        return None
    low, high = layer.membrane_range(potentials(layer, plan), plan.steps)
    found = []
    for j, theta in enumerate(_thresholds(layer, plan).tolist()):
        bias = int(layer.bias_or_zero[j])
        reset = {"soft": bias - theta, "hard": bias - theta, "none": bias}[layer.reset]
        found.append(
            Left(
                low=int(low[j]) - theta,
                high=int(high[j]) - theta,
                fired=reset,
                silent=bias,
                hard=layer.reset == "hard",
            )
        )
    return found


def _thresholds(layer: Layer, plan: LayerPlan) -> npt.NDArray[np.int64]:
    """Of each neuron: one that is never reached is as good as the next that is not."""
    assert layer.thresholds is not None
    _, high = layer.membrane_range(potentials(layer, plan), plan.steps)
    return np.minimum(layer.thresholds, high + 1)


def potentials(layer: Layer, plan: LayerPlan) -> tuple[npt.NDArray[np.int64], ...]:
    """Least and greatest sum of a step, for inputs of so many bits."""
    ranges = [p.potential_range(2**plan.planes - 1) for p in layer.projections]
    low, high = (np.sum([r[k] for r in ranges], axis=0) for k in (0, 1))
    return low, high


def reachable(layer: Layer, plan: LayerPlan) -> npt.NDArray[np.int64]:
    """The thresholds, those beyond what a potential reaches moved to its edge.

    At or below the least potential a neuron always fires, above the greatest it never does.
    """
    low, high = potentials(layer, plan)
    return np.clip(layer.thresholds, low, high + 1)


def membranes(layer: Layer, plan: LayerPlan, widths: Sequence[int]) -> Membranes:
    """The component; ``widths``: bits of the potentials that come."""
    assert plan.membranes is not None
    neurons, pixels = neurons_and_pixels(layer, plan, widths)
    leak = layer.leak if plan.steps > 1 else 0
    return Membranes(neurons, plan=plan.membranes, pixels=pixels, reset=layer.reset, leak=leak)


def neurons_and_pixels(
    layer: Layer, plan: LayerPlan, widths: Sequence[int]
) -> tuple[list[Membrane], Pixels]:
    """The numbers of its neurons, and the kinds of its pixels."""
    assert plan.membranes is not None
    assert layer.thresholds is not None
    low, high = layer.membrane_range(potentials(layer, plan), plan.steps)
    thresholds, pixels = layer.thresholds[:, None], Pixels()
    if layer.by_pixel:
        thresholds, pixels = _kinds(layer.thresholds)
    elif layer.is_map:
        pixels = Pixels(rows=(0,) * plan.membranes.windows)
    if plan.steps == 1:
        thresholds = np.maximum(thresholds, low[:, None])
    # One that is never reached is as good as the next that is not.
    thresholds = np.minimum(thresholds, high[:, None] + 1)
    biased = plan.engine == "unrolled" and plan.steps > 1
    bias = layer.bias_or_zero if biased else np.zeros(layer.neurons, np.int64)
    neurons = [
        Membrane(
            bits=bits,
            low=int(low[j]),
            high=int(high[j]),
            thresholds=tuple(thresholds[j].tolist()),
            bias=int(bias[j]),
            initial=int(layer.initial_or_zero[j]) if plan.steps > 1 else 0,
        )
        for j, bits in enumerate(widths)
    ]
    return neurons, pixels


def _kinds(thresholds: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Pixels]:
    """Thresholds (neurons, kinds) of a map's (neurons, height, width), and where each holds."""
    _, first_rows, rows = np.unique(
        thresholds.swapaxes(0, 1), axis=0, return_index=True, return_inverse=True
    )
    _, first_columns, columns = np.unique(
        np.moveaxis(thresholds, 2, 0), axis=0, return_index=True, return_inverse=True
    )
    of_kinds = thresholds[:, first_rows][:, :, first_columns]
    pixels = Pixels(rows=tuple(rows.ravel().tolist()), columns=tuple(columns.ravel().tolist()))
    return of_kinds.reshape(len(thresholds), -1), pixels
