"""Over time: change between periods, plan fulfilment, and who moved."""

from .change import change
from .movements import movements
from .moves import moves
from .spells import chronic, spells
from .target import target
from .transitions import transitions

__all__ = ["change", "chronic", "movements", "moves", "spells", "target", "transitions"]
