"""The packets' checksum, as s2nn_hw.protocol has it."""

from amaranth.lib.crc import Algorithm, Processor

from s2nn_hw.protocol import CRC_POLYNOMIAL, CRC_START

ALGORITHM = Algorithm(
    crc_width=16,
    polynomial=CRC_POLYNOMIAL,
    initial_crc=CRC_START,
    reflect_input=False,
    reflect_output=False,
    xor_output=0,
)


def checksum() -> Processor:
    """Its circuit: bytes in, one a cycle."""
    return ALGORITHM(8).create()
