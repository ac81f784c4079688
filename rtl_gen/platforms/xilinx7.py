"""Xilinx 7 series: area alone, for there is no open place and route for it here.

Capacities: DS180.  A block RAM is half of one of 36 kbit.
"""

from .family import Device, Family, each, table_cell


def _device(name: str, luts: int, ram36: int, dsp: int) -> Device:
    return Device(
        name=name,
        capacity={"lut": luts, "ff": 2 * luts, "carry": luts // 4, "bram": 2 * ram36, "dsp": dsp},
    )


FAMILY = Family(
    name="xilinx7",
    title="Xilinx 7 series",
    synthesis="synth_xilinx -family xc7 -flatten -abc9 -noiopad -noclkbuf",
    cells={
        **each("LUT1 LUT2 LUT3 LUT4 LUT5 LUT6 LUT6_2 INV SRL16E SRLC32E RAM32X1S RAM64X1S", lut=1),
        **each("RAM32X1D RAM64X1D RAM128X1S", lut=2),
        **each("RAM32M RAM64M RAM128X1D RAM256X1S", lut=4),
        **each("CARRY4", carry=1),
        **each("FDRE FDSE FDCE FDPE", ff=1),
        **each("RAMB18E1", bram=1),
        **each("RAMB36E1", bram=2),
        **each("DSP48E1", dsp=1),
        **each("MUXF7 MUXF8 IBUF OBUF BUFG GND VCC"),
    },
    bram_bits=18432,
    bram_shapes=((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)),
    rom_rows=(512, 1024),
    told=True,
    lut_bits=64,
    table_cell=table_cell("LUT6", "INIT", "I0 I1 I2 I3 I4 I5", "O"),
    pair_cell=table_cell("LUT6_2", "INIT", "I0 I1 I2 I3 I4 I5", "O5 O6"),
    devices=(
        _device("XC7A35T", 20800, 50, 90),
        _device("XC7A100T", 63400, 135, 240),
        _device("XC7A200T", 134600, 365, 740),
        _device("XC7Z010", 17600, 60, 80),
        _device("XC7Z020", 53200, 140, 220),
    ),
)
