"""Benches that cocotb runs inside the simulator."""
