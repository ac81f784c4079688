"""Where a verb speaks: its result on stdout, all else on stderr."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

#: ``progress(stage, done, total)``; a total of 0 is not known.
Progress = Callable[[str, int, int], None]

#: Columns, more than any table has.
_ENDLESS = 1_000_000


class OutputError(Exception):
    """Stdout cannot be written, and not because its reader went away; the message is a sentence."""


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that every verb has."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout and nothing else"
    )


def result(
    args: argparse.Namespace,
    data: Mapping[str, Any],
    text: Callable[[], RenderableType],
) -> None:
    """Print the result: the data under ``--json``, else what ``text()`` makes of it."""
    if args.json:
        print(json.dumps(data, allow_nan=False))
        return
    from rich.console import Console

    # A pipe or file gets whole lines, not ones wrapped to a width it does not have.
    terminal = sys.stdout is not None and sys.stdout.isatty()
    console = Console() if terminal else Console(width=_ENDLESS)
    # Rich would end the process itself where the reader has gone away.
    with console.capture() as shown:
        console.print(text(), highlight=False)
    print(shown.get(), end="")


def say(message: str) -> None:
    """One line for people."""
    if sys.stderr is not None:  # closed; print() would take stdout
        print(f"s2nn-hw: {message}", file=sys.stderr)


def fail(message: str, *, as_json: bool, kind: str = "error: ") -> None:
    """Say what is wrong in one line, and on stdout too where a program reads it."""
    line = " ".join(message.split())
    # Not even a stderr that is closed may turn a sentence into a traceback.
    with suppress(OSError):
        say(f"{kind}{line}")
    if as_json:
        print(json.dumps({"error": line}))


@contextmanager
def progress() -> Iterator[Progress]:
    """A callback that draws one bar a stage on stderr, if that is a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done, total=total or None)

        yield show


class _Stdout(io.FileIO):
    """Tells its own failures from those of files."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"stdout cannot be written: {error.strerror}") from error


@contextmanager
def clean_stdout() -> Iterator[None]:
    """Keep stdout for results: what a child process writes to its own goes to stderr instead.

    Raises BrokenPipeError, at its end at the latest, if the reader went away, and OutputError if
    what was printed cannot be written.
    """
    before = sys.stdout
    try:
        if before.fileno() != 1:  # a test has put something else there
            raise OSError
        before.flush()
        real = io.TextIOWrapper(
            io.BufferedWriter(_Stdout(os.dup(1), "w")),
            encoding=before.encoding,
            errors=before.errors,
            line_buffering=before.isatty(),
        )
        os.dup2(2, 1)
    except (OSError, AttributeError):  # or one of the two is closed
        yield
        return
    sys.stdout = real
    try:
        yield
        real.flush()
    finally:
        sys.stdout = before
        os.dup2(real.fileno(), 1)
        with suppress(BrokenPipeError, OutputError):  # told before, of what is still not written
            real.close()
