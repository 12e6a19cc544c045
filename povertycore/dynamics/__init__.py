"""Over time: change between periods, trends, plan fulfilment and how unevenly it went."""

from .change import change
from .convergence import convergence
from .decompose import decompose
from .goals import Goal, goals
from .target import target
from .trend import trend

__all__ = ["Goal", "change", "convergence", "decompose", "goals", "target", "trend"]
