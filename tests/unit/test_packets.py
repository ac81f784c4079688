"""Packets on the line: none that was sent whole is lost, whatever is around it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl_gen.boards.crc import ALGORITHM
from s2nn_hw.host.packets import Packet, Parser
from s2nn_hw.ir import InputError
from s2nn_hw.protocol import ESCAPE, FLIP, SYNC, Identity, crc

SPECIAL = [SYNC, ESCAPE, SYNC ^ FLIP, ESCAPE ^ FLIP, 0, 1, 255]
BYTE = st.sampled_from(SPECIAL) | st.integers(0, 255)
BYTES = st.lists(BYTE, max_size=40).map(bytes)
PACKET = st.builds(Packet, BYTE, BYTE, BYTES)


def parse(data: bytes) -> list[Packet]:
    return list(Parser().feed(data))


@given(PACKET)
def test_what_is_encoded_is_parsed(packet):
    data = packet.encode()
    assert data[0] == SYNC
    assert SYNC not in data[1:], "SYNC begins a packet and is nowhere else"
    assert parse(data) == [packet]


@given(st.lists(st.tuples(BYTES, PACKET), max_size=6), BYTES)
def test_garbage_between_packets_loses_none(parts, tail):
    data = b"".join(garbage + packet.encode() for garbage, packet in parts) + tail
    found = iter(parse(data))
    # A piece of garbage may by chance be a packet, too.
    assert all(any(packet == other for other in found) for _, packet in parts)


@given(st.lists(PACKET, min_size=2, max_size=6), st.data())
def test_a_packet_cut_short_costs_no_other(packets, data):
    cut = data.draw(st.integers(0, len(packets) - 1))
    pieces = [packet.encode() for packet in packets]
    pieces[cut] = pieces[cut][: data.draw(st.integers(1, len(pieces[cut]) - 1))]
    assert parse(b"".join(pieces)) == [p for k, p in enumerate(packets) if k != cut]


@given(PACKET, st.data())
def test_a_changed_byte_is_seen(packet, data):
    """A CRC of 16 bits sees any change within 16 bits, and so of a byte that stays plain."""
    encoded = bytearray(packet.encode())
    at = data.draw(st.integers(1, len(encoded) - 1))
    before, after = encoded[at], data.draw(st.integers(0, 255))
    if after in (before, SYNC, ESCAPE) or before == ESCAPE:
        return
    encoded[at] = after
    found = Parser()
    # A length may have grown: the next packet ends the wait for more.
    assert packet not in list(found.feed(bytes(encoded)))
    list(found.feed(bytes([SYNC])))
    assert found.damaged == 1


@given(st.lists(PACKET, max_size=4), st.integers(1, 5))
def test_pieces_of_any_size(packets, size):
    data = b"".join(packet.encode() for packet in packets)
    parser = Parser()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [p for piece in pieces for p in parser.feed(piece)] == packets


@given(BYTES)
def test_both_sides_have_the_same_checksum(data):
    assert crc(data) == ALGORITHM(8).compute(data)


def test_the_examples_of_the_page():
    page = Path(__file__).parents[2] / "docs" / "protocol.md"
    examples = re.findall(
        r"^type (..), tag (..), (?:no )?payload(.*?): +(.*)$", page.read_text(), re.M
    )
    assert len(examples) == 2
    for kind, tag, payload, encoded in examples:
        packet = Packet(int(kind, 16), int(tag, 16), bytes.fromhex(payload))
        assert packet.encode() == bytes.fromhex(encoded)


def test_an_identity_goes_through():
    identity = Identity(digest=b"12345678", frame_bytes=98, result_bytes=21, window=16)
    assert Identity.read(identity.to_bytes()) == identity
    assert len(identity.to_bytes()) == Identity.SIZE


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"\x02anything", "the board's protocol version must be 1, not 2"),
        (b"", "the board's protocol version must be 1, not none"),
        (b"\x01short", "the board's identity must have 14 bytes, not 6"),
    ],
)
def test_a_foreign_identity_is_told(payload, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        Identity.read(payload)
