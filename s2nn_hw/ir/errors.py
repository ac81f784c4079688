"""Errors that are told in one sentence, without a traceback."""

from __future__ import annotations


class InputError(ValueError):
    """A file, option or value from outside is wrong; the message is one sentence naming it.

    The command line prints the message without a traceback and exits with status 2.
    """


class ToolError(RuntimeError):
    """A tool that we ran (a simulator, yosys) failed for no fault of the input.

    The command line prints the message and exits with status 1.
    """
