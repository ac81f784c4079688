"""Workers that run trials: a Dask cluster that is there, or one of our own."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from s2nn_hw.ir import InputError, ToolError

from .planfile import versions

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

#: What Dask looks at in its processes some dozen times a second takes a twentieth of a core each.
CALM = {"distributed.worker.profile.enabled": False, "distributed.admin.tick.interval": "1s"}

#: Seconds after which a scheduler that does not answer is taken not to be there.
_TIMEOUT = 10


@contextmanager
def cluster(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    """A client of the scheduler at that address, or of a local cluster of so many processes.

    Raises InputError if nobody answers there, nobody works there, or a worker has other versions.
    """
    import dask
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.ERROR)
    if scheduler is None:
        with (
            dask.config.set(CALM),
            _local(workers or _cores()) as local,
            Client(local) as client,
        ):
            yield client
        return
    if workers is not None:
        raise InputError("workers must be left out with a scheduler, which has its own")
    try:
        client = Client(scheduler, timeout=_TIMEOUT)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"scheduler {scheduler}: does not answer: {error}") from error
    with client:
        _check(client, scheduler)
        yield client


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
            dashboard_address=None,
            silence_logs=logging.ERROR,
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
