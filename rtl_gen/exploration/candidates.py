"""What each layer may be, what that takes and how many cycles it needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import inf
from typing import Any

from rtl_gen.circuit import circuit
from rtl_gen.costs import costs
from rtl_gen.costs.inventory import Quantities, of_node, of_ports
from rtl_gen.fabric import Fabric
from rtl_gen.plan import CorePlan, LayerPlan, NodePlan
from rtl_gen.planner import draft
from rtl_gen.platforms.family import Family
from rtl_gen.timing import Values, need
from rtl_gen.unrolled.circuit import estimate
from rtl_gen.unrolled.layer import constants
from s2nn_hw.ir import Conv2d, InputError, Layer, Network

#: Lanes that layers are tried with, and windows at a time: None as many as they allow.
LANES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
WINDOWS = (None, 1, 2)

#: Parts in which the parallel engine takes a window.
STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)

#: Estimated look-up tables of a layer beyond which it is not tried unrolled: some seconds' work.
UNROLLED = 8_000

#: Layers up to which any of them may have loaded weights; of more, the largest ones.
_FEW = 3


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A way to build a layer or pool.

    Parameters
    ----------
    layer: its name.
    engine, lanes, windows, memory: as planner.plan() takes them; empty and 0 of a pool.
    used: resource → how much of it.
    cycles: of a frame, the mean over the frames that are looked at.
    """

    layer: str
    engine: str
    lanes: int
    windows: int
    memory: str
    used: Mapping[str, float]
    cycles: float


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What has to be decided for all layers together, and what each may then be.

    plan: one of those that it is of, for its ports.
    ports: what is in no layer takes.
    choices: one of each layer's is to be taken.
    """

    plan: CorePlan
    ports: Mapping[str, float]
    choices: Mapping[str, Sequence[Candidate]]


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A layer as it is in a plan, and the cycles that it needs."""

    made: CorePlan
    layer: str
    cycles: float

    @property
    def node(self) -> NodePlan:
        """Its plan."""
        return self.made.node(self.layer)


@dataclass(kw_only=True)
class Survey:
    """All that the layers of a network may be.

    Parameters
    ----------
    network, family: which, and of what.
    values: of all sources for some frames, from which cycles are counted.
    capacity: of the device: what it cannot hold is left out.
    """

    network: Network
    values: Values
    family: Family
    capacity: Mapping[str, int]
    _most: dict[tuple[str, str, int, int], int] = field(default_factory=dict)
    _sets: list[tuple[CorePlan, dict[str, dict[Any, _Way]]]] = field(default_factory=list)
    _known: dict[Any, Quantities] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Which inputs go to which bank changes little, and takes long to decide.
        self.network = replace(circuit(self.network), calibration=None, activity={})
        fabric = self.family.fabric()
        plain: dict[str, dict[Any, _Way]] = {}
        for options in _settings(self.network, fabric):
            self._look(plain, fabric, options)
        self._sets = [(next(iter(plain[self.network.layers[0].name].values())).made, plain)]
        for loaded in _loaded(self.network) if fabric.huge else ():
            own: dict[str, dict[Any, _Way]] = {}
            memory = ["ram" if n.name in loaded else "rom" for n in self.network.weighted]
            self._look(own, fabric, {"lanes": 1, "memory": memory})
            if own:
                ways = {**plain, **{name: own[name] for name in loaded}}
                self._sets.append((own[loaded[0]][next(iter(own[loaded[0]]))].made, ways))

    def _look(self, found: dict[str, dict[Any, _Way]], fabric: Fabric, options: Any) -> None:
        """Add what layers become with options of draft() and were not yet."""
        try:
            made = draft(self.network, fabric=fabric, **options)
        except InputError:
            return
        news = [n for n in made.layers if _key(n) not in found.setdefault(n.layer, {})]
        news = [n for n in news if not self._beyond(n)]
        for node in news:
            mean = float(need(made, node, self.values).mean())
            way = _Way(made=made, layer=node.layer, cycles=mean)
            if self._worth(way, node, found[node.layer]):
                found[node.layer][_key(node)] = way

    def _beyond(self, node: NodePlan) -> bool:
        """Whether fewer lanes of this kind are too many already."""
        if not isinstance(node, LayerPlan):
            return False
        return node.lanes >= self._most.get((node.layer, *_kind(node)), inf)

    def _worth(self, way: _Way, node: NodePlan, others: Mapping[Any, _Way]) -> bool:
        """Whether the device could hold it, and no narrower one of its kind is as fast."""
        if not isinstance(node, LayerPlan):
            return True
        for other in others.values():
            narrow = other.node
            assert isinstance(narrow, LayerPlan)
            alike = _kind(narrow) == _kind(node)
            if alike and narrow.lanes < node.lanes and other.cycles <= way.cycles:
                return False
        used = self._used(way, node, node.fabric)
        if used["lut"] <= self.capacity["lut"]:
            return True
        self._most[way.layer, *_kind(node)] = node.lanes
        # The smallest one tells by how much there is no room.
        return not others

    def scenarios(self, fabric: Fabric) -> Iterator[Scenario]:
        """What there is to choose from in a fabric of the family."""
        for made, ways in self._sets:
            choices = {
                name: [self._candidate(way, fabric) for way in known.values()]
                for name, known in ways.items()
            }
            ports = costs(self.family).of(of_ports(made, self.family))
            yield Scenario(plan=made, ports=ports, choices=choices)

    def _candidate(self, way: _Way, fabric: Fabric) -> Candidate:
        node = way.node
        weighted = isinstance(node, LayerPlan)
        return Candidate(
            layer=way.layer,
            engine=node.engine if weighted else "",
            lanes=node.lanes if weighted else 0,
            windows=node.pixels if weighted else 0,
            memory=("ram" if node.word else "rom") if weighted else "",
            used=self._used(way, node, fabric),
            cycles=way.cycles,
        )

    def _used(self, way: _Way, node: NodePlan, fabric: Fabric) -> dict[str, float]:
        key = (way.layer, _key(node))
        if key not in self._known:
            self._known[key] = of_node(self.network, way.made, way.layer, self.family)
        return costs(self.family).of(self._known[key].at(fabric))


