"""Simulation of emitted cores: the cocotb side of s2nn-hw (this package belongs to it)."""
