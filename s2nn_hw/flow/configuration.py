"""What an experiment tries, read from its file."""

from __future__ import annotations

import difflib
import inspect
import tomllib
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from s2nn_hw.ir import InputError

from .emit import CoreOptions

#: Full-precision neurons, which have no weights of few bits and no steps.
RELU = "relu"
#: Neurons of their own, as train takes them; any other name is that of an S²NN neuron's surrogate.
_KINDS = ("bnn", "if")

#: Parameters of train() that are no options of a grid.
_DECIDED = {
    *("dataset", "out", "data", "device", "progress", "on_epoch"),
    *("hidden", "arch", "neuron", "surrogate", "weight_bits", "steps", "seed", "twin"),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A combination, which is trained once a seed.

    Parameters
    ----------
    grid: number of the grid that it is of, from 1.
    data: name of the data set.
    arch: as ``train --arch`` has it.
    neuron: ``relu``, ``bnn``, ``if``, or the surrogate of an S²NN neuron.
    weight_bits, steps: None of relu.
    """

    grid: int
    data: str
    arch: str
    neuron: str
    weight_bits: int | None
    steps: int | None

    def __str__(self) -> str:
        """For people and names of folders."""
        bits = [] if self.weight_bits is None else [f"{self.weight_bits}bit"]
        steps = [] if self.steps in (None, 1) else [f"{self.steps}steps"]
        return "-".join([self.data, self.arch, self.neuron, *bits, *steps])

    @property
    def name(self) -> str:
        """With its grid, as an error has it."""
        return f"grid {self.grid}: {self}"

    def neurons(self) -> dict[str, Any]:
        """What says train() which neurons."""
        if self.neuron == RELU:
            return {"twin": True}
        kind = "neuron" if self.neuron in _KINDS else "surrogate"
        # Of neurons that have none, train() refuses more than one.
        steps = {"steps": self.steps} if self.neuron == "if" or self.steps != 1 else {}
        return {kind: self.neuron, "weight_bits": self.weight_bits, **steps}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Every combination of these.

    Parameters
    ----------
    data, arch, neuron: see Case.
    weight_bits: of all neurons but ``relu``; None: as train() has them for each.
    steps: of ``if`` alone; None: as train() has them.
    seeds, measured_seeds, netlist_seeds: others than the experiment's, None for those.
    train: options of train() that are the same for all.
    """

    data: tuple[str, ...]
    arch: tuple[str, ...]
    neuron: tuple[str, ...] = ("s2nn",)
    weight_bits: tuple[int, ...] | None = None
    steps: tuple[int, ...] | None = None
    seeds: tuple[int, ...] | None = None
    measured_seeds: tuple[int, ...] | None = None
    netlist_seeds: tuple[int, ...] | None = None
    train: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """An experiment.

    Parameters
    ----------
    grids: what is tried.
    seeds: with which each is trained, all others alike.
    device, board: that cores are synthesised for, one of them, as synth() takes them.
    core: options of every core, as emit() takes them.
    frames: of the test set, simulated; toggles are counted over them.
    measured_seeds: with which of them the core is simulated and synthesised; None: with all. Of
        the others there is what training and the golden model say.
    netlist_seeds: with which of those the synthesised netlist is simulated, too: it takes longest.
    clock: whether it is placed and routed.
    simulator: ``verilator`` or ``icarus``.
    """

    grids: tuple[Grid, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    device: str | None = None
    board: str | None = None
    core: dict[str, Any] = field(default_factory=dict)
    frames: int = 20
    measured_seeds: tuple[int, ...] | None = None
    netlist_seeds: tuple[int, ...] = ()
    clock: bool = False
    simulator: str = "verilator"

    @property
    def cases(self) -> tuple[Case, ...]:
        """All combinations, each once."""
        found: dict[Case, None] = {}
        for number, grid in enumerate(self.grids, start=1):
            for data in grid.data:
                for arch in grid.arch:
                    for neuron in grid.neuron:
                        for bits, steps in _ways(grid, neuron):
                            case = Case(
                                grid=number,
                                data=data,
                                arch=arch,
                                neuron=neuron,
                                weight_bits=bits,
                                steps=steps,
                            )
                            found[case] = None
        return tuple(found)

    @property
    def trials(self) -> tuple[tuple[Case, int], ...]:
        """Every case with each of its seeds, all with their first before any with another."""
        found = [
            (rank, case, seed)
            for case in self.cases
            for rank, seed in enumerate(self.grids[case.grid - 1].seeds or self.seeds)
        ]
        return tuple((case, seed) for _, case, seed in sorted(found, key=lambda entry: entry[0]))

    def measured(self, grid: int) -> tuple[int, ...]:
        """Seeds of the grid of that number whose cores are simulated and synthesised."""
        own = self.grids[grid - 1]
        chosen = self.measured_seeds if own.measured_seeds is None else own.measured_seeds
        return (own.seeds or self.seeds) if chosen is None else chosen

    def netlists(self, grid: int) -> tuple[int, ...]:
        """Seeds of the grid of that number whose netlists are simulated."""
        own = self.grids[grid - 1].netlist_seeds
        return self.netlist_seeds if own is None else own

    def as_dict(self) -> dict[str, Any]:
        """For JSON, in which a tuple is a list."""
        found: dict[str, Any] = _plain(asdict(self))
        return found


def _ways(grid: Grid, neuron: str) -> Iterator[tuple[int | None, int | None]]:
    """Weight bits and steps that a grid has for a neuron, None where that has none."""
    from .neurons import NEURONS

    if neuron == RELU:
        yield None, None
        return
    usual = NEURONS[neuron if neuron in NEURONS else "s2nn"]
    for bits in grid.weight_bits or (usual["weight_bits"],):
        for steps in (grid.steps or (usual["steps"],)) if "steps" in usual else (1,):
            yield bits, steps


def read(path: Path) -> Configuration:
    """The experiment in a file; InputError naming it and what is wrong."""
    try:
        given = tomllib.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    with named(path):
        return _configuration(given)


@contextmanager
def named(*where: object) -> Iterator[None]:
    """Have every InputError begin with what it is of: file, combination."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{': '.join(map(str, where))}: {error}") from error


def _configuration(given: Mapping[str, Any]) -> Configuration:
    _known(given, ("experiment", "grid"), "the file")
    head = _table(given.get("experiment", {}), "[experiment]")
    tables = given.get("grid", [])
    if not isinstance(tables, list) or not tables:
        raise InputError("there must be at least one [[grid]], of what is tried")
    grids = tuple(_grid(table, f"grid {k}") for k, table in enumerate(tables, start=1))
    found = Configuration(grids=grids, **_fields(head, Configuration, "[experiment]", ("grids",)))
    if (found.device is None) == (found.board is None):
        raise InputError("[experiment] must have a device or a board, and not both")
    if found.frames < 1:
        raise InputError(f"[experiment]: frames must be 1 or more, not {found.frames}")
    _known(found.core, CoreOptions.__annotations__, "[experiment.core]")
    _chosen(found, found.seeds, "[experiment]")
    for number, grid in enumerate(grids, start=1):
        _chosen(grid, grid.seeds or found.seeds, f"grid {number}")
        for seed in found.netlists(number):
            if seed in (grid.seeds or found.seeds) and seed not in found.measured(number):
                raise InputError(
                    f"grid {number}: netlist_seeds must be of its measured_seeds, "
                    f"{_listed(found.measured(number))}, not {seed}"
                )
    same: dict[Any, Case] = {}
    for case in found.cases:
        options = sorted(found.grids[case.grid - 1].train.items())
        twin = same.setdefault((str(case), str(options)), case)
        if twin is not case:
            raise InputError(f"{case.name} is what {twin.name} is")
    return found


def _chosen(of: Configuration | Grid, seeds: Sequence[int], where: str) -> None:
    for name in ("measured_seeds", "netlist_seeds"):
        for seed in getattr(of, name) or ():
            if seed not in seeds:
                known = _listed(seeds)
                raise InputError(f"{where}: {name} must be of its seeds, {known}, not {seed}")


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _grid(given: Any, where: str) -> Grid:
    values = _fields(_table(given, where), Grid, where)
    for name in ("data", "arch"):
        if name not in values:
            raise InputError(f"{where} must have {name}, a list")
    neurons = (*_KINDS, RELU, *_surrogates())
    for neuron in values.get("neuron", ()):
        if neuron not in neurons:
            raise InputError(f"{where}: neuron must be of {', '.join(neurons)}, not {neuron!r}")
    if "steps" in values and "if" not in values.get("neuron", ()):
        raise InputError(f"{where}: steps are of neuron 'if', which it does not have")
    options = _parameters()
    _known(values.get("train", {}), options, f"[grid.train] of {where}")
    for name, value in values.get("train", {}).items():
        _of_type(value, options[name], f"[grid.train] of {where}: {name}")
    return Grid(**values)


def _surrogates() -> Collection[str]:
    """Names of surrogates, each of which is a neuron to an experiment."""
    from s2nn_hw.nn.surrogates import SURROGATES

    return SURROGATES


@cache
def _parameters() -> dict[str, Any]:
    """Options of train() that a grid may have, and their types."""
    from .train import train

    hints = get_type_hints(train)
    return {name: hints[name] for name in inspect.signature(train).parameters.keys() - _DECIDED}


def _fields(
    given: Mapping[str, Any], kind: type, where: str, others: Collection[str] = ()
) -> dict[str, Any]:
    """The fields of a dataclass that are given, of its types."""
    hints = get_type_hints(kind)
    names = [known.name for known in fields(kind) if known.name not in others]
    _known(given, names, where)
    return {name: _of_type(value, hints[name], f"{where}: {name}") for name, value in given.items()}


def _known(given: Mapping[str, Any], names: Collection[str], where: str) -> None:
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
            raise InputError(f"{where} has no {name!r}; the nearest that it has is {near[0]!r}")


def _table(given: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise InputError(f"{where} must be a table, not {given!r}")
    return given


_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _of_type(value: Any, kind: Any, where: str) -> Any:
    """The value, a list as a tuple; InputError unless it is of a type of a field or parameter."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not value:
            raise InputError(f"{where} must be a list of one or more, not {value!r}")
        found = tuple(_of_type(one, get_args(kind)[0], where) for one in value)
        twice = next((one for k, one in enumerate(found) if one in found[:k]), None)
        if twice is not None:
            raise InputError(f"{where} must have every value once, not {twice!r} again")
        return found
    if get_origin(kind) is dict:
        return dict(_table(value, where))
    taken = (int, float) if kind is float else kind
    if not isinstance(value, taken) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{where} must be {_WORDS[kind]}, not {value!r}")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
