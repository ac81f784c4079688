"""All that a report shows, as plain data: what ``report --json`` says and the page is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from s2nn_hw.ir import InputError, well_formed
from s2nn_hw.manifest import find

from . import build, example, points, relation, timeline, wave
from .build import BuildReport
from .points import Group
from .sources import (
    BENCH,
    EXAMPLE,
    EXPERIMENT,
    OF_BUILD,
    PLAN,
    PORTS,
    SWEEP,
    SYNTH,
    TIMELINE,
    VERIFY,
    Sources,
    commands,
)

#: Of the object.
SCHEMA = 1

#: The manifest, as emit calls it unless told.
CORE = "s2nn_core.json"

#: File that a page may be made of → what it is, and the verb that writes it.
PARTS = {
    CORE: ("a core and its layers", "emit"),
    VERIFY: ("the verification", "verify"),
    SYNTH: ("area and clock", "synth"),
    TIMELINE: ("the timeline of frames", "verify"),
    EXAMPLE: ("the example image", "verify"),
    PORTS: ("the waveform of the ports", "verify"),
    PLAN: ("a plan", "plan"),
    SWEEP: ("a sweep", "sweep"),
    BENCH: ("peers", "bench"),
    EXPERIMENT: ("an experiment", "experiment"),
}

#: What a folder without a core may hold.
_OTHERS = (PLAN, SWEEP, BENCH, EXPERIMENT)


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A file that there is not.

    Parameters
    ----------
    file: its name.
    what: would be in it, for people.
    command: that makes it.
    """

    file: str
    what: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is known of a build, and of what was made beside it.

    As JSON the fields of BuildReport stand in the place of ``build``, None where there is no core.

    Parameters
    ----------
    schema: version of these fields, and of those of Pair; it grows when one goes or changes, not
        when one is added.
    folder: first of those that were read.
    build: what is known of the core; None of a folder without one.
    notes: what lies beside the build and is of another core or network, or is not used, a sentence
        each.
    plan, timeline, example, ports: contents of plan.json, timeline.json, example.json and
        ports.wavedrom.json; None where there is none.
    groups: what may be compared, of plans, sweeps, peers and experiments.
    absent: what there is not.
    commands: verb → the command line that makes its result of this build.
    """

    schema: int = SCHEMA
    folder: str
    build: BuildReport | None
    notes: tuple[str, ...]
    plan: dict[str, Any] | None
    timeline: dict[str, Any] | None
    example: dict[str, Any] | None
    ports: dict[str, Any] | None
    groups: tuple[Group, ...]
    absent: tuple[Absent, ...]
    commands: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        data = dataclasses.asdict(self)
        built = data.pop("build") or dict.fromkeys(f.name for f in fields(BuildReport))
        return {**built, **data}


def read(folder: Path, beside: tuple[Path, ...] = ()) -> Page:
    """The page of a folder, and of what it lacks and others beside it hold.

    Raises InputError naming the file that is absent, foreign, changed or of another build, or a
    folder beside it in which there is nothing that is looked for.
    """
    for other in beside:
        if other.is_dir() and not any((other / name).exists() for name in (*OF_BUILD, *_OTHERS)):
            raise InputError(f"{other}: has nothing that is looked for beside a build")
    sources = Sources((folder, *beside))
    built = _build(sources)
    plan = sources.json(PLAN)
    verbs = (
        built.commands if built else commands(folder, {}, {}, plan.get("board"), plan.get("device"))
    )
    return Page(
        folder=str(folder),
        build=built,
        notes=(*relation.notes(sources, built), *_unused(sources)),
        plan=relation.plan(sources, built) or None,
        timeline=_of_build(sources, TIMELINE, built),
        example=_of_build(sources, EXAMPLE, built),
        ports=_of_build(sources, PORTS, built),
        groups=_groups(sources),
        absent=tuple(
            Absent(file=name, what=what, command=verbs[verb])
            for name, (what, verb) in PARTS.items()
            if not _known(sources, name, built)
        ),
        commands=verbs,
    )


def _build(sources: Sources) -> BuildReport | None:
    """The build, None where there is no trace of one but something else to report."""
    folder = sources.folders[0]
    traces = [path.name for path in sorted(folder.glob("*.v"))]
    traces += [name for name in OF_BUILD if (folder / name).exists()]
    if traces or not any(_there(sources, name) for name in _OTHERS):
        try:
            find(folder)
        except InputError as error:
            half = f", and holds {traces[0]} of half a build" if traces else ""
            other = "" if traces else ", or a plan, sweep, bench or experiment"
            raise InputError(f"{error}{half}{other}") from None
        return build.of(sources)
    return None


def _there(sources: Sources, name: str) -> bool:
    if name == SWEEP:
        return bool(sources.trials())
    return sources.path(name).exists()


def _known(sources: Sources, name: str, built: BuildReport | None) -> bool:
    """Whether a page has that part; the files of a build are of none without its core."""
    if name == CORE:
        return built is not None
    return _there(sources, name) and (built is not None or name not in OF_BUILD)


def _unused(sources: Sources) -> tuple[str, ...]:
    """A sentence for each folder beside the first all of whose files others before it have."""
    first, *beside = sources.folders
    used = {sources.path(name).parent for name in (*OF_BUILD, *_OTHERS)}
    return tuple(
        f"{folder} has nothing that the folders before it lack, {first} the first."
        for folder in beside
        if folder not in used
    )


def _of_build(sources: Sources, name: str, built: BuildReport | None) -> dict[str, Any] | None:
    """What verify wrote beside its result."""
    if built is None:
        return None
    path, names = str(sources.path(name)), [layer.name for layer in built.layers]
    data = sources.of_build(name, built.top, built.digest, again="verify again")
    with well_formed(f"{path}: malformed: it"):
        if data and name == TIMELINE:
            timeline.check(data, names, path)
        if data and name == EXAMPLE:
            example.check(data, names[:-1], built.layers[-1].neurons, path)
        if data and name == PORTS:
            wave.check(data, path)
    return data or None


def _groups(sources: Sources) -> tuple[Group, ...]:
    found: list[Group] = []
    kinds: dict[str, Callable[[Any], list[Group]]] = {
        PLAN: points.of_plan,
        SWEEP: points.of_sweep,
        BENCH: points.of_bench,
        EXPERIMENT: points.of_experiment,
    }
    for name, groups in kinds.items():
        data = sources.trials() if name == SWEEP else sources.json(name)
        with well_formed(f"{sources.path(name)}: malformed: it"):
            found += groups(data) if data else []
    return tuple(found)
