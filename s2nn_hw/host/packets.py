"""Packets to bytes and back."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from s2nn_hw.protocol import ESCAPE, FLIP, MAX_PAYLOAD, SYNC, crc

_HEADER = struct.Struct("<BBH")
_CRC_BYTES = 2


@dataclass(frozen=True)
class Packet:
    """What one end says to the other; see s2nn_hw.protocol."""

    type: int
    tag: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The bytes of the line."""
        assert len(self.payload) <= MAX_PAYLOAD
        body = _HEADER.pack(self.type, self.tag, len(self.payload)) + self.payload
        # The escape first: what it stands for may be in the body, but not in what it makes.
        body += crc(body).to_bytes(_CRC_BYTES, "big")
        for byte in (ESCAPE, SYNC):
            body = body.replace(bytes([byte]), bytes([ESCAPE, byte ^ FLIP]))
        return bytes([SYNC]) + body


class Parser:
    """Finds packets among anything.

    Semantics: SYNC begins a packet wherever it stands; one that is cut short or has a wrong CRC is
    counted in ``damaged`` and dropped.  A packet that was sent whole is found, whatever came before
    it.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._body: bytearray | None = None
        self._escaped = False

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that end within these bytes."""
        for byte in data:
            if byte == SYNC:
                self.damaged += bool(self._body)
                self._body = bytearray()
                self._escaped = False
            elif self._body is None:
                pass
            elif byte == ESCAPE and not self._escaped:
                self._escaped = True
            else:
                self._body.append(byte ^ FLIP if self._escaped else byte)
                self._escaped = False
                found = self._ended()
                if found is not None:
                    yield found

    def _ended(self) -> Packet | None:
        body = self._body
        assert body is not None
        if len(body) < _HEADER.size + _CRC_BYTES:
            return None
        kind, tag, length = _HEADER.unpack_from(body)
        if len(body) < _HEADER.size + length + _CRC_BYTES:
            return None
        self._body = None
        if crc(bytes(body)) != 0:
            self.damaged += 1
            return None
        return Packet(kind, tag, bytes(body[_HEADER.size : -_CRC_BYTES]))
