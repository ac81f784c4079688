"""Which engine and memory a layer has, and how many lanes and windows it can use."""

from collections.abc import Iterable, Mapping, Sequence

from s2nn_hw.ir import INPUT, Conv2d, InputError, Layer, Network, Pool

ENGINES = ("event", "parallel", "unrolled")

#: Of weights: constants, or loaded before the first frame.
MEMORIES = ("rom", "ram")

#: Lanes, at the most, of a layer on the event engine where nothing is asked for.
DEFAULT = 4

#: Bits of weights that a layer may store a second time and more to serve more windows at a time,
#: which keeps all lanes busy, where splitting a window over banks does not.
COPIED_BITS = 256 * 1024


def engines_of(network: Network, engine: str | Sequence[str]) -> dict[str, str]:
    """Engine by layer."""
    layers = network.weighted
    if not isinstance(engine, Iterable):
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    names = [engine] * len(layers) if isinstance(engine, str) else list(engine)
    _require_one_each("engine must be one name", network, len(names))
    chosen = {}
    for layer, name in zip(layers, names, strict=True):
        if name not in ENGINES:
            raise InputError(f"engine must be one of {', '.join(ENGINES)}, not {name!r}")
        if name == "parallel" and not layer.is_map:
            if not isinstance(engine, str):
                raise InputError(
                    f"layer {layer.name!r}: the parallel engine takes convolutions, use 'event'"
                )
            name = "event"
        chosen[layer.name] = name
    return chosen


def loaded_of(
    network: Network, engines: Mapping[str, str], memory: str | Sequence[str]
) -> tuple[str, ...]:
    """The layers whose weights are loaded."""
    layers = network.weighted
    if not isinstance(memory, Iterable):
        raise InputError(f"memory must be one of {', '.join(MEMORIES)}, not {memory!r}")
    names = [memory] * len(layers) if isinstance(memory, str) else list(memory)
    _require_one_each("memory must be one name", network, len(names))
    for layer, name in zip(layers, names, strict=True):
        if name not in MEMORIES:
            raise InputError(f"memory must be one of {', '.join(MEMORIES)}, not {name!r}")
        if name == "rom":
            continue
        where = f"layer {layer.name!r}: its weights cannot be loaded,"
        if engines[layer.name] != "event":
            raise InputError(f"{where} for it is on the {engines[layer.name]} engine")
        first = layer.projections[0]
        if len(layer.projections) > 1:
            raise InputError(f"{where} for it has {len(layer.projections)} projections")
        if isinstance(first, Conv2d) and first.groups > 1:
            raise InputError(f"{where} for its convolution has {first.groups} groups")
    return tuple(layer.name for layer, name in zip(layers, names, strict=True) if name == "ram")


def lanes_of(
    network: Network,
    engines: Mapping[str, str],
    lanes: int | Sequence[int] | None,
    loaded: Sequence[str] = (),
) -> dict[str, int]:
    """Lanes by layer.

    One number is the most that any layer gets: each has as many of them as it can use.  One number
    a layer is taken as it is, or refused.  A layer whose weights are ``loaded`` has one.
    """
    layers = network.weighted
    if lanes is None or isinstance(lanes, int):
        if lanes is not None and lanes < 1:
            raise InputError(f"lanes must be 1 or more, not {lanes!r}")
        return {
            layer.name: 1
            if layer.name in loaded
            else _most_lanes(network, layer, engines)
            if lanes is None and engines[layer.name] != "event"
            else _usable(network, layer, engines, DEFAULT if lanes is None else lanes)
            for layer in layers
        }
    wanted = list(lanes)
    _require_one_each("lanes must be one number", network, len(wanted))
    refused = []
    for layer, count in zip(layers, wanted, strict=True):
        whole = isinstance(count, int) and not isinstance(count, bool) and count >= 1
        if layer.name in loaded and count != 1:
            refused.append(
                f"layer {layer.name!r}: lanes must be 1 where weights are loaded, not {count!r}"
            )
        elif not whole or not _fits(network, layer, engines, count):
            refused.append(_refusal(network, layer, engines, count))
    if refused:
        raise InputError("; ".join(refused))
    return {layer.name: count for layer, count in zip(layers, wanted, strict=True)}


def windows_at_a_time(
    network: Network,
    engines: Mapping[str, str],
    lanes: Mapping[str, int],
    windows: int | Sequence[int] | None,
    reads: int,
) -> dict[str, int]:
    """Windows at a time by layer, over which its lanes are spread.

    None: as many as the lanes allow, and the memories that are stored again.  One number is the
    most that any layer gets, unless its lanes need more.  One number a layer is taken as it is, or
    refused; layers other than convolutions on the event engine have one window.

    Parameters
    ----------
    lanes: by layer.
    reads: of one memory in a cycle, at the most.
    """
    layers = network.weighted
    fitting = {layer.name: _fitting(network, layer, engines, lanes[layer.name]) for layer in layers}
    if windows is None or isinstance(windows, int):
        if windows is not None and windows < 1:
            raise InputError(f"windows must be 1 or more, not {windows!r}")
        return {
            layer.name: _most_windows(layer, fitting[layer.name], windows, reads)
            for layer in layers
        }
    wanted = list(windows)
    _require_one_each("windows must be one number", network, len(wanted))
    refused = [
        f"layer {layer.name!r}: windows must be {_ranges(fitting[layer.name])} "
        f"where it has {lanes[layer.name]} lanes, not {count!r}"
        for layer, count in zip(layers, wanted, strict=True)
        if isinstance(count, bool) or count not in fitting[layer.name]
    ]
    if refused:
        raise InputError("; ".join(refused))
    return {layer.name: count for layer, count in zip(layers, wanted, strict=True)}


