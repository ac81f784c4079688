"""Whether what lies in a build's folder, and beside it, is of its core, or of its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError
from s2nn_hw.manifest import Manifest

from . import baseline
from .sources import BENCH, EXPERIMENT, PLAN, SWEEP, VERIFY, Sources

if TYPE_CHECKING:
    from .build import BuildReport

#: Options of a plan that a core may be built without telling.
_TOLD = ("windows", "memory", "family", "freq")

#: Digests that a sentence has at the most.
_NAMED = 3


def check_layers(path: Path, names: Sequence[str], manifest: Manifest) -> None:
    """Raise InputError unless a file tells of every layer of the core."""
    for entry in manifest.layers:
        if names.count(entry.name) != 1:
            raise InputError(
                f"{path}: must tell of layer {entry.name!r} of {manifest.top}.json once"
            )


def check_verified(path: Path, layers: Sequence[Mapping[str, Any]], manifest: Manifest) -> None:
    """Raise InputError unless a verification tells of every layer as the core is built."""
    check_layers(path, [layer["name"] for layer in layers], manifest)
    seen = {layer["name"]: layer for layer in layers}
    for entry in manifest.layers:
        for name in ("engine", "lanes"):
            built, found = getattr(entry, name), seen[entry.name][name]
            if found != built:
                raise InputError(
                    f"{path}: layer {entry.name!r}: its {name} must be {built}, as "
                    f"{manifest.top}.json has it, not {found}"
                )


def check_options(path: Path, options: Mapping[str, Any], manifest: Manifest) -> None:
    """Raise InputError unless the options have engine and lanes as the core is built."""
    layers = [entry for entry in manifest.layers if entry.engine != "pool"]
    for name in ("engine", "lanes") if options else ():
        built = [getattr(entry, name) for entry in layers]
        if options[name] != built:
            raise InputError(
                f"{path}: its {name} must be {_words(built)}, as {manifest.top}.json has it, "
                f"not {_words(options[name])}"
            )


def plan(sources: Sources, built: BuildReport | None) -> dict[str, Any]:
    """A plan, empty if there is none; InputError if it is for another network."""
    found = sources.json(PLAN)
    if found and built and found["network"] != built.network:
        raise InputError(
            f"{sources.path(PLAN)}: is for another network than {built.top}.json "
            f"(digest {found['network'][:12]}, not {built.network[:12]}): plan again"
        )
    return found


def notes(sources: Sources, built: BuildReport | None) -> tuple[str, ...]:
    """What lies beside a build and is not of it, a sentence each.

    A plan may be for another core of the network, which is still to be made.  Many networks are
    compared by a sweep, bench or experiment, of which one should be the build's.
    """
    return () if built is None else (*_growth(sources), *_notes(sources, built))


def _growth(sources: Sources) -> Iterator[str]:
    """What grew since the result that a verification was compared with."""
    path = sources.path(VERIFY).with_name(baseline.BASELINE)
    if not (found := sources.json(VERIFY)) or not path.exists():
        return
    for measure, (old, new) in baseline.growth(found, baseline.read(path), str(path)).items():
        yield (
            f"{measure} grew since {path}, from {old:,g} to {new:,g}; what of that is accepted "
            "verify was told."
        )


def _notes(sources: Sources, built: BuildReport) -> Iterator[str]:
    core = f"{built.top}.json"
    found = plan(sources, built)
    if found:
        ours, theirs = _core(built), found["options"]
        unlike = [
            f"{name} {_words(theirs[name])} (here {_words(value)})"
            for name, value in ours.items()
            if theirs[name] != value
        ]
        if unlike:
            yield (
                f"{sources.path(PLAN)} is for another core than {core}, "
                f"and so are its figures: {'; '.join(unlike)}."
            )
    for name, networks in (
        (SWEEP, [row["network"] for row in sources.trials()]),
        (BENCH, sources.json(BENCH).get("networks", {}).values()),
        (EXPERIMENT, [row.get("network") for row in sources.json(EXPERIMENT).get("trials", ())]),
    ):
        known = set(networks) - {None}
        if known and built.network not in known:
            others = ", ".join(sorted(n[:12] for n in known))
            if len(known) > _NAMED:
                others = f"{len(known)} others"
            yield (
                f"{sources.path(name)} is not of the network of {core} "
                f"({built.network[:12]}), but of {others}."
            )


def _core(built: BuildReport) -> dict[str, Any]:
    """What of a plan's options is known of a core."""
    layers = [entry for entry in built.layers if entry.engine != "pool"]
    return {
        "engine": [entry.engine for entry in layers],
        "lanes": [entry.lanes for entry in layers],
        **{name: built.options[name] for name in _TOLD if name in built.options},
    }


def _words(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)
