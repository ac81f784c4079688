"""What a core will take of an FPGA, without any tool: quantities of its parts, times their costs."""

from .costs import Costs, costs
from .inventory import OTHER, Inventory, inventory, of_shell

__all__ = ["OTHER", "Costs", "Inventory", "costs", "inventory", "of_shell"]
