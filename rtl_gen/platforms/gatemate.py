"""Cologne Chip GateMate: area alone.

Capacities: DS1001.  Each of its 20,480 logic elements is a tree of look-up tables in two halves,
with two flip-flops; ``lut`` and ``carry`` count the halves.
"""

from .family import Device, Family, each

FAMILY = Family(
    name="gatemate",
    title="Cologne Chip GateMate",
    synthesis="synth_gatemate -noiopad -noclkbuf -luttree",
    cells={
        **each("CC_LUT1 CC_LUT2 CC_LUT3 CC_LUT4 CC_L2T4 CC_MX2", lut=1),
        **each("CC_L2T5 CC_MX4", lut=2),
        **each("CC_MX8", lut=4),
        **each("CC_ADDF", lut=1, carry=1),
        **each("CC_MULT", lut=2),
        **each("CC_DFF CC_DLT", ff=1),
        **each("CC_BRAM_20K", bram=1),
        **each("CC_BRAM_40K", bram=2),
        **each("CC_IBUF CC_OBUF CC_BUFG CC_PLL CC_USR_RSTN"),
    },
    bram_bits=20480,
    bram_shapes=((16384, 1), (8192, 2), (4096, 5), (2048, 10), (1024, 20), (512, 40)),
    rom_rows=(512, 1024),
    devices=(
        Device(
            name="CCGM1A1",
            other=("gatemate-a1",),
            capacity={"lut": 40960, "ff": 40960, "carry": 40960, "bram": 64},
        ),
    ),
)
