"""Over time: change between periods, plan fulfilment, unevenness."""

from .change import change
from .convergence import convergence
from .target import target

__all__ = ["change", "convergence", "target"]
