"""Fields of the tools' JSON reports: one that is missing is an error that names it, never 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from s2nn_hw.ir import ToolError

T = TypeVar("T")


def load(path: Path) -> dict[str, Any]:
    """The object in a report's file."""
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise ToolError(f"{path.name}: the tool wrote no such report: {error.strerror}") from error
    except ValueError as error:
        raise ToolError(f"{path.name}: the tool's report is not JSON: {error}") from error
    return typed(data, dict, path.name, "the report")


def field(data: Any, name: str, kind: type[T], where: str) -> T:
    """A field of an object; ``where`` tells people which."""
    if name not in typed(data, dict, where, "what should hold a field"):
        raise ToolError(f"{where}: the tool's report lacks {name!r}")
    return typed(data[name], kind, where, repr(name))


def number(data: Any, name: str, where: str) -> float:
    """A field that is a number."""
    value = field(data, name, object, where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ToolError(f"{where}: {name!r} in the tool's report must be a number, not {value!r}")
    return value


def typed(value: Any, kind: type[T], where: str, what: str) -> T:
    """The value, if it is of that kind."""
    if not isinstance(value, kind):
        raise ToolError(
            f"{where}: {what} in the tool's report must be {kind.__name__}, "
            f"not {type(value).__name__}"
        )
    return value
