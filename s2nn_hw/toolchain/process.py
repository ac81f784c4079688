"""Runs tools, several at a time, and ends them all when we are ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from s2nn_hw import cache
from s2nn_hw.ir import ToolError

#: For a tool to end in when it is asked to.
_PATIENCE_SECONDS = 3
_POLL_SECONDS = 0.05
_LINES = 8
#: A disk with less than this has no room.
_ROOM_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of a tool.

    Parameters
    ----------
    name: for people.
    folder: it runs in, and keeps its temporary files in; names in the command are relative to it,
        for a tool in WebAssembly sees its own ``/tmp``.
    log: what it says, a file in the folder.
    """

    name: str
    command: Sequence[str]
    folder: Path
    log: str

    def failure(self, status: int) -> ToolError:
        """What to raise of a run that ended badly; its log is kept where it can be read."""
        log = self.folder / self.log
        kept = cache.folder() / "logs" / f"{self.name.replace(' ', '-')}.log"
        with suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, kept)
        how = f"status {status}" if status >= 0 else signal.Signals(-status).name
        text = log.read_text(errors="replace") if log.is_file() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        last = " | ".join(lines[-_LINES:]) or "it said nothing"
        full = _no_room(self.folder)
        return ToolError(f"{self.name} ended with {how}{full}; log {kept}, last lines: {last}")


def _no_room(folder: Path) -> str:
    """Words on a full disk, by which a tool may have failed without a word."""
    with suppress(OSError):
        if shutil.disk_usage(folder).free < _ROOM_BYTES:
            return f", and the disk of {folder.parent} is full"
    return ""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a job ended: its exit status, negative for a signal, and the seconds it took."""

    job: Job
    status: int
    seconds: float


def run(
    jobs: Sequence[Job], *, limit: int = 1, ended: Callable[[Ended], None] | None = None
) -> list[Ended]:
    """Run all jobs, at most ``limit`` at a time; ``ended`` is called with each as it ends.

    When this function is left by an exception, an interrupt among them, no job is left running.
    """
    waiting = list(jobs)
    running: list[tuple[Job, subprocess.Popen[bytes], float]] = []
    done: dict[int, Ended] = {}
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                job = waiting.pop(0)
                running.append((job, _started(job), time.perf_counter()))
            for entry in list(running):
                job, process, start = entry
                status = process.poll()
                if status is not None:
                    running.remove(entry)
                    _end(process)  # what it started and left
                    result = Ended(job=job, status=status, seconds=time.perf_counter() - start)
                    done[id(job)] = result
                    if ended is not None:
                        ended(result)
            if running:
                with suppress(subprocess.TimeoutExpired):
                    running[0][1].wait(_POLL_SECONDS)
    finally:
        for _, process, _ in running:
            _end(process)
    return [done[id(job)] for job in jobs]


def _started(job: Job) -> subprocess.Popen[bytes]:
    temporary = job.folder.resolve() / "tmp"
    temporary.mkdir(exist_ok=True)
    with (job.folder / job.log).open("wb") as log:
        try:
            return subprocess.Popen(
                job.command,
                cwd=job.folder,
                env={**os.environ, "TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"{job.name} cannot be started: {error.strerror}") from error


def _end(leader: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            leader.wait(_PATIENCE_SECONDS)
        os.killpg(leader.pid, signal.SIGKILL)
    leader.wait()
