"""Workers that run trials: a Dask cluster that is there, or one of our own."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from s2nn_hw.ir import InputError, ToolError

from .planfile import versions

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

#: What Dask looks at in its processes some dozen times a second takes a twentieth of a core each.
CALM = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}

#: Seconds after which a scheduler that does not answer is taken not to be there.
_TIMEOUT = 10

#: Who tells of connections that end; the second has a level of its own.
_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")


@contextmanager
def cluster(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    """A client of the scheduler at that address, or of a local cluster of so many processes.

    Raises InputError if nobody answers there, nobody works there, a worker has other versions, or
    the scheduler is lost before the end.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)
    # Loggers are hushed before anything is closed.
    with ExitStack() as ends, _hushed():
        if scheduler is None:
            yield ends.enter_context(_own(workers or _cores()))
        elif workers is not None:
            raise InputError("workers must be left out with a scheduler, which has its own")
        else:
            yield ends.enter_context(_somebodys(scheduler))


@contextmanager
def _hushed() -> Iterator[None]:
    """Whoever ends the work early says why; what Dask says of its connections then is no news."""
    try:
        yield
    except BaseException:
        # For good: some is said only when the process ends.
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        raise


@contextmanager
def _own(workers: int) -> Iterator[Client]:
    import dask
    from distributed import Client

    with dask.config.set(CALM), _local(workers) as local, Client(local) as client:
        yield client


@contextmanager
def _somebodys(scheduler: str) -> Iterator[Client]:
    from distributed import CancelledError, Client
    from distributed.comm.core import CommClosedError
    from distributed.utils import LoopRunner

    try:
        # Of something else Client() may wait for ever, whatever its timeout.
        LoopRunner().run_sync(_identity, scheduler)
        client = Client(scheduler, timeout=_TIMEOUT)
    except Exception as error:  # whatever the words of something else are taken for
        if isinstance(error, TimeoutError):
            why = f" within {_TIMEOUT} s"
        else:
            why = f": {error}" if isinstance(error, OSError | ValueError) else ""
        raise InputError(
            f"scheduler {scheduler}: does not answer as a Dask scheduler{why}"
        ) from error
    # That a scheduler is lost is told below.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    with client:
        try:
            _check(client, scheduler)
            yield client
        except (InputError, ToolError):
            raise
        except Exception as error:
            lost = isinstance(error, CancelledError | CommClosedError)
            if not lost and client.status == "running":
                raise
            raise InputError(
                f"scheduler {scheduler}: was lost; what is complete is kept, and the same command "
                "goes on from there"
            ) from error


async def _identity(scheduler: str) -> None:
    """ValueError if something else answers than a scheduler, TimeoutError if nothing does."""
    from distributed.core import rpc
    from distributed.security import Security

    async def ask() -> dict[str, Any]:
        secrets = Security().get_connection_args("client")
        async with rpc(scheduler, connection_args=secrets) as there:
            return dict(await there.identity())

    found = await asyncio.wait_for(ask(), _TIMEOUT)
    if found.get("type") != "Scheduler":
        raise ValueError(f"it is a Dask {found.get('type')}")


def _local(workers: int) -> LocalCluster:
    """One trial a process: tools take a core each.

    What interrupts the sweep is for it alone to hear, which then ends them.
    """
    from distributed import LocalCluster

    mine = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if mine else None
    try:
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            # A port of its own: the usual one may be another cluster's.
            dashboard_address="127.0.0.1:0",
            # A worker whose end comes while it sends its heartbeat has a traceback to tell.
            silence_logs=logging.CRITICAL,
        )
    except (RuntimeError, OSError) as error:
        raise ToolError(f"workers could not be started: {error}") from error
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _check(client: Client, scheduler: str) -> None:
    """InputError if there is no worker, or one with other versions."""
    found = client.run(versions, on_error="return")
    if not found:
        raise InputError(f"scheduler {scheduler}: has no workers")
    ours = _ours()
    for worker, theirs in sorted(found.items()):
        if isinstance(theirs, BaseException):
            raise InputError(f"worker {worker}: cannot load s2nn-hw: {theirs}") from theirs
        for name, version in ours.items():
            if theirs.get(name) != version:
                raise InputError(
                    f"worker {worker}: has {name} {theirs.get(name)}, and this is {version}"
                )


def _ours() -> dict[str, str]:
    return versions()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
