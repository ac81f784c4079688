"""Cycles, exactly: when each beat of each frame goes in and comes out.

The model follows the same rules as the gateware, at the grain of words instead of cycles.  What
it needs of a component it reads from the component.
"""

from .schedule import Schedule, Source, bounds, schedule, steady
from .typical import WINDOWS, alone, played, typical
from .work import Values, events, floors, need, needs

__all__ = [
    "WINDOWS",
    "Schedule",
    "Source",
    "Values",
    "alone",
    "bounds",
    "events",
    "floors",
    "need",
    "needs",
    "played",
    "schedule",
    "steady",
    "typical",
]
