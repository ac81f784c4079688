"""Gowin LittleBee.

Capacities: DS117 (GW1NR series).
"""

from .family import UNCHECKED, Device, Family, each, table_cell

_FLIP_FLOPS = " ".join(
    f"DFF{edge}{kind}{enable}"
    for edge in ("", "N")
    for kind in ("", "S", "R", "P", "C")
    for enable in ("", "E")
)

FAMILY = Family(
    name="gowin",
    title="Gowin LittleBee",
    synthesis="synth_gowin -family gw1n -noiopads -abc9 -run begin:check",
    after=UNCHECKED,
    cells={
        **each("LUT1 LUT2 LUT3 LUT4 INV", lut=1),
        **each("ALU", lut=1, carry=1),
        **each("RAM16SDP1 RAM16SDP2 RAM16SDP4 RAM16SP1 RAM16SP2 RAM16SP4", lut=4),
        **each(_FLIP_FLOPS, ff=1),
        **each("SP SPX9 SDPB SDPX9B DPB DPX9B pROM pROMX9", bram=1),
        **each("MULT9X9 MULT18X18 MULTADDALU18X18 MULTALU18X18 MULTALU36X18", dsp=1),
        **each("MUX2_LUT5 MUX2_LUT6 MUX2_LUT7 MUX2_LUT8 GND VCC IBUF OBUF TBUF IOBUF GSR rPLL OSC"),
    },
    bram_bits=18432,
    bram_shapes=((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)),
    rom_rows=(512, 1024),
    # Placed in minutes at 0.57, not at 0.78.
    routable=0.65,
    table_cell=table_cell("LUT4", "INIT", "I0 I1 I2 I3", "F"),
    devices=(
        Device(
            name="GW1NR-9",
            other=("GW1NR-9C", "GW1NR-LV9QN88PC6/I5"),
            # Flip-flops and carries sit in three quarters of the logic alone.
            capacity={"lut": 8640, "ff": 6480, "carry": 6480, "bram": 26, "dsp": 20},
            mhz=50,
            nextpnr=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
        ),
    ),
    nextpnr="nextpnr-himbaechel-gowin",
    # The program takes no port without a buffer and a place.
    unbound=("delete -port w:* w:clk %d", "iopadmap -bits -inpad IBUF O:I"),
    constraints=(("clock.cst", 'IO_LOC "clk" 52;\n'),),
    options=("--vopt", "cst=clock.cst"),
)
