"""How a projection is computed."""
