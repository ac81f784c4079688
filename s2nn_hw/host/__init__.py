"""The host's side of the line to a board."""
