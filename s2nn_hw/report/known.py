"""What the files of a build say, from which its figures are taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s2nn_hw.manifest import Manifest

from .figure import Figure, Origin
from .sources import SYNTH, VERIFY, commands


@dataclass(kw_only=True)
class Known:
    """What files say of a build, and the figures that stand there.

    Parameters
    ----------
    verified, synthesis: empty where there is none.
    verbs: see commands().
    """

    manifest: Manifest
    folder: Path
    options: dict[str, Any]
    verified: dict[str, Any]
    synthesis: dict[str, Any]
    verbs: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        board = self.synthesis.get("board")
        device = self.synthesis.get("device") or (self.verified.get("netlist") or {}).get("device")
        self.verbs = commands(self.folder, self.options, self.verified, board, device)

    def figure(self, pointer: str, unit: str, origin: Origin, *, verb: str) -> Figure:
        """The figure at ``file#/a/b``, where ``file`` is that of a result or the manifest."""
        name, _, path = pointer.partition("#")
        files = {
            VERIFY: self.verified,
            SYNTH: self.synthesis,
            f"{self.manifest.top}.json": {"timing": self.manifest.timing},
        }
        value: Any = files[name]
        for key in path.split("/")[1:]:
            if isinstance(value, list):
                value = value[int(key)]
            else:
                value = (value or {}).get(key.replace("~1", "/").replace("~0", "~"))
        return Figure.of(value, unit, origin, command=self.verbs[verb], source=pointer)


def pointer(*keys: str | int) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)
