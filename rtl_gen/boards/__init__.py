"""Around the core on a board: UART, protocol, clock, pins.

``board_files(manifest, "ulx3s-85f", frequency=100e6)`` gives all that synthesis needs.
"""

from .files import BoardFiles, board_files
from .table import BOARDS, Board, board

__all__ = ["BOARDS", "Board", "BoardFiles", "board", "board_files"]
