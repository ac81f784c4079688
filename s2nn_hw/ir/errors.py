"""Errors that are told in one sentence, without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(ValueError):
    """A file, option or value from outside is wrong; the message is one sentence naming it.

    The command line prints the message without a traceback and exits with status 2.
    """


class ToolError(RuntimeError):
    """A tool that we ran (a simulator, yosys) failed for no fault of the input.

    The command line prints the message and exits with status 1.
    """


@contextmanager
def well_formed(what: str) -> Iterator[None]:
    """Turn what goes wrong in taking apart a structure from outside into a sentence about it."""
    try:
        yield
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"{what} lacks {error.args[0]!r}") from error
    except (TypeError, ValueError, AttributeError, ArithmeticError, MemoryError) as error:
        raise InputError(f"{what} holds a value of the wrong kind") from error
