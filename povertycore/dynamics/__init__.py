"""Over time: change between periods, trends, plans, how unevenly it went, and who moved."""

from .change import change
from .convergence import convergence
from .decompose import decompose
from .goals import Goal, goals
from .histories import histories
from .movements import movements
from .moves import moves
from .spells import chronic, spells
from .target import target
from .transitions import transitions
from .trend import trend

__all__ = [
    "Goal",
    "change",
    "chronic",
    "convergence",
    "decompose",
    "goals",
    "histories",
    "movements",
    "moves",
    "spells",
    "target",
    "transitions",
    "trend",
]
