#!/bin/bash
# area.sh DIR TOP FAMILY
dir=$1; top=$2; fam=$3
case $fam in ecp5) s="synth_ecp5 -nodsp -top $top";; xc7) s="synth_xilinx -nodsp -flatten -noiopad -family xc7 -top $top";; ice40) s="synth_ice40 -top $top";; esac
files=$(find $dir -name "*.v" ! -name "*_wrapper.v" | tr '\n' ' ')
/work/main/.venv/bin/python -P -c "
from pyosys import libyosys as y
y.run_pass('tee -q -o $dir/$fam.log read_verilog -sv $files') if False else None
d=y.Design()
y.run_pass('read_verilog -sv $files',d)
y.run_pass('$s',d)
y.run_pass('tee -o $dir/$fam.stat stat',d)
" > $dir/$fam.full 2>&1
grep -E "LUT[1-6]|CCU2C|CARRY4|TRELLIS_FF|FDRE|MUXF|PFUMX|L6MUX|INV|SB_" $dir/$fam.stat | tail -20 | awk '{print $1,$2,$3}' | tr '\n' ';'; echo
