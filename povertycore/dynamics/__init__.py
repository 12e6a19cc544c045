"""Over time: change between periods and plan fulfilment."""

from .change import change
from .target import target

__all__ = ["change", "target"]
