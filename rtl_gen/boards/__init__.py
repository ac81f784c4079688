"""Around the core on a board: UART, protocol, clock, pins."""
