"""Gateware for single-step spiking networks, in Amaranth."""
