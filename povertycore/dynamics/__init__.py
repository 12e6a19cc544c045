"""Over time: change between periods, plan fulfilment, and who moved."""

from .change import change
from .histories import histories
from .movements import movements
from .moves import moves
from .spells import chronic, spells
from .target import target
from .transitions import transitions

__all__ = [
    "change",
    "chronic",
    "histories",
    "movements",
    "moves",
    "spells",
    "target",
    "transitions",
]
