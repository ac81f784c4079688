"""The files that a report is made from, and the commands that make them."""

from __future__ import annotations

import csv
import json
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2nn_hw import schema
from s2nn_hw.ir import InputError

VERIFY = schema.VERIFY.file
SYNTH = schema.SYNTH.file
OPTIONS = schema.OPTIONS.file
TIMELINE = schema.TIMELINE.file
EXAMPLE = schema.EXAMPLE.file
PORTS = schema.PORTS.file
PLAN = schema.PLAN.file
SWEEP = "trials.csv"
BENCH = schema.BENCH.file
EXPERIMENT = schema.EXPERIMENT.file

#: Files of a build beside its core.
OF_BUILD = (VERIFY, SYNTH, OPTIONS, TIMELINE, EXAMPLE, PORTS)

_SCHEMAS = {
    found.file: found
    for found in (
        *(schema.VERIFY, schema.SYNTH, schema.OPTIONS, schema.TIMELINE, schema.EXAMPLE),
        *(schema.PORTS, schema.PLAN, schema.BENCH, schema.EXPERIMENT),
    )
}

_COMMANDS = {
    "emit": "s2nn-hw emit MODEL{core}{fabric} -o {emitted}",
    "verify": "s2nn-hw verify MODEL{core}{fabric}{run} -o {verified}",
    "netlist": "s2nn-hw verify MODEL{core}{fabric}{run} --netlist {device} -o {verified}",
    "synth": "s2nn-hw synth MODEL{core} {target} -o {synthesised}",
    "plan": "s2nn-hw plan MODEL {target} -o DIR",
    "sweep": "s2nn-hw sweep MODEL {target} -o DIR",
    "bench": "s2nn-hw bench MODEL --peers -o DIR",
    "experiment": "s2nn-hw experiment FILE.toml -o DIR",
}


@dataclass(frozen=True)
class Sources:
    """Folders in which files are looked for, the build's own first.

    Raises InputError where a folder does not exist.
    """

    folders: tuple[Path, ...]

    def __post_init__(self) -> None:
        for folder in self.folders:
            if not folder.is_dir():
                reason = "must be a folder" if folder.exists() else "no such build folder"
                raise InputError(f"{folder}: {reason}")

    def path(self, name: str) -> Path:
        """The first folder's file of this name that there is, else where it would be.

        An experiment's table of trials is not a sweep's.
        """
        paths = [
            folder / name
            for folder in self.folders
            if name != SWEEP or not (folder / EXPERIMENT).exists()
        ]
        return next((path for path in paths if path.exists()), self.folders[0] / name)

    def json(self, name: str) -> dict[str, Any]:
        """The object in a file, empty if there is no such file.

        Raises InputError naming the file that is no object, of another schema version or
        malformed.
        """
        from .contents import CONTENTS, check

        path = self.path(name)
        data = read_json(path)
        if data:
            _SCHEMAS[name].check(data, path)
            check(CONTENTS[name], data, str(path))
        return data

    def of_build(self, name: str, top: str, digest: str, *, again: str) -> dict[str, Any]:
        """The same of a file that belongs to a build; InputError if it is of another one."""
        data = self.json(name)
        if data and data["digest"] != digest:
            raise InputError(
                f"{self.path(name)}: is of another build than {top}.json "
                f"(digest {data['digest'][:12]}, not {digest[:12]}): {again}"
            )
        return data

    def trials(self) -> list[dict[str, str]]:
        """Rows of a sweep's table, empty if there is none.

        Raises InputError naming file and row.
        """
        from .contents import Trial, check

        path = self.path(SWEEP)
        if not path.exists() or path.with_name(EXPERIMENT).exists():
            return []
        try:
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, ValueError, csv.Error) as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
        if any(None in row or None in row.values() for row in rows):
            raise InputError(f"{path}: must have as many cells in each row as headings")
        if any("network" not in row for row in rows):
            raise InputError(
                f"{path}: its column 'network' is absent, as of a file from before it had one: "
                "make it again with s2nn-hw sweep"
            )
        for k, row in enumerate(rows):
            check(Trial, row, f"{path}#{k}")
        return rows


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file, empty if there is no such file."""
    if not path.exists() and not path.is_symlink():
        return {}
    try:
        data = json.loads(path.read_text(), parse_constant=_refuse, parse_float=_finite)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: must hold a JSON object, not {type(data).__name__}")
    if not data:
        raise InputError(f"{path}: must not be empty")
    return data


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}")


def _finite(text: str) -> float:
    if math.isinf(float(text)):
        _refuse(text)
    return float(text)


def commands(
    folder: Path,
    options: Mapping[str, Any],
    verified: Mapping[str, Any],
    board: str | None,
    device: str | None,
) -> dict[str, str]:
    """Verb → the command line that makes its result of this build, ``netlist`` among them.

    MODEL is the user's, as no folder says where it lay.  A command names the folder only where
    nothing else in it goes when it is run, else DIR.
    """
    core = "".join(
        f" --{name} {','.join(map(str, options[name]))}"
        for name, usual in (("engine", None), ("lanes", None), ("windows", 1), ("memory", "rom"))
        if isinstance(options.get(name), list)
        and None not in options[name]
        and any(value != usual for value in options[name])
    )
    if options.get("counters"):
        core += " --counters"
    if options.get("unroll_limit") is not None:
        core += f" --unroll-limit {options['unroll_limit']}"
    fabric = "".join(
        f" --{name} {options[name]}" for name in ("family", "freq") if options.get(name) is not None
    )
    run = f" --frames {verified['frames']}" if verified.get("frames") else ""
    if verified.get("stall") not in (None, "none"):
        run += f" --stall {verified['stall']} --seed {verified.get('seed', 0)}"
    if verified.get("simulator") not in (None, "verilator"):
        run += f" --simulator {verified['simulator']}"
    here, synthesised = shlex.quote(str(folder)), (folder / SYNTH).exists()
    target = f"--board {board}" if board else f"--device {device}" if device else "--board NAME"
    words = {
        "core": core,
        "fabric": fabric,
        "run": run,
        "emitted": here if options else "DIR",
        "verified": here if options and not synthesised else "DIR",
        "synthesised": here if synthesised else "DIR",
        "device": device or "PART",
        "target": target,
    }
    return {verb: text.format(**words) for verb, text in _COMMANDS.items()}
