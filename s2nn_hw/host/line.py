"""A serial line, be it of a board or simulated."""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Protocol

from s2nn_hw.ir import InputError, ToolError


class Line(Protocol):
    """What a board hangs on.

    name: of the port, for people.
    """

    name: str

    def write(self, data: bytes) -> None:
        """Send."""

    def read(self) -> bytes:
        """What came, at least a byte; empty if nothing did for as long as the line waits."""

    def allow(self, size: int) -> None:
        """Wait from now on for so long beyond the time that this many bytes take on the line."""

    def close(self) -> None:
        """Let go of the port."""


class SerialLine:
    """A port of this machine, through pyserial.

    Raises InputError naming the port that is absent, busy or cannot be so fast; ToolError where it
    fails later.
    """

    def __init__(self, port: str, *, baud: int, timeout: float):
        try:
            import serial  # type: ignore[import-untyped]
        except ImportError as error:
            raise InputError(
                "the Python package 'pyserial' must be installed to talk to a board: "
                "pip install 's2nn-hw[board]'"
            ) from error
        self.name = port
        self._baud = baud
        self._timeout = timeout
        self._failure: type[Exception] = serial.SerialException
        try:
            self._port = serial.Serial(
                port, baud, timeout=timeout, write_timeout=timeout, exclusive=True
            )
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise InputError(f"{port}: {_reason(error, baud)}") from error
        # Answers come at once, not a moment later together, where the driver can do that.
        with suppress(Exception):
            self._port.set_low_latency_mode(True)
        with suppress(OSError):
            self._port.reset_input_buffer()

    def write(self, data: bytes) -> None:
        """Send."""
        try:
            self._port.write(data)
        except (OSError, self._failure) as error:
            raise ToolError(f"{self.name}: cannot be written to: {error}") from error

    def read(self) -> bytes:
        """What came, at least a byte; empty if nothing did within the timeout."""
        try:
            first: bytes = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        except (OSError, self._failure) as error:
            raise ToolError(f"{self.name}: cannot be read: {error}") from error

    def allow(self, size: int) -> None:
        """Wait from now on for so long beyond the time that this many bytes take on the line."""
        self._port.timeout = self._port.write_timeout = self._timeout + 10 * size / self._baud

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()


def _reason(error: OSError | ValueError, baud: int) -> str:
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "no such port"
    if code == errno.EACCES:
        return "may not be opened by this user"
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return "is busy: another program has it open"
    if isinstance(error, ValueError) or "baud" in str(error).lower():
        return f"cannot do {baud} baud"
    # pyserial makes no errno of what tcgetattr() says.
    if code in (errno.ENOTTY, errno.EINVAL) or "Could not configure port" in str(error):
        return "is not a serial port"
    return f"cannot be opened: {error}"
