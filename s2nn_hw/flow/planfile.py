"""Plans as files: which options a core of a network is to have on a board or device, and why."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from s2nn_hw import schema, yosys
from s2nn_hw.ir import InputError, Network, well_formed

PLAN = schema.PLAN.file
VERSION = schema.PLAN.version

_OPTIONS = {"engine", "lanes", "windows", "memory", "family", "freq"}


def versions() -> dict[str, str]:
    """Of what a core depends on; ``generator`` is a digest of our own part of it."""
    names = ("s2nn-hw", "amaranth", yosys.package())
    known = {name: importlib.metadata.version(name) for name in names}
    return {**known, "generator": code("rtl_gen")}


@cache
def code(package: str, *parts: str) -> str:
    """A digest of a package's files, or of those whose path in it begins with one of the parts."""
    found = hashlib.sha256()
    root = Path(str(resources.files(package)))
    for path in sorted(root.rglob("*.py")) + sorted(root.rglob("*.json")):
        if parts and not path.relative_to(root).as_posix().startswith(parts):
            continue
        found.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def digest(plan: dict[str, Any]) -> str:
    """Of all of a plan but its own digest."""
    rest = {name: value for name, value in plan.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read(path: Path, network: Network) -> dict[str, Any]:
    """A plan for this network, by this version.

    Raises InputError naming the file, and what is wrong with it.
    """
    try:
        plan = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a plan: {error}") from error
    with well_formed(f"{path}: not a plan: it"):
        schema.PLAN.check(plan, path)
        if plan["digest"] != digest(plan):
            raise InputError(f"{path}: was changed since it was made; make it again with plan")
        if plan["network"] != network.digest():
            raise InputError(
                f"{path}: is for another network, {plan['network'][:12]}, not "
                f"{network.digest()[:12]}; make one for this with plan"
            )
        for name, version in versions().items():
            if plan["versions"].get(name) != version:
                raise InputError(
                    f"{path}: was made with {name} {plan['versions'].get(name)}, and this is "
                    f"{version}; make it again with plan"
                )
        for name in sorted(_OPTIONS ^ set(plan["options"])):
            wrong = "lack" if name in _OPTIONS else "must not have"
            raise InputError(f"{path}: not a plan: its options {wrong} {name!r}")
        if (plan["board"] is None) == (plan["device"] is None):
            raise InputError(f"{path}: not a plan: it must be for a board or a device")
        interval = plan["predicted"]["interval_cycles"]
        if not 0 < interval < math.inf:
            raise InputError(
                f"{path}: not a plan: interval_cycles must be a number above 0, not {interval}"
            )
        return dict(plan)


def words(value: Any) -> Any:
    """A value as a cell of a table has it: of several their words."""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value
