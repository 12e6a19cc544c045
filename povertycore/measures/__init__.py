"""At one time: rates, totals, means, ratios and monetary poverty."""

from .fgt import fgt
from .rate import rate
from .total import mean, ratio, total

__all__ = ["fgt", "mean", "rate", "ratio", "total"]
