"""Lattice ECP5.

Capacities: FPGA-DS-02012, table 1.1; the LFE5U-12F is a die of the 25F, all of which the open tools
use.
"""

from .family import UNCHECKED, Device, Family, OutputRegister, each, table_cell


def _device(size: str, luts: int, bram: int, dsp: int, packages: str) -> Device:
    return Device(
        name=f"LFE5U-{size}F",
        other=(f"ecp5-{size}k",),
        capacity={"lut": luts, "ff": luts, "carry": luts // 2, "bram": bram, "dsp": dsp},
        mhz=100,
        nextpnr=(f"--{size}k", "--package", "{package}", "--speed", "{speed}"),
        packages=tuple(packages.split()),
        speeds=("6", "7", "8"),
    )


def _register(port: str, halves: str, widths: tuple[int, ...]) -> OutputRegister:
    return OutputRegister(
        ram="DP16KD",
        width=f"DATA_WIDTH_{port}",
        widths=widths,
        clock=f"CLK{port}",
        data="DO" if len(halves) > 1 else f"DO{port}",
        register=tuple((f"REGMODE_{half}", "OUTREG") for half in halves),
        enables=tuple(f"OCE{half}" for half in halves),
        resets=tuple(f"RST{half}" for half in halves),
        flip_flop="TRELLIS_FF",
        plain=(("CEMUX", "1"), ("REGSET", "RESET")),
        off=("LSR",),
    )


FAMILY = Family(
    name="ecp5",
    title="Lattice ECP5",
    synthesis="synth_ecp5 -abc9 -run begin:check",
    after=("autoname", *UNCHECKED),
    cells={
        **each("LUT4", lut=1),
        **each("CCU2C", lut=2, carry=1),
        # A slice and a half: four look-up tables that store, two that write.
        **each("TRELLIS_DPR16X4", lut=6),
        **each("TRELLIS_FF", ff=1),
        **each("DP16KD PDPW16KD", bram=1),
        **each("MULT18X18D ALU54B", dsp=1),
        # Multiplexers beside the look-up tables, and what is not in slices.
        **each("PFUMX L6MUX21 VHI VLO GSR DCCA TRELLIS_IO IB OB OBZ BB EHXPLLL"),
    },
    output_registers=(
        _register("A", "A", (1, 2, 4, 9, 18)),
        _register("B", "B", (1, 2, 4, 9, 18)),
        # Port B at its widest has the outputs of both, and their registers.
        _register("B", "AB", (36,)),
    ),
    bram_bits=18432,
    bram_shapes=((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)),
    rom_rows=(512, 1024),
    additions=(105, 60),
    tables=(220, 130, 110),
    table_cell=table_cell("LUT4", "INIT", "A B C D", "Z"),
    devices=(
        _device("12", 24288, 56, 28, "CABGA381 CABGA256 CSFBGA285"),
        _device("25", 24288, 56, 28, "CABGA381 CABGA256 CSFBGA285"),
        _device("45", 43848, 108, 72, "CABGA381 CABGA256 CABGA554 CSFBGA285"),
        _device("85", 83640, 208, 156, "CABGA381 CABGA554 CABGA756 CSFBGA285"),
    ),
    nextpnr="nextpnr-ecp5",
    options=("--lpf-allow-unconstrained",),
)
