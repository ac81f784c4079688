"""What a core will take of an FPGA, without any tool: its parts, in numbers, times their costs."""

from .costs import Costs, costs
from .inventory import OTHER, inventory, of_shell

__all__ = ["OTHER", "Costs", "costs", "inventory", "of_shell"]
