"""At one time: rates, totals, means, ratios, monetary poverty and targeting."""

from .fgt import fgt
from .rate import rate
from .targeting import targeting
from .total import mean, ratio, total

__all__ = ["fgt", "mean", "rate", "ratio", "targeting", "total"]