def _most_windows(layer: Layer, fitting: Sequence[int], most: int | None, reads: int) -> int:
    """Of those that fit the lanes, the greatest number that may be."""
    bits = sum(p.weights.size * p.weight_bits for p in layer.projections)
    affordable = [
        n
        for n in fitting
        if (-(-n // reads) - 1) * bits <= COPIED_BITS and (most is None or n <= most)
    ]
    return max(affordable or fitting[:1])


def _require_one_each(but: str, network: Network, count: int) -> None:
    """Raise InputError unless there are as many as layers that have synapses."""
    names = [layer.name for layer in network.weighted]
    if count != len(names):
        raise InputError(
            f"{but}, or {len(names)}, one for each layer that has synapses "
            f"({', '.join(names)}), not {count}"
        )


def _usable(network: Network, layer: Layer, engines: Mapping[str, str], most: int) -> int:
    """The greatest number of lanes up to ``most`` that the layer can use."""
    if _takes_all(network, layer, engines):
        return _most_lanes(network, layer, engines)
    most = min(most, _most_lanes(network, layer, engines))
    return next(n for n in range(most, 0, -1) if _fits(network, layer, engines, n))


def _most_lanes(network: Network, layer: Layer, engines: Mapping[str, str]) -> int:
    """The most that a layer's first projection can use; see _refusal()."""
    first = layer.projections[0]
    if engines[layer.name] == "parallel":
        return first.inputs
    if engines[layer.name] == "unrolled" and isinstance(first, Conv2d):
        return first.channels * first.window.taps
    if isinstance(first, Conv2d):
        return first.channels // first.groups * network.shape(layer.name)[2]
    return network.shape(first.source)[0] if comes_as_map(network, first.source) else first.inputs


def _fits(network: Network, layer: Layer, engines: Mapping[str, str], lanes: int) -> bool:
    """Whether the layer can use exactly so many."""
    most = _most_lanes(network, layer, engines)
    if lanes > most or (lanes < most and _takes_all(network, layer, engines)):
        return False
    return bool(_fitting(network, layer, engines, lanes))


def _takes_all(network: Network, layer: Layer, engines: Mapping[str, str]) -> bool:
    """Whether its lanes are as many as there can be: on the unrolled engine fewer save nothing.

    They are but the width of the input port where it takes frames from there.
    """
    port = layer.projections[0].source == INPUT and not input_is_map(network)
    return engines[layer.name] == "unrolled" and not port


def _fitting(network: Network, layer: Layer, engines: Mapping[str, str], lanes: int) -> list[int]:
    """Windows at a time, rising, over which so many lanes can be spread; empty if over none."""
    first = layer.projections[0]
    if engines[layer.name] != "event" or not isinstance(first, Conv2d):
        return [1]
    columns = network.shape(layer.name)[2]
    return [
        n
        for n in range(1, min(lanes, columns) + 1)
        if lanes % n == 0 and lanes // n <= first.channels // first.groups
    ]


def _refusal(network: Network, layer: Layer, engines: Mapping[str, str], lanes: object) -> str:
    """Why the layer cannot have so many, and how many it can."""
    first = layer.projections[0]
    most = _most_lanes(network, layer, engines)
    if engines[layer.name] == "parallel":
        what = f"one for each of the {most} inputs of a window at most"
    elif engines[layer.name] == "unrolled" and _takes_all(network, layer, engines):
        what = "all that it can, as it is unrolled"
    elif isinstance(first, Conv2d):
        channels, columns = first.channels // first.groups, network.shape(layer.name)[2]
        what = f"1…{columns} columns of its map times 1…{channels} channels"
    elif comes_as_map(network, first.source):
        what = f"one for each of the {most} channels of {first.source!r} at most"
    else:
        what = f"one for each of its {most} inputs at most"
    usable = [n for n in range(1, most + 1) if _fits(network, layer, engines, n)]
    return f"layer {layer.name!r}: lanes must be {_ranges(usable)} ({what}), not {lanes!r}"


def _ranges(numbers: Sequence[int]) -> str:
    """Rising numbers in words: ``1…4, 6 or 8``."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    parts = [str(n) for run in runs for n in (run if len(run) < 3 else [f"{run[0]}…{run[-1]}"])]
    return " or ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def comes_as_map(network: Network, source: str) -> bool:
    """Whether the words of a source are its pixels."""
    if source == INPUT:
        return input_is_map(network)
    return len(network.shape(source)) == 3


def input_is_map(network: Network) -> bool:
    """Whether the input comes pixel by pixel, as convolutions and pools take it."""
    readers = (network.node(name) for name in network.readers(INPUT))
    return any(isinstance(node, Pool) or node.is_map for node in readers)
