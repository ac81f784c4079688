"""What travels between host and board, byte by byte: the one place where it is fixed.

A packet is SYNC, then stuffed: type, tag, length (two bytes, low first), payload, CRC (two bytes,
high first).  Stuffing replaces a SYNC or ESCAPE by ESCAPE and the byte ^ FLIP, so that SYNC is
nowhere but at a packet's start: whatever was lost or added on the line, the next packet is found.
The CRC is CRC-16/IBM-3740 over type, tag, length and payload.  docs/protocol.md is the long form.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from s2nn_hw.ir import InputError
from s2nn_hw.manifest import LOAD_WORDS, InputPort, LoadPort, OutputPort

VERSION = 1

SYNC, ESCAPE, FLIP = 0xA5, 0xDB, 0x20

#: Set in the type of an answer; the rest is the type of its request.
ANSWER = 0x80
#: Type of the answer to a packet that was not understood; its payload is an ErrorCode.
ERROR = 0xFF
#: The longest payload that a length can say.
MAX_PAYLOAD = 0xFFFF
#: Bytes around a payload before stuffing: sync, type, tag, length, CRC.
OVERHEAD = 7

#: Of the CRC-16/IBM-3740: not reflected, nothing added at its end.
CRC_POLYNOMIAL, CRC_START = 0x1021, 0xFFFF

DIGEST_BYTES = 8
#: Frames that a board holds at the most.
MAX_WINDOW = 16

DEFAULT_BAUD = 1_000_000
#: Clock cycles a bit must last, for a bit to be sampled near its middle.
MIN_CYCLES_A_BIT = 4


class Request(IntEnum):
    """Types of what the host sends."""

    IDENTIFY = 1
    INFER = 2
    READ_FLAGS = 3
    CLEAR_FLAGS = 4
    #: A packet of weights, of a core that is loaded with them.
    LOAD = 5


class ErrorCode(IntEnum):
    """Why a packet was not served, and the bit that remembers it in the flags."""

    CRC = 0
    TYPE = 1
    LENGTH = 2
    TRUNCATED = 3
    WINDOW = 4


#: More flags: a byte without stop bit; an answer that no queue had room for.
FRAMING, LOST = 5, 6
#: Of the first byte of the flags.
PROTOCOL_FLAGS = 7
#: And its last: weights are not loaded yet, which no clearing changes.
UNLOADED = 7
#: Of the second byte: the core's ``frame_error``.
CORE_FLAGS = 2
FLAG_NAMES = {
    0: "a wrong CRC",
    1: "an unknown type",
    2: "a wrong length",
    3: "a truncated packet",
    4: "a frame beyond the window",
    5: "a byte without stop bit",
    6: "an answer that was lost",
    7: "weights that are not loaded",
    8: "a frame too short for the core",
    9: "a frame too long for the core",
}


def crc(data: bytes) -> int:
    """The CRC of type, tag, length and payload."""
    return binascii.crc_hqx(data, CRC_START)


def frame_bytes(port: InputPort) -> int:
    """Bytes of a frame on the line, see pack()."""
    return -(-_values(port) * port.pixel_bits // 8)


def _values(port: InputPort) -> int:
    """Of a frame on the line: those that fill up the last beat are left away."""
    whole = (port.steps - 1) * port.step_beats * port.pixels_per_beat
    return whole + port.pixels


def result_bytes(port: OutputPort) -> int:
    """Bytes of a result on the line: the beats of ``m_axis``, low bytes first."""
    return port.beats * port.tdata_bits // 8


def load_port(port: LoadPort) -> InputPort:
    """The packets of weights as if they were frames: an address and LOAD_WORDS words, in bytes."""
    size = port.tdata_bits // 8
    return InputPort(
        tdata_bits=port.tdata_bits,
        pixel_bits=8,
        pixels_per_beat=size,
        pixels=size * (1 + LOAD_WORDS),
    )


def load_payloads(port: LoadPort, text: str) -> list[bytes]:
    """The payloads of LOAD, of the text of the port's file: beats, their low bytes first."""
    size = port.tdata_bits // 8
    return [
        b"".join(beat.to_bytes(size, "little") for beat in packet) for packet in port.packets(text)
    ]


def pack(port: InputPort, frames: npt.NDArray[np.uint8]) -> list[bytes]:
    """Frames as payloads, see InputPort.values().

    The values in the order of ``s_axis``, ``pixel_bits`` each, the first in the lowest bits; the
    last byte is filled up with zeros.
    """
    n = len(frames)
    values = port.values(frames)[:, : _values(port)]
    bits = values[:, :, None] >> np.arange(port.pixel_bits, dtype=np.uint8) & 1
    packed = np.packbits(bits.reshape(n, -1), axis=1, bitorder="little")
    return [row.tobytes() for row in packed]


def unpack(
    port: OutputPort, results: list[bytes]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Classes (n,) and scores (n, classes) of results' payloads."""
    width = port.tdata_bits // 8
    return port.unpack(
        [
            int.from_bytes(result[at : at + width], "little")
            for result in results
            for at in range(0, len(result), width)
        ]
    )


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a board says of itself: the payload of the answer to IDENTIFY.

    Parameters
    ----------
    version: of the protocol.
    digest: first bytes of the network's.
    frame_bytes, result_bytes: payloads of INFER and of its answer.
    window: frames that may be under way: sent and not yet answered.
    """

    version: int = VERSION
    digest: bytes
    frame_bytes: int
    result_bytes: int
    window: int

    _FORMAT = struct.Struct(f"<B{DIGEST_BYTES}sHHB")
    SIZE = _FORMAT.size

    def to_bytes(self) -> bytes:
        """The payload."""
        return self._FORMAT.pack(
            self.version, self.digest, self.frame_bytes, self.result_bytes, self.window
        )

    @classmethod
    def read(cls, payload: bytes) -> Identity:
        """Of a payload; InputError unless it is of this version, whose first byte never moves."""
        if payload[:1] != bytes([VERSION]):
            found = payload[0] if payload else "none"
            raise InputError(f"the board's protocol version must be {VERSION}, not {found}")
        if len(payload) != cls.SIZE:
            raise InputError(f"the board's identity must have {cls.SIZE} bytes, not {len(payload)}")
        version, digest, frame, result, window = cls._FORMAT.unpack(payload)
        return cls(
            version=version,
            digest=digest,
            frame_bytes=frame,
            result_bytes=result,
            window=window,
        )


def digest_bytes(digest: str) -> bytes:
    """The first bytes of a network's digest."""
    return bytes.fromhex(digest)[:DIGEST_BYTES]
