"""The error for what a user can mend."""

from __future__ import annotations


class InputError(ValueError):
    """A file, option or value from outside is wrong; the message is one sentence naming it.

    The command line prints the message without a traceback and exits with status 2.
    """
