"""Lattice Nexus: area alone.

Capacities: FPGA-DS-02049 (CrossLink-NX) and FPGA-DS-02078 (Certus-NX).  ``spram`` is what Lattice
calls a large RAM.
"""

from .family import Device, Family, each


def _device(name: str, luts: int, bram: int, spram: int, dsp: int) -> Device:
    capacity = {"lut": luts, "ff": luts, "carry": luts // 2}
    return Device(name=name, capacity=capacity | {"bram": bram, "spram": spram, "dsp": dsp})


FAMILY = Family(
    name="nexus",
    title="Lattice Nexus",
    synthesis="synth_nexus -noiopad -abc9",
    cells={
        **each("LUT4 INV", lut=1),
        **each("CCU2", lut=2, carry=1),
        **each("WIDEFN9", lut=2),
        **each("DPR16X4", lut=6),
        **each("FD1P3BX FD1P3DX FD1P3IX FD1P3JX", ff=1),
        **each("DP16K DP16K_MODE PDP16K PDP16K_MODE PDPSC16K PDPSC16K_MODE", bram=1),
        **each("SP512K SP512K_MODE DPSC512K DPSC512K_MODE PDPSC512K PDPSC512K_MODE", spram=1),
        **each("MULT9X9 MULT18X18 MULT18X36 MULT36X36 MULTADDSUB18X18", dsp=1),
        **each("VHI VLO IB OB"),
    },
    bram_bits=18432,
    bram_shapes=((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)),
    rom_rows=(512, 1024),
    spram_bits=524288,
    spram_contents=True,
    devices=(
        _device("LIFCL-40", 32256, 84, 2, 56),
        _device("LIFCL-17", 13824, 24, 5, 24),
        _device("LFD2NX-40", 32256, 84, 2, 56),
    ),
)
