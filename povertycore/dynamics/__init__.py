"""Over time: change between periods, trends, plan fulfilment and how unevenly it went."""

from .change import change
from .convergence import convergence
from .decompose import decompose
from .target import target
from .trend import trend

__all__ = ["change", "convergence", "decompose", "target", "trend"]