def _kind(node: LayerPlan) -> tuple[str, int, int]:
    """What ways to build a layer have in common that differ in lanes alone."""
    return (node.engine, node.pixels, node.word)


def _key(node: NodePlan) -> tuple[Any, ...]:
    """What tells ways to build a layer apart."""
    if not isinstance(node, LayerPlan):
        return ()
    return (node.lanes, *_kind(node))


def _settings(network: Network, fabric: Fabric) -> Iterator[dict[str, Any]]:
    """Options of draft() that together show every candidate."""
    layers = network.weighted
    for lanes in LANES:
        for windows in WINDOWS:
            yield {"lanes": lanes, "windows": windows}
    maps = [layer.is_map for layer in layers]
    if any(maps):
        engines = ["parallel" if is_map else "event" for is_map in maps]
        for steps in STEPS:
            lanes = [
                -(-layer.projections[0].inputs // steps) if is_map else 1
                for layer, is_map in zip(layers, maps, strict=True)
            ]
            yield {"engine": engines, "lanes": lanes}
    for k, layer in enumerate(layers):
        planes = [network.bits(p.source) for p in layer.projections]
        if _synapses(layer) <= 64 * UNROLLED and (
            estimate(constants(layer, planes), fabric.table) <= UNROLLED
        ):
            engines = ["unrolled" if n == k else "event" for n in range(len(layers))]
            yield {"engine": engines}


def _synapses(layer: Layer) -> int:
    return sum(p.weights.size for p in layer.projections)


def _loaded(network: Network) -> Iterator[tuple[str, ...]]:
    """Sets of layers whose weights may be loaded, from few layers to many."""
    may = [
        layer
        for layer in network.weighted
        if len(layer.projections) == 1
        and not (isinstance(p := layer.projections[0], Conv2d) and p.groups > 1)
    ]
    if len(may) > _FEW:
        may.sort(key=lambda layer: -_synapses(layer) * layer.projections[0].weight_bits)
        sets = [tuple(may[:n]) for n in range(1, len(may) + 1)]
    else:
        sets = [s for n in range(1, len(may) + 1) for s in combinations(may, n)]
    for chosen in sets:
        names = {layer.name for layer in chosen}
        yield tuple(layer.name for layer in network.weighted if layer.name in names)
