"""The command ``s2nn-hw``: one module a verb, loaded only as far as it is needed.

Exit status: 0 what was asked holds; 1 a check failed; 2 the input is wrong, told in one sentence;
130 interrupted, 143 terminated, 141 the reader of the output went away.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import s2nn_hw
from s2nn_hw import cache
from s2nn_hw.ir import InputError, ToolError

from . import terminal

VERBS = (
    *("demo", "train", "data", "plan", "emit", "certify", "verify"),
    *("synth", "flash", "run", "report", "bench", "sweep", "experiment"),
)


_ONCE_MORE_SECONDS = 0.01


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # PyTorch's idle threads otherwise spin, and a busy machine becomes a hundred times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)  # on the handler: libraries set the levels of loggers
    logging.basicConfig(format="s2nn-hw: %(message)s", handlers=[handler])
    try:
        with terminal.clean_stdout(), _termination():
            return _run(arguments)
    except BrokenPipeError:
        # Else the interpreter complains when it flushes at its end.
        with open(os.devnull, "wb") as devnull:
            os.dup2(devnull.fileno(), 1)
        return 128 + signal.SIGPIPE
    except terminal.OutputError as error:
        terminal.fail(str(error), as_json=False)
        return 1


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        args = parser().parse_args(arguments)
        return int(args.handler(args))
    except InputError as error:
        terminal.fail(str(error), as_json=as_json)
        return 2
    except ToolError as error:
        terminal.fail(str(error), as_json=as_json)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # A write names no file.
        where = error.filename or (
            f"temporary files are in {tempfile.gettempdir()}, the cache in {cache.folder()}"
        )
        terminal.fail(f"a disk is full: {where}", as_json=as_json)
        return 1
    except KeyboardInterrupt:
        terminal.fail("interrupted", as_json=as_json, kind="")
        return 128 + signal.SIGINT
    except _Terminated:
        terminal.fail("terminated", as_json=as_json, kind="")
        return 128 + signal.SIGTERM
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    top = _Parser(
        prog="s2nn-hw",
        description="FPGA hardware from single-step spiking neural networks: from a trained model "
        "to Verilog that is proved in simulation, with its cycles and toggles.",
    )
    top.add_argument("--version", action="version", version=f"s2nn-hw {s2nn_hw.__version__}")
    subparsers = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in VERBS:
        importlib.import_module(f"{__name__}.{verb}").register(subparsers)
    return top


class _Parser(argparse.ArgumentParser):
    """Reports a wrong option as every other wrong input is."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


class _Terminated(BaseException):
    """SIGTERM, so that what is half written is cleared away."""


@contextmanager
def _termination() -> Iterator[None]:
    """Let SIGTERM unwind the stack as an interrupt does; the main thread alone may say so.

    Of a destructor Python swallows what is raised.  A signal that came in one is sent once more.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> NoReturn:
        raise _Terminated

    def swallowed(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, _Terminated | KeyboardInterrupt):
            number = signal.SIGTERM if isinstance(what.exc_value, _Terminated) else signal.SIGINT
            threading.Timer(_ONCE_MORE_SECONDS, os.kill, (os.getpid(), number)).start()
        else:
            hook(what)

    before, hook = signal.signal(signal.SIGTERM, stop), sys.unraisablehook
    sys.unraisablehook = swallowed
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, before)
