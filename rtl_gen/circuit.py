"""The network as it is built: the same scores, with less to build."""

from dataclasses import replace

import numpy as np

from s2nn_hw.ir import Conv2d, Dense, Layer, Network, Pool


def circuit(network: Network) -> Network:
    """The network without numbers and pools that others can stand for.

    Semantics: with a single step, what a hidden layer begins with and is biased by is a matter of
    its thresholds.  Sums over whole maps are joined with the dense layers that read them: W times
    the sum of a map's pixels is the sum over the pixels of W times each.  So such a layer reads the
    map itself, with the weight of a channel for each of its pixels (a DensePlan that ``repeats``
    stores them once), and there is neither the wide pool nor its values of several bits.  All
    other layers keep their names and values.
    """
    if network.steps == 1:
        layers = tuple(map(_single, network.layers))
        if any(layer is not node for layer, node in zip(layers, network.layers, strict=True)):
            network = replace(network, layers=layers)
    pools = {
        node.name: node
        for node in network.layers
        if isinstance(node, Pool) and _joins(network, node)
    }
    if not pools:
        return network
    return replace(
        network,
        layers=tuple(
            _reading_maps(network, node, pools) for node in network.layers if node.name not in pools
        ),
        activity={k: values for k, values in network.activity.items() if k not in pools},
    )


def _single(node: Layer | Pool) -> Layer | Pool:
    """A node of a single step, all of whose numbers are in its thresholds."""
    if isinstance(node, Pool) or node.thresholds is None:
        return node
    if node.bias is None and node.initial is None:
        return node
    initial = node.initial_or_zero
    start = node.bias_or_zero + initial - (initial >> node.leak if node.leak else 0)
    by_neuron = start.reshape(-1, *[1] * (node.thresholds.ndim - 1))
    return replace(node, thresholds=node.thresholds - by_neuron, bias=None, initial=None)


def _joins(network: Network, pool: Pool) -> bool:
    """Whether the pool is such a sum, and the layers that read it are as fast without it.

    That is where their events, the spikes of the map, are no more than those of the layer that
    makes it, at like rates and lanes.
    """
    if pool.source not in (layer.name for layer in network.weighted):
        return False
    source = network.node(pool.source)
    assert isinstance(source, Layer)
    channels, *size = network.shape(pool.source)
    if pool.kind != "sum" or not _once_each(pool, (size[0], size[1])):
        return False
    readers = [network.node(name) for name in network.readers(pool.name)]
    if not all(isinstance(node, Layer) and not node.is_map for node in readers):
        return False
    inputs = sum(p.inputs // p.groups for p in source.projections if isinstance(p, Conv2d))
    return channels <= inputs


def _once_each(pool: Pool, size: tuple[int, int]) -> bool:
    """Whether there is one window, of all pixels."""
    windows = pool.window.pixels(size)
    return len(windows) == 1 and int((windows >= 0).sum()) == size[0] * size[1]


def _reading_maps(network: Network, node: Layer | Pool, pools: dict[str, Pool]) -> Layer | Pool:
    """The node; a layer that reads a pool among these reads the pool's source."""
    if isinstance(node, Pool):
        return node
    projections = []
    for projection in node.projections:
        pool = pools.get(projection.source)
        if pool is not None:
            assert isinstance(projection, Dense)
            _, height, width = network.shape(pool.source)
            projection = replace(
                projection,
                source=pool.source,
                weights=np.repeat(projection.weights, height * width, axis=1),
            )
        projections.append(projection)
    return replace(node, projections=tuple(projections))
