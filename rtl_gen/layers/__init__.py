"""A layer: engine, accumulators, and what becomes of the potentials."""
