"""Something to change in a build, as far as it follows from its numbers."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass, field

from .figure import Figure


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Something to change, or a limit that no change moves.

    Parameters
    ----------
    about: ``pace``, ``lanes``, ``engine``, ``line``, ``device``, ``memory``, ``clock`` or
        ``toggles``; once in a report.
    sentence: the text, in which names in braces stand for what is in ``names`` and ``figures``.
    names: of layers, boards and devices.
    option: of a command, to be tried; empty where there is none.
    text: the sentence with everything in its place.
    """

    about: str
    sentence: str
    names: dict[str, str]
    figures: dict[str, Figure]
    option: str = ""
    text: str = field(init=False)

    def __post_init__(self) -> None:
        values = self.names | {key: figure.text() for key, figure in self.figures.items()}
        object.__setattr__(self, "text", self.sentence.format_map(values))

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Words of the sentence, and the name of what follows them, empty at its end."""
        for words, key, _, _ in string.Formatter().parse(self.sentence):
            yield words, key or ""
