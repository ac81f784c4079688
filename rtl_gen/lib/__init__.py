"""The parts that engines and layers are made of."""
