"""Lattice iCE40.

Capacities: FPGA-DS-02029 (LP, HX) and FPGA-DS-02008 (UltraPlus).  A logic cell is a look-up table
with its carry and its flip-flop, so that there are as many of each.
"""

from .family import UNCHECKED, Device, Family, each, table_cell

_FLIP_FLOPS = " ".join(
    f"SB_DFF{edge}{enable}{reset}"
    for edge in ("", "N")
    for enable in ("", "E")
    for reset in ("", "SR", "R", "SS", "S")
)


def _device(
    kind: str, cells: int, bram: int, mhz: float, packages: str, spram: int = 0, dsp: int = 0
) -> Device:
    capacity = {"lut": cells, "ff": cells, "carry": cells, "bram": bram}
    return Device(
        name=f"iCE40{kind.upper()}",
        other=(f"ice40-{kind}", kind),
        capacity=capacity | {"spram": spram, "dsp": dsp},
        mhz=mhz,
        nextpnr=(f"--{kind}", "--package", "{package}"),
        packages=tuple(packages.split()),
    )


FAMILY = Family(
    name="ice40",
    title="Lattice iCE40",
    synthesis="synth_ice40 -abc9 -run begin:check",
    after=("autoname", *UNCHECKED),
    # There are no memories in look-up tables: a queue is flip-flops, or, if it is long and read
    # into a register, block RAM.  One of two entries or more never gives the entry that is being
    # written: yosys need not see to it that the old one would come.
    before=(
        "proc",
        "flatten",
        "opt -fast",
        "memory_collect",
        "setattr -set no_rw_check 1 c:*fifo.storage r:SIZE>1 %i",
        "memory_dff",
        "opt_clean",
        'setattr -set ram_style "logic" t:$mem_v2 r:WR_PORTS>0 %i r:SIZE<10 %i a:ram_style %d',
        'setattr -set ram_style "block" t:$mem_v2 r:WR_PORTS>0 %i r:SIZE>=10 %i '
        "r:RD_CLK_ENABLE=1'1 %i a:ram_style %d",
    ),
    cells={
        **each("SB_LUT4", lut=1),
        **each("SB_CARRY", carry=1),
        **each(_FLIP_FLOPS, ff=1),
        **each("SB_RAM40_4K SB_RAM40_4KNR SB_RAM40_4KNW SB_RAM40_4KNRNW", bram=1),
        **each("SB_SPRAM256KA", spram=1),
        **each("SB_MAC16", dsp=1),
        **each("SB_IO SB_GB SB_GB_IO SB_PLL40_PAD SB_PLL40_CORE SB_RGBA_DRV SB_HFOSC SB_LFOSC"),
    },
    bram_bits=4096,
    bram_shapes=((2048, 2), (1024, 4), (512, 8), (256, 16)),
    bram_price=64,
    block_words=10,
    rom_rows=(256,),
    spram_bits=262144,
    pair=("SB_LUT4", "SB_DFF", "D"),
    fill=0.9,
    lut_ram=False,
    mask_stage=False,
    additions=(40,),
    table_cell=table_cell("SB_LUT4", "LUT_INIT", "I0 I1 I2 I3", "O"),
    devices=(
        _device("up5k", 5280, 30, 20, "sg48 uwg30", spram=4, dsp=8),
        _device("hx8k", 7680, 32, 50, "ct256 cb132 cm225 bg121"),
        _device("hx1k", 1280, 16, 50, "tq144 vq100 cb132"),
        _device("lp8k", 7680, 32, 35, "cm225 cm121 cm81"),
        _device("lp1k", 1280, 16, 35, "cm121 cm81 qn84"),
    ),
    nextpnr="nextpnr-ice40",
    options=("--pcf-allow-unconstrained",),
)
