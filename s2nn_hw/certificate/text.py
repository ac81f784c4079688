"""Verilog that says the same to every reader."""

from __future__ import annotations

import re
from collections.abc import Container

#: What a reader takes as one thing, whatever is in it.
_LEXEME = re.compile(
    r'(?P<string>"(?:\\.|[^"\\\n])*")|(?P<comment>/\*.*?\*/|//[^\n]*)'
    r'|(?P<escaped>\\\S+)|(?P<other>"|/\*)',
    re.DOTALL,
)

#: Of the comments behind the first module these alone are known to hide nothing from anyone.
_KNOWN = re.compile(r"/\* verilator tracing_o(?:n|ff) \*/|// synopsys parallel_case")

#: By which a module could be made something else from elsewhere, or is to some readers alone.
_OTHERWISE = re.compile(
    r"`\w*|\b(?:defparam|bind|force|release|specify|parameter|localparam)\b"
    r"|#(?!\s*\(\s*\.VALUES\()|\w\s*\.\s*\w"
)

_VALUE = r"~? ?(?:\w+(?: ?\[\d+(?::\d+)?\])?|\d+'[hbd][0-9a-f]+)"
_GIVEN = rf"(?:{_VALUE}|\{{ ?{_VALUE}(?:, {_VALUE})* ?\}})"
_MADE = r"(?!(?:clk|moves|i)\b)\w+(?: ?\[\d+(?::\d+)?\])?"
_STATEMENT = re.compile(
    r"(?:input|output|wire|reg)(?: \[\d+:0\])? \w+(?: = \d+'[hbd][0-9a-f]+)?"
    rf"|assign (?:{_MADE}|\{{ ?{_MADE}(?:, {_MADE})* ?\}}) = {_GIVEN}"
    rf"|always @\(posedge clk\) if \(moves\) {_MADE} <= {_GIVEN}"
    rf"|(?P<kind>\w+) #\( ?\.VALUES\(\d+'[hbd][0-9a-f]+\) ?\) t\d+(?:_\d+)? "
    rf"\( ?\.i\({_GIVEN}\), ?\.o\({_GIVEN}\) ?\)"
)


class TextError(Exception):
    """What is wrong, in words that follow the file's name."""


def plain(verilog: str) -> str:
    """The text without comments and what is in strings.

    Raises TextError if tools may disagree where one ends, or some read what is in a comment.
    """
    first = re.search(r"^module\b", verilog, re.MULTILINE)
    start = first.start() if first else 0

    def kept(match: re.Match[str]) -> str:
        if match["string"]:
            return '""'
        if match["escaped"]:
            return re.sub(r"\W", "_", match[0])
        if match["comment"] and (match.start() < start or _KNOWN.fullmatch(match[0])):
            return " "
        raise TextError(f"has {match[0][:40]!r}, which is not the same to every reader")

    return _LEXEME.sub(kept, verilog)


def same(text: str) -> None:
    """Raises TextError unless modules of a plain text are what they are by themselves."""
    word = _OTHERWISE.search(text)
    if word is not None:
        raise TextError(f"has {word[0]!r}, by which it is not the same to every reader")


def pipeline(text: str, name: str, kinds: Container[str]) -> None:
    """Raises TextError unless a module of a plain text is look-up tables and registers, no more.

    kinds: modules that are look-up tables.
    """
    found = re.findall(rf"\bmodule {name}\s*\((.*?)\)\s*;(.*?)\bendmodule\b", text, re.DOTALL)
    if len(found) != 1 or " ".join(found[0][0].split()) != "clk, moves, i, o":
        raise TextError(f"module {name!r} is not there once with the ports of a pipeline")
    for part in found[0][1].split(";"):
        statement = " ".join(part.split())
        match = _STATEMENT.fullmatch(statement)
        if statement and (match is None or (match["kind"] and match["kind"] not in kinds)):
            raise TextError(f"module {name!r}: {statement[:60]!r} is no part of a pipeline")
