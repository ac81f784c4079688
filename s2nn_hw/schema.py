"""Versions of the JSON that commands leave in folders, so that a reader knows what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s2nn_hw.ir import InputError


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The format of a file.

    Parameters
    ----------
    file: its name; the manifest's is that of its core.
    version: that is written and read here; it grows when a field goes or changes.
    verb: of the command that writes it.
    field: that has the version.
    """

    file: str
    version: int
    verb: str
    field: str = "schema"

    def check(self, data: Mapping[str, Any], path: Path) -> None:
        """Raise InputError naming the file ``path`` of another version, both, and what to do.

        A file without one was written before such files had versions, or by somebody else.
        """
        found = data.get(self.field)
        if type(found) is int and found == self.version:
            return
        wrong = (
            f"must be {self.version}, not {found!r}"
            if self.field in data
            else f"is absent, as in a file older than version {self.version} or another's"
        )
        raise InputError(
            f"{path}: its {self.field!r} (version of its format) {wrong}: "
            f"make it again with s2nn-hw {self.verb}"
        )


MANIFEST = Schema(file="TOP.json", version=3, verb="emit", field="version")
OPTIONS = Schema(file="options.json", version=1, verb="emit")
VERIFY = Schema(file="verify.json", version=1, verb="verify")
TIMELINE = Schema(file="timeline.json", version=1, verb="verify")
EXAMPLE = Schema(file="example.json", version=1, verb="verify")
PORTS = Schema(file="ports.wavedrom.json", version=1, verb="verify")
SYNTH = Schema(file="synth.json", version=1, verb="synth")
PLAN = Schema(file="plan.json", version=1, verb="plan", field="plan")
BENCH = Schema(file="bench.json", version=1, verb="bench", field="format")
EXPERIMENT = Schema(file="results.json", version=1, verb="experiment")
